"""A site that changes between two runs, each URL in its own way, and what becomes of the copies.

In the first run every URL answers well. In the second each URL answers as its row of `ROWS` says. In the third all answer well
again.
"""

import gzip
import hashlib
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import brotli
import pytest

from mirror.core.policy.lost_content import CUT_SHORT, EMPTY
from tests.crawl.running import ended, mirror, process, publish, rows, tree
from tests.mirroring import dangling, folder
from tests.site import HTML, Handler, Page, Resource, Server, Site, serve
from tests.warm import Done

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PATIENCE = {
    "DOWNLOAD_TIMEOUT": "2",
    "RETRY_TIMES": "1",
    "MIRROR_BACKOFF": "1",  # the default: with less, so much fails so fast that the host is given up
    "MIRROR_PROGRESS": "off",
}
FEW = 3  # rows for which the host may be given up before their last tries
AGAIN = 2  # RETRY_TIMES=1


# How a URL may answer


def text(title: str, body: str = "") -> bytes:
    return f"<!DOCTYPE html>\n<title>{title}</title>\n<p>{body or title}\n".encode()


BEFORE, NOW = text("Fish", "All about fish. " * 20), text("Fish", "All about fish, and chips. " * 20)
LOGIN = text("Sign in", '<form method="post"><input type="password" name="p"></form>')
GZIP, BR, ZSTD = gzip.compress(BEFORE, mtime=0), brotli.compress(BEFORE), zstd.compress(BEFORE)


LONGER, SHORTER = text("Fish", "Even more about fish. " * 30), text("Fish", "Less.")
SHORTER_GZIP = gzip.compress(SHORTER, mtime=0)


def page(body: bytes, status: int = 200, /, **headers: str) -> Page:
    return Page(
        status, {"Content-Type": HTML} | {name.replace("_", "-"): value for name, value in headers.items()}, body
    )


def flipped(payload: bytes, position: int) -> bytes:
    """The payload with one wrong bit."""
    return payload[:position] + bytes([payload[position] ^ 1]) + payload[position + 1 :]


def breaks_off(body: bytes, **headers: str) -> Callable[[Handler], None]:
    """Send these headers and this body unchanged, then close the connection."""

    def answer(request: Handler) -> None:
        request.send_response(200)
        for name, value in (page(b"", **headers)).headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


def dies_behind_headers(**headers: str) -> Callable[[Handler], None]:
    """Send headers without a length, and not a byte of the body."""
    return breaks_off(b"", **headers)


def confirms_another(request: Handler) -> None:
    """A 304 about another version than the one that is asked for; without conditions, that version."""
    conditional = "If-None-Match" in request.headers
    request.reply(Page(304, {"ETag": '"fish-2"'}) if conditional else page(NOW, ETag='"fish-2"'))


def refuses_conditions(request: Handler) -> None:
    request.reply(Page(412) if "If-None-Match" in request.headers else page(NOW, ETag='"fish-2"'))


def hangs_up(request: Handler) -> None:
    request.close_connection = True
    request.connection.close()


def never(request: Handler) -> None:
    request.rfile.read(1)  # until the client disconnects
    request.close_connection = True


def validated(condition: str, validator: str, value: str) -> Callable[[Handler], None]:
    """A page with a validator; 304 if the request has it."""

    def answer(request: Handler) -> None:
        known = request.headers.get(condition) == value
        request.reply(Page(304, {validator: value}) if known else page(BEFORE, **{validator: value}))

    return answer


ETAG = validated("If-None-Match", "ETag", '"fish-1"')
DATED = validated("If-Modified-Since", "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")


GOOD = page(BEFORE)


@dataclass(frozen=True)
class Row:
    """How a URL answers in the second run, and what follows: the file in the tree, the record in the manifest.

    `asked`: how often the second run requests the URL; 2 stands for 2 or more. A URL without links to it has no answer.
    """

    name: str
    now: Resource | None
    tree: bytes | None
    standing: str
    error: str | None = None
    asked: int = 1
    before: Resource | None = GOOD

    @property
    def path(self) -> str:
        return "/" + self.name.replace(" ", "-")


ROWS = [
    Row("forbidden", page(text("Forbidden"), 403), BEFORE, "kept", "403 Forbidden"),
    Row("not found", page(text("Not found"), 404), None, "gone", "404 Not Found"),
    Row("gone", page(text("Gone"), 410), None, "gone", "410 Gone"),
    Row("server error", page(text("Oops"), 500), BEFORE, "kept", "500 Internal Server Error", AGAIN),
    Row("too slow", never, BEFORE, "kept", "timed out", AGAIN),
    Row("short", breaks_off(NOW[:99], Content_Length="999"), BEFORE, "kept", "cut short by the server", AGAIN),
    Row(
        "chunks without an end",
        breaks_off(b"63\r\n%b\r\n" % NOW[:99], Transfer_Encoding="chunked"),
        BEFORE,
        "kept",
        "cut short by the server",
        AGAIN,
    ),
    Row(
        "chunks of no length",
        breaks_off(b"63\r\n%b\r\nfish\r\n" % NOW[:99], Transfer_Encoding="chunked"),
        BEFORE,
        "kept",
        "cut short by the server",
        AGAIN,
    ),
    Row("gzip cut", page(GZIP[:-20], Content_Encoding="gzip"), BEFORE, "kept", "broken gzip", AGAIN),
    Row("gzip flipped", page(flipped(GZIP, 30), Content_Encoding="gzip"), BEFORE, "kept", "broken gzip", AGAIN),
    Row("gzip sum", page(flipped(GZIP, -8), Content_Encoding="gzip"), BEFORE, "kept", "broken gzip", AGAIN),
    Row("br cut", page(BR[:-1], Content_Encoding="br"), BEFORE, "kept", "broken br", AGAIN),
    Row("zstd cut", page(ZSTD[:-1], Content_Encoding="zstd"), BEFORE, "kept", "broken zstd", AGAIN),
    Row("dies", dies_behind_headers(), BEFORE, "kept", "cut short by the server", AGAIN),
    Row("dies in gzip", dies_behind_headers(Content_Encoding="gzip"), BEFORE, "kept", "cut short by the server", AGAIN),
    Row(
        "new and dying",
        dies_behind_headers(Content_Encoding="zstd"),
        None,
        "failed",
        "cut short by the server",
        AGAIN,
        before=None,
    ),
    Row("cut by a close", breaks_off(NOW[:99]), BEFORE, "kept", CUT_SHORT),
    Row("ended by a close", breaks_off(LONGER), LONGER, "present"),
    Row("gzip ended by a close", breaks_off(SHORTER_GZIP, Content_Encoding="gzip"), SHORTER, "present"),
    Row("empty", page(b""), BEFORE, "kept", EMPTY),
    Row("empty chunks", breaks_off(b"0\r\n\r\n", Transfer_Encoding="chunked"), BEFORE, "kept", EMPTY),
    Row("no content", Page(204), BEFORE, "kept", "204 No Content"),
    Row("challenge", page(text("Are you human?"), 202), BEFORE, "kept", "202 Accepted"),
    Row("etag of another", confirms_another, NOW, "present", asked=AGAIN, before=ETAG),
    Row("etag refused", refuses_conditions, NOW, "present", asked=AGAIN, before=ETAG),
    Row("hangs up", hangs_up, BEFORE, "kept", "connection closed by the server", AGAIN),
    Row("login page", page(LOGIN), BEFORE, "kept", "login page where a page was"),
    Row("sent to login", Page(302, {"Location": "/login"}), BEFORE, "kept", "login page where a page was"),
    Row("soft 404", page(text("Page not found")), BEFORE, "kept", "soft 404 where a page was"),
    Row("etag", ETAG, BEFORE, "present", before=ETAG),
    Row("last modified", DATED, BEFORE, "present", before=DATED),
    Row("same", page(BEFORE), BEFORE, "present"),
    Row("same in gzip", page(GZIP, Content_Encoding="gzip"), BEFORE, "present"),
    Row("same in br", page(BR, Content_Encoding="br"), BEFORE, "present"),
    Row("same in zstd", page(ZSTD, Content_Encoding="zstd"), BEFORE, "present"),
    Row("changed", page(NOW), NOW, "present"),
    Row("unlinked", None, BEFORE, "unlinked", asked=0),
    Row("new", page(NOW), NOW, "present", before=None),
]


def site(answers: dict[str, Resource | None]) -> Site:
    """A site whose start page links every URL that answers."""
    made = Site().page("/", links=[path for path, answer in answers.items() if answer])
    made.update({path: answer for path, answer in answers.items() if answer})
    return made


# Three runs


@dataclass(frozen=True)
class Run:
    """The result of a run."""

    done: Done
    tree: dict[str, str]
    objects: set[str]
    says: dict[str, tuple[object, ...]]
    asked: Counter[str]


def run(server: Server, out: Path, answers: dict[str, Resource | None]) -> Run:
    server.site = site(answers)
    server.requests.clear()
    done = mirror(server.url, out, settings=PATIENCE)
    says = rows(out, "SELECT url, standing, error FROM resources JOIN urls ON urls.id = url_id WHERE until IS NULL")
    by_path = {str(url).removeprefix(server.url): tuple(of) for url, *of in says}
    return Run(done, tree(out), objects(out), by_path, Counter(server.paths))


def objects(out: Path) -> set[str]:
    return {place.parent.name + place.name for place in (out / ".mirror" / "objects").glob("??/*")}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Story:
    """The results of all runs, and of a run into a new archive at the end."""

    out: Path
    folder: str
    first: Run
    second: Run
    third: Run
    fresh: Run
    published: dict[str, str]  # the tree, published anew after the second run


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    out = tmp_path_factory.mktemp("changes")
    again = {row.path: row.before or (GOOD if row.error else row.now) for row in ROWS}
    with serve(Site()) as server:
        first = run(server, out / "a", {row.path: row.before for row in ROWS})
        second = run(server, out / "a", {row.path: row.now for row in ROWS})
        assert publish(out / "a").code == 0
        published = tree(out / "a")
        third = run(server, out / "a", again)
        fresh = run(server, out / "b", again)
        return Story(out / "a", folder(server.url), first, second, third, fresh, published)


def test_the_first_run_finds_every_url_well(story: Story) -> None:
    assert story.first.done.code == 0
    assert {standing for standing, _ in story.first.says.values()} == {"present", "gone"}  # gone: robots.txt
    assert max(story.first.asked.values()) == 1


def is_given_up(story: Story, row: Row) -> bool:
    """Whether the host was given up before the last try of a row: so many rows fail that this may happen to a few."""
    return str(story.second.says[row.path][1]).startswith("host given up after ")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_url_ends_as_its_row_says(story: Story, row: Row) -> None:
    second = story.second
    if is_given_up(story, row):
        assert second.says[row.path][0] == row.standing
    else:
        assert second.says[row.path] == (row.standing, row.error)
    assert second.tree.get(f"{story.folder}{row.path}~.html") == (row.tree and digest(row.tree))
    assert min(second.asked[row.path], AGAIN) == row.asked or is_given_up(story, row)  # Twisted has retries of its own


def test_only_complete_good_answers_and_pages_of_404_and_410_became_objects(story: Story) -> None:
    gone = {digest(row.now.body) for row in ROWS if row.standing == "gone" and isinstance(row.now, Page)}
    index = digest(site({row.path: row.now for row in ROWS})["/"].body)  # type: ignore[union-attr]
    changed = {digest(body) for body in (NOW, LONGER, SHORTER)}
    assert story.second.objects - story.first.objects == changed | {index} | gone


def test_login_pages_are_not_visited(story: Story) -> None:
    assert "/login" not in story.second.asked


def test_the_summary_of_the_second_run(story: Story) -> None:
    done = story.second.done
    assert done.code == 1
    assert (
        "Since the previous snapshot: 1 added, 6 changed, 2 gone, 1 unlinked; " in done.stderr
    )  # the start page changed, too
    given_up = [row.name for row in ROWS if is_given_up(story, row)]
    assert len(given_up) <= FEW, given_up
    for row in ROWS:
        assert f" {row.error}" in done.stderr or row.error is None or row.name in given_up
    assert "Traceback" not in done.stderr


def test_the_tree_is_whole_after_each_run_and_can_be_made_again(story: Story) -> None:
    assert story.published == story.second.tree
    assert dangling(story.out) == []


def test_a_third_run_leaves_no_trace_of_the_failures(story: Story) -> None:
    third = story.third
    assert third.done.code == 0
    assert third.tree == story.fresh.tree
    index = {"index.html", f"{story.folder}/index.html"}
    kept = {path: digest for path, digest in story.first.tree.items() if path not in index}
    new = {f"{story.folder}{row.path}~.html" for row in ROWS if row.before is None}
    assert {path: digest for path, digest in third.tree.items() if path not in index | new} == kept
    assert set(third.tree) == set(story.first.tree) | new
    assert {standing for standing, _ in third.says.values()} == {"present", "gone"}


# Sites that do not change


def test_an_unchanged_site_costs_one_request_per_resource_and_no_object(tmp_path: Path) -> None:
    answers: dict[str, Resource | None] = {"/a": page(BEFORE), "/b": ETAG, "/c": DATED, "/d": page(NOW)}
    with serve(Site()) as server:
        first, second = (run(server, tmp_path, answers) for _ in range(2))
    assert second.asked == first.asked == Counter(["/robots.txt", "/", *answers])
    assert second.objects == first.objects
    assert second.tree == first.tree
    assert second.done.code == 0
    assert "Since the previous snapshot: nothing changed; 0 bytes new" in second.done.stderr


def test_a_304_on_the_start_page_does_not_end_the_run(tmp_path: Path) -> None:
    def start(request: Handler) -> None:
        tag = {"ETag": '"start"'}
        known = request.headers.get("If-None-Match") == tag["ETag"]
        request.reply(Page(304, tag) if known else page(b'<a href="/a">a</a><img src="/x.png">', **tag))

    made = Site().page("/a", links=["/b"]).page("/b").file("/x.png", b"old", "image/png")
    made["/"] = start
    with serve(made) as server:
        assert mirror(server.url, tmp_path).code == 0
        made.page("/b", "new", links=["/c"]).page("/c").file("/x.png", b"new", "image/png")
        server.requests.clear()
        done = mirror(server.url, tmp_path)
    assert sorted(server.paths) == ["/", "/a", "/b", "/c", "/robots.txt", "/x.png"]
    assert "1 added, 2 changed" in done.stderr
    assert done.code == 0
    assert tree(tmp_path)[f"{folder(server.url)}/x.png"] == digest(b"new")


# SIGTERM: what service managers send. SIGHUP: what a terminal sends that is closed


@pytest.mark.parametrize("sent", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_sigterm_and_sighup_are_as_clean_as_ctrl_c(tmp_path: Path, sent: signal.Signals) -> None:
    reached, released = Event(), Event()

    def hold(request: Handler) -> None:
        reached.set()
        released.wait(60)
        request.reply(page(BEFORE))

    made = Site().page("/", links=["/a", "/b"]).page("/b", links=["/c", "/d"]).page("/c").page("/d")
    made["/a"] = hold
    with serve(made) as server:
        running = process(server.url, tmp_path, settings={"CONCURRENT_REQUESTS": "1"})
        assert reached.wait(60)
        running.send_signal(sent)
        assert running.stderr is not None
        assert "Ctrl-C again" in running.stderr.readline()
        released.set()
        done = ended(running)
        assert done.code == 130
        assert "left: run the same command again to continue" in done.stderr
        assert dangling(tmp_path) == []
        again = mirror(server.url, tmp_path)
    assert "Resuming the run" in again.stderr
    assert again.code == 0
    assert sorted(server.paths) == ["/", "/a", "/b", "/c", "/d", "/robots.txt", "/robots.txt"]
