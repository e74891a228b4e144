"""New rules, or a program that reads documents in another way, apply to what the archive has, without fetching it again."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.policy.scope import Area, Requisites, Scope
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.manifest.records import Standing
from mirror.store.rules.refresh_policy import RefreshPolicy
from mirror.store.run.crawl import Crawl
from tests.mirroring import complete, dangling, files, run
from tests.site import PNG, Site

HOME: Final = "http://example.org"
FOLDER: Final = "example.org"
FRESH: Final = RefreshPolicy(refresh=timedelta(days=1))
SITE: Final = Site().page("/", '<img src="/x.png">', links=["/a/", "/b/", f"{HOME}:8000/"]).page("/a/", links=["/a/1"])
SITE.page("/a/1").page("/b/").file("/x.png", PNG, "image/png")
WEB: Final = {HOME: SITE, f"{HOME}:8000": Site().page("/")}


@contextmanager
def opened(root: Path) -> Iterator[Archive]:
    with closing(Archive(root)) as archive:
        yield archive


NOW: Final = "2020-02-02T02:02:02+00:00"


def mirrored(
    root: Path, *, refresh: RefreshPolicy = FRESH, limit: int | None = None, now: str = NOW, **rules: Any
) -> list[str]:
    """Make a whole run, and return what it requested."""
    with opened(root) as archive:
        scope = Scope((canonical(HOME),), **rules)
        crawl = Crawl(archive, scope, refresh=refresh, limit=limit, now=lambda: now)
        asked = run(crawl, WEB)
        complete(crawl)
    assert dangling(root) == []
    return [url.removeprefix(HOME) for url in asked]


def standings(root: Path) -> dict[str, Standing]:
    with opened(root) as archive:
        current = (archive.manifest.resources.current(url_id) for url_id, *_ in archive.manifest.locations.all_urls())
        return {one.url.removeprefix(HOME): one.standing for one in current if one}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert len(mirrored(tmp_path)) == 6
    return tmp_path


@pytest.mark.parametrize(
    ("rules", "left_out"),
    [
        ({"exclude": re.compile("/b/")}, {"/b/"}),
        ({"include": re.compile("/b/$|org/$")}, {"/a/", "/a/1", ":8000/"}),
        ({"area": Area.HOST}, {":8000/"}),
        ({"requisites": Requisites.NONE}, {"/x.png"}),
    ],
    ids=["exclude", "include", "scope", "requisites"],
)
def test_new_rules_remove_files_and_restore_them_without_a_request(
    root: Path, rules: dict[str, Any], left_out: set[str]
) -> None:
    before = files(root)
    assert mirrored(root, **rules) == []
    assert {url for url, standing in standings(root).items() if standing is Standing.OUTSIDE} >= left_out - {"/a/1"}
    assert not {f"{FOLDER}{url}index.html" for url in left_out if url.endswith("/")} & set(files(root))
    with opened(root) as archive:
        assert len(list(archive.history.at(1))) == 6
    assert mirrored(root) == []
    assert files(root) == before
    assert set(standings(root).values()) == {Standing.PRESENT}


@pytest.mark.parametrize("policy", [FRESH, RefreshPolicy(trust=True), RefreshPolicy(timedelta(days=9999))])
@pytest.mark.parametrize("now", ["2020-02-02T01:56:00+00:00", "2019-12-31T00:00:00+00:00", "1970-01-01T00:00:00+00:00"])
def test_what_was_checked_in_the_future_is_requested(root: Path, policy: RefreshPolicy, now: str) -> None:
    assert len(mirrored(root, refresh=policy, now=now)) == 6
    with opened(root) as archive:
        assert archive.manifest.runs.after(now) == [(1, NOW)]


def test_the_clocks_of_two_machines_may_differ_a_little(root: Path) -> None:
    assert mirrored(root, now="2020-02-02T02:00:00+00:00") == []


@pytest.mark.parametrize("words", [{"limit": 1}, {"depth": 0}])
def test_a_smaller_run_takes_nothing_away(root: Path, words: dict[str, Any]) -> None:
    before = files(root)
    mirrored(root, refresh=RefreshPolicy(), **words)
    assert files(root) == before
    assert Standing.UNLINKED not in standings(root).values()


@pytest.mark.parametrize("how", ["a run", "publish"])
def test_a_new_reader_version_reads_stored_documents_again(
    root: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    find, copy = documents.find_references, documents.local_copy

    def finds_less(
        response: messages.Response, *, listing: bool = False, extra: frozenset[str] = frozenset()
    ) -> list[Reference]:
        return [ref for ref in find(response, listing=listing, extra=extra) if not ref.url.endswith("/b/")]

    def signs(*words: Any) -> bytes:
        return copy(*words) + b"<!-- signed -->"

    monkeypatch.setattr(documents, "VERSION", documents.VERSION + 1)
    monkeypatch.setattr(documents, "find_references", finds_less)
    monkeypatch.setattr(documents, "local_copy", signs)
    if how == "a run":
        assert mirrored(root) == []
        assert standings(root)["/b/"] is Standing.UNLINKED
    else:
        with opened(root) as archive:
            assert len(list(archive.publish_all())) == 6
    assert files(root)[f"{FOLDER}/a/index.html"].endswith(b"<!-- signed -->")
    assert files(root)[f"{FOLDER}/x.png"] == PNG
