"""The summary at the end of a run, and its exit code."""

from dataclasses import replace
from pathlib import Path

import pytest

from mirror.core.policy.dynamic_pages import LOADER
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.reports.exit_codes import Exit
from mirror.reports.run_summary import ClosedHost, Summary
from mirror.store.manifest.history_records import SnapshotCounts
from mirror.store.manifest.records import ErrorPages, Lack, LoginPages, RunCounts, Shortfall

PLACE = CanonicalURL("http://example.org/a")
ALL_WELL = RunCounts(
    fetched=1203,
    pages=1200,
    requisites=34,
    linked=3,
    kept=0,
    size=5_600_000,
    redirects=0,
    pending=0,
    skipped={},
    failed={},
)


def summary(counts: RunCounts, *, finished: bool = True, failures: int = 0) -> Summary:
    url = CanonicalURL("http://example.org/\x1b[31mx")
    page = CanonicalURL("http://example.org/")
    return Summary(counts, [(url, "404 Not Found", page)] * failures, Path("archive/index.html"), 12.34, finished)


@pytest.mark.parametrize(
    ("changes", "finished", "code"),
    [
        ({}, True, Exit.WELL),
        ({"failed": {"404 Not Found": 1}}, True, Exit.SOME_FAILED),
        ({"fetched": 0, "failed": {"timed out": 1}}, True, Exit.NOTHING_FETCHED),
        ({"pending": 3}, False, Exit.INTERRUPTED),
        ({"fetched": 0, "kept": 1203, "failed": {"timed out": 1203}}, True, Exit.NOTHING_FETCHED),
    ],
)
def test_exit_codes(changes: dict[str, int], finished: bool, code: Exit) -> None:
    assert summary(replace(ALL_WELL, **changes), finished=finished).exit_code is code  # type: ignore[arg-type]


def test_summary_text() -> None:
    counts = replace(
        ALL_WELL, redirects=2, skipped={"outside the scope": 4, "excluded": 5}, failed={"404 Not Found": 3}
    )
    assert summary(counts, failures=2).text().splitlines() == [
        "Mirrored 1,200 pages, 31 requisites, 3 other files; 5.6 MB in 12.3 s",
        "Redirects: 2",
        "Skipped: 9 URLs (left out by --exclude: 5; outside the scope: 4)",
        "Failed: 3 URLs (404 Not Found)",
        "  404 Not Found: http://example.org/\ufffd[31mx (on http://example.org/)",
        "  404 Not Found: http://example.org/\ufffd[31mx (on http://example.org/)",
        "  and 1 more",
        "Open archive/index.html",
    ]


def test_an_interrupted_run_says_how_to_go_on() -> None:
    assert (
        "Interrupted with 3 URLs left: run the same command again to continue"
        in summary(replace(ALL_WELL, pending=3), finished=False).text()
    )


def test_changes_and_a_held_run() -> None:
    numbers = SnapshotCounts(added=1, changed=1_200, new_size=2_000)
    held = replace(summary(replace(ALL_WELL, kept=1)), changes=numbers, rewritten=2, held=(600, 1_200))
    text = held.text()
    assert "Since the previous snapshot: 1 added, 1,200 changed; 2.0 kB new\n" in text
    assert "Links updated at the end: 2 documents\n" in text
    assert "Kept the last good copy of 1 URL that failed\n" in text
    assert "Held: 600 of 1,200 pages lost their content on the server. All of it is still in the tree.\n" in text
    assert held.exit_code is Exit.HELD
    assert "nothing changed; 0 bytes new" in replace(held, changes=SnapshotCounts()).text()


HOME = CanonicalURL("http://example.org/")
A = CanonicalURL("http://example.org/a")
LINE = "Disallow: /a (line 3)"
FETCHES = f", by {LINE}; `-s ROBOTSTXT_OBEY=0` fetches them"


@pytest.mark.parametrize(
    ("lack", "reason", "pages", "code", "line"),
    [
        (
            Lack.LINKS,
            Reason.NOFOLLOW,
            1,
            1,
            "Obeyed nofollow: did not follow 2 links, such as {}; `--obey none` fetches them",
        ),
        (
            Lack.LINKS,
            Reason.NOFOLLOW,
            2,
            0,
            "Obeyed nofollow: did not follow 2 links, such as {}; `--obey none` fetches them",
        ),
        (
            Lack.NEEDED,
            Reason.ROBOTS,
            2,
            1,
            "robots.txt forbids 2 files that pages need, such as {}" + FETCHES,
        ),
        (
            Lack.STYLES,
            Reason.ROBOTS,
            2,
            1,
            "robots.txt forbids 2 style sheets that pages need, so pages are without style, such as {}" + FETCHES,
        ),
        (
            Lack.STARTS,
            Reason.ROBOTS,
            2,
            1,
            "robots.txt forbids 2 start URLs, such as {}" + FETCHES,
        ),
        (Lack.STARTS, Reason.PRIVATE, 2, 1, "Not on the internet: 2 start URLs, such as {}; `--private` fetches them"),
        (
            Lack.LINKS,
            Reason.ROBOTS,
            1,
            1,
            "robots.txt forbids all other pages: 2 links, such as {}" + FETCHES,
        ),
        (
            Lack.REQUESTED,
            Reason.ROBOTS,
            2,
            0,
            "robots.txt forbids 2 files that scripts request, such as {}" + FETCHES,
        ),
        (
            Lack.FRAMES,
            Reason.ROBOTS,
            2,
            1,
            "Left empty, because robots.txt forbids it: 2 frames, such as {}" + FETCHES,
        ),
        (
            Lack.FRAMES,
            Reason.HOP,
            2,
            0,
            "Left empty, more than one hop away: 2 frames, such as {}; give its URL as one more start",
        ),
    ],
)
def test_what_a_copy_lacks_is_told_with_the_option_that_helps(
    lack: Lack, reason: Reason, pages: int, code: int, line: str
) -> None:
    """It is a failure if a page is not whole, or if no start leads anywhere."""
    told = summary(replace(ALL_WELL, pages=pages))
    told = replace(told, shortfalls=[Shortfall(lack, reason, 2, A, HOME, LINE)], leads_nowhere=pages == 1)
    assert line.format(f"{A} (on {HOME})") in told.text().splitlines()
    assert told.exit_code == code


def test_links_that_robots_txt_forbids_are_told_only_if_no_start_leads_anywhere() -> None:
    told = replace(summary(ALL_WELL), shortfalls=[Shortfall(Lack.LINKS, Reason.ROBOTS, 2, A, HOME, LINE)])
    assert "robots.txt" not in told.text()
    assert told.exit_code is Exit.WELL


def test_the_only_start_that_robots_txt_forbids_is_named_with_the_line() -> None:
    refused = summary(replace(ALL_WELL, fetched=0, pages=0, requisites=0, linked=0, skipped={Reason.ROBOTS: 1}))
    refused = replace(
        refused, shortfalls=[Shortfall(Lack.STARTS, Reason.ROBOTS, 1, HOME, None, "Disallow: / (line 2)")]
    )
    assert refused.text().splitlines() == [
        "Nothing could be fetched",
        "Skipped: 1 URL (forbidden by robots.txt)",
        f"robots.txt forbids 1 start URL: {HOME}, by Disallow: / (line 2); `-s ROBOTSTXT_OBEY=0` fetches it",
    ]
    assert refused.exit_code is Exit.NOTHING_FETCHED


def test_a_line_of_robots_txt_is_shortened() -> None:
    long = Shortfall(Lack.STARTS, Reason.ROBOTS, 1, HOME, None, f"Disallow: /{'x' * 500_000} (line 2)")
    text = replace(summary(ALL_WELL), shortfalls=[long]).text()
    assert "by Disallow: /xxx" in text
    assert "xxx (line 2); `-s" in text
    assert max(map(len, text.splitlines())) < 250


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({"fetched": 0, "failed": {"404 Not Found": 1}}, True),
        ({"fetched": 0, "failed": {"410 Gone": 1}}, True),
        ({"fetched": 0, "failed": {"timed out": 1}}, False),
        ({"failed": {"404 Not Found": 1}}, False),
    ],
)
def test_a_start_that_is_not_there_may_be_misspelled(changes: dict[str, int], is_told: bool) -> None:
    told = summary(replace(ALL_WELL, **changes))  # type: ignore[arg-type]
    assert ("The server has nothing at the start URL: check its spelling" in told.text().splitlines()) == is_told
    assert "spelling" not in replace(told, held=(1, 2)).text()


@pytest.mark.parametrize("is_update", [True, False])
def test_a_run_that_fetched_nothing_says_what_stays(is_update: bool) -> None:
    """A first run has nothing that could stay."""
    counts = replace(ALL_WELL, fetched=0, kept=1203, failed={"timed out": 1203})
    told = replace(summary(counts), changes=SnapshotCounts() if is_update else None)
    stays = "; the copy of an earlier run stays: 1,200 pages, 31 requisites, 3 other files; 5.6 MB" if is_update else ""
    assert told.text().splitlines()[0] == f"Nothing could be fetched{stays}"
    assert "Since the previous" not in told.text()


@pytest.mark.parametrize(
    ("until", "when"), [("", "later"), ("2026-11-30 09:36 UTC", "after 2026-11-30 09:36 UTC")], ids=["silent", "told"]
)
def test_a_host_without_its_robots_txt_is_closed_for_now(until: str, when: str) -> None:
    host = ClosedHost("http://example.org", "robots.txt can't be had: 503 Service Unavailable", until)
    lines = replace(summary(ALL_WELL), closed=[host]).text().splitlines()
    assert lines[1] == (
        "http://example.org is closed for now, because its robots.txt can't be had (503 Service Unavailable): "
        f"run the same command again {when}; `-s ROBOTSTXT_OBEY=0` does not wait for it"
    )


def test_of_many_closed_hosts_some_are_named() -> None:
    hosts = [ClosedHost(f"http://{n}.example", "robots.txt can't be had: timed out") for n in range(5)]
    text = replace(summary(ALL_WELL), closed=hosts).text()
    assert text.count("is closed for now") == 3
    assert "  and 2 more hosts\n" in text


@pytest.mark.parametrize(
    ("logins", "code", "told"),
    [
        (LoginPages(1, PLACE, are_starts=True), Exit.SOME_FAILED, "1 URL ends on a login page, such as"),
        (LoginPages(2, PLACE, are_starts=False), Exit.WELL, "2 URLs end on a login page, such as"),
    ],
)
def test_login_pages_are_told_with_the_option_that_helps(logins: LoginPages, code: Exit, told: str) -> None:
    done = replace(summary(ALL_WELL), logins=logins)
    assert f"{told} {PLACE}: `--cookies FILE`" in done.text()
    assert done.exit_code is code


def test_a_page_that_needs_a_browser_is_told_with_what_to_install() -> None:
    text = replace(
        summary(ALL_WELL), in_need=(PLACE, "rendering needs playwright: pip install websucker[browser]")
    ).text()
    assert f"Scripts build pages such as {PLACE}, " in text
    assert ": rendering needs playwright: pip install websucker[browser]\n" in text


@pytest.mark.parametrize(("what", "code"), [("refused: POST", Exit.WELL), (LOADER, Exit.SOME_FAILED)])
def test_what_went_wrong_with_rendered_pages_is_told(what: str, code: Exit) -> None:
    """A page that shows only its loader is not there."""
    told = replace(summary(ALL_WELL), problems=[(what, 2, A)])
    helps = "" if what == LOADER else " (`--variants all` sends them to the sites of the starts, if they are harmless)"
    assert f"  {what}: 2 pages, such as {A}{helps}\n" in told.text()
    assert told.exit_code is code


@pytest.mark.parametrize(
    ("pages", "code", "told"),
    [
        (
            ErrorPages(404, are_starts=True, count=1, url=PLACE),
            Exit.SOME_FAILED,
            "404 Not Found for 1 start, such as {}; the page was",
        ),
        (
            ErrorPages(410, are_starts=True, count=2, url=PLACE),
            Exit.SOME_FAILED,
            "410 Gone for 2 starts, such as {}; the pages were",
        ),
        (
            ErrorPages(404, are_starts=False, count=1, url=PLACE),
            Exit.WELL,
            "for 1 URL that only scripts know, such as {}; the page was",
        ),
    ],
)
def test_pages_that_were_kept_although_the_server_calls_them_errors_are_told(
    pages: ErrorPages, code: Exit, told: str
) -> None:
    done = replace(summary(ALL_WELL), error_pages=[pages])
    assert (done.exit_code, told.format(PLACE) in done.text()) == (code, True)
