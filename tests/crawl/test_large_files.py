"""Files that are written to the disk during the transfer: transfers resume, and only complete and correct files are stored."""

import json
import signal
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from pathlib import Path
from random import Random
from threading import Event
from typing import Final

import pytest

from benchmarks.suite.measure import run as measured
from mirror.store.disk import block_sums
from tests.crawl.running import ROOT, SCRAPY, ended, interrupted, mirror, process, rows
from tests.marks import some_long
from tests.site import Handler, Server, Site, serve
from tests.warm import Done

SIZE: Final = 3 << 20
OLD, NEW = (Random(seed).randbytes(SIZE) for seed in (1, 2))
TAG, OTHER_TAG = '"one"', '"two"'
STALE: Final = "Sun, 06 Nov 1994 08:49:37 GMT"


@dataclass
class Large:
    """A file on a server. Its first answer stops in the middle and waits; `rest` gives the following ones."""

    rest: Callable[["Large", Handler, int | None], None]
    validators: dict[str, str] = field(default_factory=lambda: {"ETag": TAG})
    sent: int = SIZE * 6 // 10
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)
    free: Event = field(default_factory=Event)

    def __call__(self, handler: Handler) -> None:
        wanted = handler.headers.get("Range")
        self.asked.append((wanted, handler.headers.get("If-Range")))
        if len(self.asked) > 1:
            self.rest(self, handler, int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else None)
            return
        self.head(handler, 200, SIZE, self.validators)
        handler.wfile.write(OLD[: self.sent])
        handler.wfile.flush()
        self.stopped.set()
        self.free.wait(60)
        handler.close_connection = True

    def head(self, handler: Handler, status: int, length: int, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in {
            "Content-Type": "application/x-iso9660-image",
            "Content-Length": str(length),
            **headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()

    def whole(self, handler: Handler, payload: bytes, tag: str = TAG) -> None:
        self.head(handler, 200, len(payload), {"ETag": tag})
        handler.wfile.write(payload)

    def part(self, handler: Handler, start: int, payload: bytes = OLD, tag: str = TAG, total: int = SIZE) -> None:
        range_ = f"bytes {start}-{len(payload) - 1}/{total}"
        self.head(handler, 206, len(payload) - start, {"ETag": tag, "Content-Range": range_})
        handler.wfile.write(payload[start:])


def goes_on(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, OLD)
    else:
        large.part(handler, start)


def has_changed(large: Large, handler: Handler, start: int | None) -> None:
    large.whole(handler, NEW, OTHER_TAG)


def knows_no_ranges(large: Large, handler: Handler, start: int | None) -> None:
    large.whole(handler, OLD)


def sends_another_range(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, OLD)
    else:
        large.part(handler, start - 1000)


def sends_a_range_of_another_file(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, NEW, OTHER_TAG)
    else:
        large.part(handler, start, NEW, OTHER_TAG)


def sends_a_range_of_a_longer_file(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, NEW + OLD)
    else:
        large.part(handler, start, NEW + OLD, total=2 * SIZE)


def sends_a_range_of_another_weak_file(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, NEW, f"W/{OTHER_TAG}")
    else:
        large.part(handler, start, NEW, f"W/{OTHER_TAG}")


def sends_a_range_of_another_date(large: Large, handler: Handler, start: int | None) -> None:
    now = {"Last-Modified": formatdate(usegmt=True)}
    if start is None:
        large.head(handler, 200, SIZE, now)
        handler.wfile.write(NEW)
    else:
        large.head(handler, 206, SIZE - start, now | {"Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"})
        handler.wfile.write(NEW[start:])


def understands_no_range(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, OLD)
    else:
        large.head(handler, 400, 0, {})


def refuses_ranges_with(status: int) -> Callable[[Large, Handler, int | None], None]:
    """A server that would send the whole, and answers requests for a range in a way of its own."""

    def answer(large: Large, handler: Handler, start: int | None) -> None:
        if start is None:
            large.whole(handler, OLD)
        else:
            large.head(handler, status, 0, {})

    answer.__name__ = f"refuses_ranges_with_{status}"
    return answer


def sends_short_ranges(large: Large, handler: Handler, start: int | None) -> None:
    """Ranges of a fiftieth of the file, which are more than there are tries."""
    assert start is not None
    end = min(start + SIZE // 50, SIZE)
    large.head(handler, 206, end - start, {"ETag": TAG, "Content-Range": f"bytes {start}-{end - 1}/{SIZE}"})
    handler.wfile.write(OLD[start:end])


def says_that_there_is_no_such_range(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, NEW[:1000], OTHER_TAG)
    else:
        large.head(handler, 416, 0, {"Content-Range": "bytes */1000"})


def is_cut_again(large: Large, handler: Handler, start: int | None) -> None:
    if len(large.asked) > 2:
        goes_on(large, handler, start)
        return
    assert start is not None
    large.head(handler, 206, SIZE - start, {"ETag": TAG, "Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"})
    handler.wfile.write(OLD[start : start + SIZE // 5])
    handler.close_connection = True


def site(large: Large) -> Site:
    site = Site().page("/", links=["/a.iso"])
    site["/a.iso"] = large
    return site


def partial(out: Path) -> list[Path]:
    return [place for place in (out / ".mirror" / "partial").iterdir() if "." not in place.name]


def cut_off(server: Server, large: Large, out: Path, sent: int) -> None:
    """Run a crawl, and kill it when so many bytes are on the disk."""
    running = process(server.url, out, settings={"RETRY_TIMES": "2"})
    assert large.stopped.wait(60)
    while sum(place.stat().st_size for place in partial(out)) < sent - (1 << 20):
        assert running.poll() is None
    running.kill()
    assert ended(running).code == -signal.SIGKILL
    large.free.set()


def copy(out: Path) -> bytes:
    (place,) = out.glob("127.0.0.1_*/a.iso")
    return place.read_bytes()


REST = [
    (goes_on, OLD, 1),
    (has_changed, NEW, 1),
    (knows_no_ranges, OLD, 1),
    (sends_another_range, OLD, 2),
    (sends_a_range_of_another_file, NEW, 2),
    (sends_a_range_of_another_weak_file, NEW, 2),
    (sends_a_range_of_another_date, NEW, 2),
    (sends_a_range_of_a_longer_file, NEW + OLD, 2),
    (understands_no_range, OLD, 2),
    (says_that_there_is_no_such_range, NEW[:1000], 2),
    (is_cut_again, OLD, 2),
]
OTHERS = {
    knows_no_ranges,
    sends_a_range_of_another_weak_file,
    sends_a_range_of_another_date,
    says_that_there_is_no_such_range,
}
"""Answers that are much like another one."""


@pytest.mark.parametrize(
    "row", some_long(REST, [row for row in REST if row[0] in OTHERS]), ids=[rest.__name__ for rest, _, _ in REST]
)
def test_a_file_that_a_kill_cut_off_is_resumed(
    tmp_path: Path, row: tuple[Callable[[Large, Handler, int | None], None], bytes, int]
) -> None:
    rest, expected, requests = row
    large = Large(rest)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        (place,) = partial(tmp_path)
        there = place.stat().st_size
        assert 0 < there <= large.sent
        done = mirror(server.url, tmp_path)
        assert done.code == 0
        assert copy(tmp_path) == expected
        assert len(large.asked) == 1 + requests
        # the kill may have come between the last bytes and their checksum
        begins = {f"bytes={at}-" for at in (there, there // block_sums.BLOCK * block_sums.BLOCK)}
        assert large.asked[1][0] in begins
        assert large.asked[1][1] == TAG
        assert list((tmp_path / ".mirror" / "partial").iterdir()) == []


def test_zeros_that_a_power_cut_left_in_a_part_are_not_joined_with_the_rest(tmp_path: Path) -> None:
    large = Large(goes_on)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        (place,) = partial(tmp_path)
        there = place.read_bytes()
        place.write_bytes(there[: SIZE // 5] + bytes(len(there) - SIZE // 5))
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked[1] == (f"bytes={SIZE // 5 // block_sums.BLOCK * block_sums.BLOCK}-", TAG)


def sends_a_range_of_another_file_with_the_same_tag(large: Large, handler: Handler, start: int | None) -> None:
    if start is None:
        large.whole(handler, NEW)
    else:
        large.part(handler, start, NEW)


def test_a_file_that_is_not_as_its_server_stated_once_it_is_joined_is_fetched_as_a_whole(tmp_path: Path) -> None:
    stated = {"ETag": TAG, "Digest": f"SHA-256={b64encode(sha256(OLD).digest()).decode()}"}
    large = Large(sends_a_range_of_another_file_with_the_same_tag, stated)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == NEW
        assert [wanted is None for wanted, _ in large.asked] == [True, False, True]


@pytest.mark.parametrize(
    "validators",
    [
        {},
        {"ETag": f"W/{TAG}"},
        {"ETag": TAG, "Accept-Ranges": "none"},
        {"Last-Modified": STALE, "Date": STALE},
    ],
    ids=["none", "weak", "no ranges", "changed just now"],
)
def test_a_file_that_its_server_can_not_resume_starts_anew(tmp_path: Path, validators: dict[str, str]) -> None:
    large = Large(goes_on, validators)
    if "Date" in validators:
        large.head = plain  # type: ignore[method-assign]
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked == [(None, None), (None, None)]


def plain(handler: Handler, status: int, length: int, headers: dict[str, str]) -> None:
    """An answer without a Date header."""
    handler.send_response_only(status)
    for name, value in {"Content-Length": str(length), **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()


def test_a_date_of_long_ago_is_a_validator(tmp_path: Path) -> None:
    large = Large(goes_on, {"Last-Modified": STALE})
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        assert mirror(server.url, tmp_path).code == 0
        assert large.asked[1][1] == STALE


def cut_in_one_run(
    rest: Callable[[Large, Handler, int | None], None], out: Path, **settings: str
) -> tuple[Large, Done]:
    """A run in which the server closes the connection in the middle of the file, and answers the rest in this way."""
    large = Large(rest)
    large.free.set()
    with serve(site(large)) as server:
        return large, mirror(server.url, out, settings={"RETRY_TIMES": "1", "MIRROR_BACKOFF": "0.1", **settings})


@pytest.mark.parametrize(
    "status", [304, pytest.param(403, marks=pytest.mark.long), 500, pytest.param(404, marks=pytest.mark.long)]
)
def test_a_server_that_refuses_ranges_is_asked_for_the_whole_in_the_same_run(tmp_path: Path, status: int) -> None:
    large, done = cut_in_one_run(refuses_ranges_with(status), tmp_path)
    assert done.code == 0
    assert copy(tmp_path) == OLD
    assert large.asked == [(None, None), (f"bytes={large.sent}-", TAG), (None, None)]


def test_short_ranges_that_make_progress_use_up_no_tries(tmp_path: Path) -> None:
    large, done = cut_in_one_run(sends_short_ranges, tmp_path)
    assert done.code == 0
    assert copy(tmp_path) == OLD
    assert len(large.asked) == 1 + 21


def test_ranges_too_short_for_progress_use_up_tries(tmp_path: Path) -> None:
    def one_byte(large: Large, handler: Handler, start: int | None) -> None:
        assert start is not None
        large.head(handler, 206, 1, {"ETag": TAG, "Content-Range": f"bytes {start}-{start}/{SIZE}"})
        handler.wfile.write(OLD[start : start + 1])

    large, done = cut_in_one_run(one_byte, tmp_path)
    assert done.code == 1
    assert len(large.asked) <= 4


def test_a_file_that_came_whole_before_the_kill_is_not_sent_again(tmp_path: Path) -> None:
    large = Large(goes_on)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        (place,) = partial(tmp_path)
        place.write_bytes(OLD)
        place.with_name(place.name + ".sums").write_bytes(block_sums.lines(0, memoryview(OLD)))
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked[1] == (f"bytes={SIZE - 1}-", TAG)


def test_a_note_of_another_url_is_ignored(tmp_path: Path) -> None:
    large = Large(goes_on)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        (place,) = partial(tmp_path)
        note = place.with_name(place.name + ".json")
        note.write_text(json.dumps(json.loads(note.read_text()) | {"url": "http://example.org/"}))
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked[1] == (None, None)


def test_ctrl_c_does_not_wait_for_transfers_that_can_be_resumed(tmp_path: Path) -> None:
    large = Large(goes_on)
    with serve(site(large)) as server:
        running = process(server.url, tmp_path)
        assert large.stopped.wait(60)
        interrupted(running)
        done = ended(running)
        assert done.code == 130
        assert "1 URL left" in done.stderr
        large.free.set()
        (place,) = partial(tmp_path)
        assert place.read_bytes() == OLD[: large.sent]
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked[1] == (f"bytes={large.sent}-", TAG)


def test_a_truncated_body_is_resumed_in_the_same_run(tmp_path: Path) -> None:
    large = Large(goes_on)
    large.free.set()
    with serve(site(large)) as server:
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD
        assert large.asked == [(None, None), (f"bytes={large.sent}-", TAG)]


def test_a_file_longer_than_its_content_length_is_cut_there(tmp_path: Path) -> None:
    """libcurl reads no further than Content-Length, so that much is stored."""
    large = Large(goes_on)

    def longer(handler: Handler) -> None:
        large.head(handler, 200, SIZE, {"ETag": TAG})
        handler.wfile.write(OLD + NEW)
        handler.close_connection = True

    pages = Site().page("/", links=["/a.iso"])
    pages["/a.iso"] = longer
    with serve(pages) as server:
        assert mirror(server.url, tmp_path).code == 0
        assert copy(tmp_path) == OLD


def test_an_unrequested_part_replaces_nothing(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/a.iso"]).file("/a.iso", OLD, "application/x-iso9660-image")

    def unasked(handler: Handler) -> None:
        Large(goes_on).head(handler, 206, 100, {"ETag": OTHER_TAG, "Content-Range": f"bytes 0-99/{SIZE}"})
        handler.wfile.write(OLD[:100])

    with serve(pages) as server:
        assert mirror(server.url, tmp_path).code == 0
        server.site["/a.iso"] = unasked
        done = mirror(server.url, tmp_path)
    assert done.code == 1
    assert "206 Partial Content" in done.stderr
    assert copy(tmp_path) == OLD


def test_the_hook_counts_what_was_received_before(tmp_path: Path) -> None:
    large = Large(goes_on)
    with serve(site(large)) as server:
        cut_off(server, large, tmp_path, large.sent)
        done: Done = mirror(server.url, tmp_path, settings={"MIRROR_PROGRESS": "blocks"})
        assert done.code == 0
        assert copy(tmp_path) == OLD
        assert f"{SIZE}" in done.stdout


def test_a_large_file_is_an_object_like_any_other(tmp_path: Path) -> None:
    pages = Site().page("/", links=["/a.iso", "/b.iso"])
    for name in ("/a.iso", "/b.iso"):
        pages.file(name, OLD, "application/x-iso9660-image")
    with serve(pages) as server:
        assert mirror(server.url, tmp_path).code == 0
        places = [next(tmp_path.glob(f"127.0.0.1_*/{name}")) for name in ("a.iso", "b.iso")]
        assert [place.read_bytes() for place in places] == [OLD, OLD]
        assert places[0].samefile(places[1])
        digests = rows(tmp_path, "SELECT DISTINCT digest, size FROM resources WHERE size > 1000000")
        assert len(digests) == 1
        assert mirror(server.url, tmp_path).code == 0


def blocks(count: int, coding: str) -> Iterator[bytes]:
    """So many MiB of a file, as they are sent."""
    packing = zlib.compressobj(0, wbits=31)
    for n in range(count):
        block = n.to_bytes(4, "big") + OLD[4 : 1 << 20]
        yield packing.compress(block) if coding else block
    yield packing.flush() if coding else b""


@pytest.mark.parametrize("coding", some_long(["", "gzip"], {"gzip"}))
def test_memory_does_not_grow_with_a_file(tmp_path: Path, coding: str) -> None:
    def peak(count: int) -> int:
        def answer(handler: Handler) -> None:
            length = {"Content-Length": str(count << 20)} if not coding else {"Content-Encoding": coding}
            handler.send_response(200)
            for name, value in ({"Content-Type": "application/x-iso9660-image"} | length).items():
                handler.send_header(name, value)
            handler.end_headers()
            for block in blocks(count, coding):
                handler.wfile.write(block)
            handler.close_connection = True

        out, pages = tmp_path / str(count), Site().page("/", links=["/a.iso"])
        pages["/a.iso"] = answer
        with serve(pages) as server:
            words = (f"start={server.url}", f"out={out}", "render=never")
            command = [*SCRAPY, "crawl", "mirror", *(part for word in words for part in ("-a", word))]
            cost = measured(command, ROOT, tmp_path / "said", 100)
        assert cost.ended == "0", (tmp_path / "said").read_text()
        assert rows(out, "SELECT size FROM resources WHERE size > 1000000") == [(count << 20,)]
        return cost.memory

    assert peak(256) - peak(16) < 48 << 20
