"""The history of a URL in words."""

from dataclasses import replace

import pytest

from mirror.core.policy.scope import Reason, Role
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.reports.url_report import account_lines
from mirror.store.manifest.history_records import UrlHistory
from mirror.store.manifest.records import Entry, Resource, Standing, State

URL = CanonicalURL("http://example.org/a")
ROBOTS = CanonicalURL("http://example.org/robots.txt")
BEGAN = "2026-11-30T08:00:00+00:00"
PAGE = Entry(1, URL, State.DONE, frozenset({Role.PAGE}), 1)
GOOD = Resource(1, URL, BEGAN, 200, (), None, 5, "text/html", LocalPath("a.html"), None, checked=BEGAN)
MISSING = replace(GOOD, status=404, path=None, error="404 Not Found", standing=Standing.GONE)


@pytest.mark.parametrize(
    ("entry", "rule", "told"),
    [
        (PAGE, None, "requested as a page, 1 link from a start"),
        (
            PAGE._replace(guess=True),
            None,
            "requested as a page, guessed from a string that looks like a URL, 1 link from a start",
        ),
        (
            PAGE._replace(roles=frozenset({Role.PAGE, Role.REQUISITE}), depth=0),
            None,
            "requested as a file that a page needs and a page, 0 links from a start",
        ),
        (PAGE._replace(state=State.SKIPPED, reason=Reason.SIZE), None, "not fetched, larger than --max-file"),
        (
            PAGE._replace(state=State.SKIPPED, reason=Reason.ROBOTS),
            "Disallow: /a (line 2)",
            "not fetched, forbidden by robots.txt: Disallow: /a (line 2)",
        ),
        (
            PAGE._replace(state=State.SKIPPED, reason=Reason.TRAP),
            "pages by number",
            "not fetched, in a trap: pages by number; `--no-traps` follows what is in a trap",
        ),
    ],
)
def test_a_decision(entry: Entry, rule: str | None, told: str) -> None:
    [_, line] = account_lines(URL, UrlHistory(URL, BEGAN, entry, BEGAN, rule=rule), ())
    assert line == f"run of 2026-11-30 08:00:00: {told}"


def test_robots_txt_is_no_guess_for_a_user() -> None:
    entry = Entry(1, ROBOTS, State.DONE, frozenset({Role.LISTING}), 0, guess=True)
    [_, line] = account_lines(ROBOTS, UrlHistory(ROBOTS, BEGAN, entry, BEGAN), ())
    assert line.endswith(": requested as the rules of its host, 0 links from a start")


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ([MISSING], ["not on the server (404 Not Found)"]),
        ([GOOD, MISSING], ["in the tree", "gone (404 Not Found)"]),
        ([MISSING, GOOD, MISSING], ["not on the server (404 Not Found)", "in the tree", "gone (404 Not Found)"]),
        ([replace(GOOD, standing=Standing.KEPT, error="timed out")], ["the last good copy is in the tree (timed out)"]),
    ],
)
def test_only_what_was_there_is_gone(versions: list[Resource], told: list[str]) -> None:
    _, *lines = account_lines(URL, UrlHistory(URL, BEGAN, versions=[(one, BEGAN, None) for one in versions]), ())
    said = [line.removeprefix("since 2026-11-30 08:00:00: ").partition(";")[0].partition(": ")[0] for line in lines]
    assert said == told
