"""The site with planted faults is what its table says: each fault is one, each trap none, each link where it should be."""

import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urldefrag, urljoin, urlsplit

import pytest

from tests.links.faults import KINDS, Holder, row_of, target_of
from tests.links.planted import FAULTS, HOLDER_OF, HOLDERS, PLACES, ROWS, SECURE, TRAPS, served, served_securely, sites
from tests.site import Page, Server

MOST_REDIRECTS = 20
ALL_HOLDERS = (*HOLDERS, *SECURE)


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(_Stay())


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with served() as both:
        yield both


def filled(text: str, servers: tuple[Server, Server]) -> str:
    return servers[0].filled(text.encode()).decode()


def asked(url: str) -> tuple[int | None, list[str]]:
    """What a client gets in the end, and the URLs that it was redirected to. `None` is no answer: none at all, or a loop."""
    steps: list[str] = []
    while len(steps) < MOST_REDIRECTS:
        status, location = _answer(urldefrag(steps[-1] if steps else url).url)
        if status is None or not location:
            return status, steps
        steps.append(urljoin(steps[-1] if steps else url, location))
    return None, steps


def _answer(url: str) -> tuple[int | None, str]:
    if (urlsplit(url).hostname or "").endswith(".invalid"):
        return None, ""  # RFC 6761: no such host, ever
    try:
        with OPENER.open(quote(url, safe="%/:=&?~#+!$,;'@()*[]|"), timeout=0.5) as answer:
            answer.read()
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            error.read()
            return error.code, error.headers.get("Location", "")
    except (OSError, HTTPException):
        return None, ""


# The table


def test_there_are_faults_and_traps_of_all_kinds() -> None:
    assert len(FAULTS) >= 200
    assert len(TRAPS) >= 150
    assert {kind for row in FAULTS.values() for kind in row.kinds} == set(KINDS)
    assert len(ROWS) == sum(len(holder.rows) for holder in ALL_HOLDERS), "each name is used once"


@pytest.mark.parametrize("holder", ALL_HOLDERS, ids=lambda holder: holder.path)
def test_a_target_names_its_row(holder: Holder) -> None:
    for row in holder.rows:
        if row.status != 0:
            assert row_of(target_of(holder, row), ROWS) is row, row.name


@pytest.mark.parametrize(
    "holder", [holder for holder in ALL_HOLDERS if not holder.headers], ids=lambda holder: holder.path
)
def test_a_link_is_where_the_table_says(holder: Holder) -> None:
    source = holder.page().body.decode(holder.encoding)
    lines = re.split(r"\r\n|\r|\n", source)
    for row in holder.rows:
        place = PLACES[row.name]
        rest = "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])
        assert rest.startswith(row.link), row.name
        assert place.value_column <= place.column
        assert "«" not in source


# What the servers say


@pytest.mark.parametrize("holder", [holder for holder in HOLDERS if holder.rows], ids=lambda holder: holder.path)
def test_each_target_answers_as_the_table_says(holder: Holder, servers: tuple[Server, Server]) -> None:
    for row in holder.rows:
        if row.status == 0:
            continue
        status, steps = asked(filled(target_of(holder, row), servers))
        assert status == row.status, row.name
        if row.status is not None and len(row.hops) < MOST_REDIRECTS:
            assert len(steps) == len(row.hops), row.name
        if row.instead:
            assert urldefrag(steps[-1]).url == urldefrag(filled(row.instead, servers)).url, row.name


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.path)
def test_a_fault_of_a_server_is_called_broken_or_unclear_and_only_that(holder: Holder) -> None:
    for row in holder.rows:
        is_refused = row.status is None or row.status >= 400 or row.name in {"other-bad-port", "no-location"}
        if row.kinds and is_refused:
            assert set(row.kinds) & {"broken", "unclear"}, row.name
        elif row.kinds:
            assert not set(row.kinds) & {"broken"}, row.name


def test_a_permanent_redirect_is_one() -> None:
    for row in FAULTS.values():
        if row.kinds == ("redirect",):
            assert row.hops[0][0] in {301, 308}, row.name
    for row in TRAPS.values():
        assert not row.hops or row.hops[0][0] in {302, 303, 307}, row.name


def test_all_pages_with_rows_are_there_and_reached(servers: tuple[Server, Server]) -> None:
    main, _ = servers
    with urllib.request.urlopen(main.url) as answer:
        start = answer.read().decode()
    for holder in HOLDERS:
        status, _ = asked(main.url + holder.path)
        assert status == 200, holder.path
        assert holder.path in start or holder.path in {"/robots.txt", "/sitemap.xml"}


def test_only_planted_copies_are_alike() -> None:
    """Apart from files that are no pages."""
    paths: dict[bytes, list[str]] = defaultdict(list)
    for path, resource in sites()[0].items():
        if isinstance(resource, Page) and _is_page(resource):
            paths[resource.body].append(path)
    assert [found for found in paths.values() if len(found) > 1] == [
        ["/t/twice-one", "/t/twice-two"],
        ["/t/copy-one", "/t/copy-two"],
    ]


def _is_page(resource: Page) -> bool:
    is_html = "html" in resource.headers.get("Content-Type", "")
    return resource.status == 200 and is_html and bool(resource.body)


def test_a_false_row_would_be_noticed(servers: tuple[Server, Server]) -> None:
    main, _ = servers
    assert asked(f"{main.url}/t/not-found") == (404, [])
    assert asked(f"{main.url}/t/loop")[0] is None
    assert asked(f"{main.url}/t/found-302") == (200, [f"{main.url}/t/found-302/1"])


def test_the_site_with_mixed_content_is_served_by_https(tmp_path: Path) -> None:
    import ssl  # noqa: PLC0415 - for this test only

    with served_securely(tmp_path) as (server, authority):
        trusting: Any = ssl.create_default_context(cafile=str(authority))
        for holder in SECURE:
            with urllib.request.urlopen(server.url + holder.path, context=trusting) as answer:
                assert answer.read() == holder.page().body
    assert all(
        target_of(HOLDER_OF[row.name], row).startswith("http://plain.invalid/")
        for holder in SECURE
        for row in holder.rows
    )
