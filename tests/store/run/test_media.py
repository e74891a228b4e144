"""Runs over playlists: what the option `media` and the bound keep from being fetched, and what the summary tells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mirror.core.document import dash_edits
from mirror.core.policy.scope import Media, Reason, Scope
from mirror.core.syntax import dash_manifests, playlists
from mirror.core.url.canonical import canonical
from mirror.reports.exit_codes import Exit
from mirror.reports.run_summary import Summary
from mirror.store.archive import Archive
from mirror.store.manifest.records import Lack
from mirror.store.run.crawl import Crawl
from tests.mirroring import complete, files, run
from tests.site import Site

HOME: Final = "http://example.org"
CDN: Final = "http://cdn.example.net"
HLS: Final = "audio/mpegurl"
DASH: Final = "application/dash+xml"

MASTER: Final = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",URI="audio.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"
high.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
low.m3u8
"""
MANIFEST: Final = """<MPD mediaPresentationDuration="PT8S"><Period><AdaptationSet>
<SegmentTemplate duration="4" media="d/$RepresentationID$-$Number$.m4s" initialization="d/$RepresentationID$.mp4"/>
<Representation id="low" bandwidth="1"/><Representation id="high" bandwidth="9"/></AdaptationSet></Period></MPD>"""
END: Final = "#EXT-X-ENDLIST\n"


def segments(name: str, count: int, end: str = END) -> str:
    lines = "".join(f"#EXTINF:4,\n{name}{n}.ts\n" for n in range(count))
    return f'#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI="{name}.key"\n{lines}{end}'


def film() -> dict[str, Site]:
    """A page whose script names a master playlist on another host; the playlist has segments there."""
    page = Site().page("/", f"<script>hls.loadSource('{CDN}/film.m3u8'); dash('{CDN}/film.mpd')</script>")
    cdn = Site().file("/film.m3u8", MASTER, HLS).file("/film.mpd", MANIFEST, DASH)
    for name in ("high", "low", "audio"):
        cdn.file(f"/{name}.m3u8", segments(name, 2), HLS).file(f"/{name}.key", "k")
        for n in (0, 1):
            cdn.file(f"/{name}{n}.ts", "x").file(f"/d/{name}-{n + 1}.m4s", "x")
        cdn.file(f"/d/{name}.mp4", "x")
    return {HOME: page, CDN: cdn}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    opened = Archive(tmp_path / "archive")
    yield opened
    opened.close()


def mirrored(archive: Archive, web: dict[str, Site], **words: Any) -> tuple[Crawl, list[str]]:
    rules = Scope((canonical(HOME),), **words)
    crawl = Crawl(archive, rules, now=lambda: "2020-02-02T02:02:02+00:00")
    asked = run(crawl, web)
    complete(crawl)
    return crawl, sorted(url.removeprefix(CDN) for url in asked if url.startswith(CDN))


LISTS: Final = ["/audio.m3u8", "/film.m3u8", "/film.mpd", "/high.m3u8", "/low.m3u8"]
BEST: Final = ["audio", "high"]


def parts(names: list[str]) -> list[str]:
    return [f"/{name}{end}" for name in names for end in (".key", "0.ts", "1.ts")]


def dash_parts(*names: str) -> list[str]:
    return [f"/d/{name}{end}" for name in names for end in (".mp4", "-1.m4s", "-2.m4s")]


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Media.ALL, [*LISTS, *parts(["audio", "high", "low"]), *dash_parts("high", "low")]),
        (Media.BEST, [*LISTS[:-1], *parts(BEST), *dash_parts("high")]),
        (Media.NONE, LISTS),
    ],
)
def test_the_user_chooses_the_qualities(archive: Archive, media: Media, expected: list[str]) -> None:
    """All are found by a literal of a script, on another host. `limit` and `depth` don't count them."""
    crawl, asked = mirrored(archive, film(), media=media, depth=0)
    assert asked == sorted(expected)
    counts = crawl.counts()
    assert counts.failed == {}
    all_parts = len(parts([*BEST, "low"])) + len(dash_parts("high", "low")) + len(LISTS)
    left_out = {Media.ALL: 0, Media.BEST: all_parts - len(expected) - 3, Media.NONE: all_parts - len(expected)}
    assert counts.skipped.get(Reason.MEDIA, 0) == left_out[media]


def test_the_tree_names_what_is_there(archive: Archive) -> None:
    mirrored(archive, film(), media=Media.BEST)
    tree = {path.rpartition("/")[2]: text.decode() for path, text in files(archive.root).items()}
    assert tree["film.m3u8"] == MASTER.partition("#EXT-X-STREAM-INF:BANDWIDTH=1")[0]
    assert 'id="low"' not in tree["film.mpd"]
    assert '<SegmentURL media="d/high-2.m4s"/>' in tree["film.mpd"]


def test_another_choice_changes_the_copy(archive: Archive) -> None:
    mirrored(archive, film(), media=Media.BEST)
    mirrored(archive, film())
    assert "low1.ts" in {path.rpartition("/")[2] for path in files(archive.root)}
    mirrored(archive, film(), media=Media.NONE)
    tree = {path.rpartition("/")[2]: text.decode() for path, text in files(archive.root).items()}
    assert not any(name.endswith((".ts", ".m4s", ".key")) for name in tree)
    assert f"\n{CDN}/low1.ts\n" in tree["low.m3u8"]  # works online
    assert f"<BaseURL>{CDN}/</BaseURL>" in tree["film.mpd"]


def test_a_quality_that_failed_stops_no_player(archive: Archive) -> None:
    web = film()
    for missing in ("/high.m3u8", "/d/high-1.m4s"):
        del web[CDN][missing]
    crawl, _ = mirrored(archive, web)
    assert sum(crawl.counts().failed.values()) == 2
    tree = {path.rpartition("/")[2]: text.decode() for path, text in files(archive.root).items()}
    assert "high" not in tree["film.m3u8"] + tree["film.mpd"]
    assert "low.m3u8" in tree["film.m3u8"]


def test_a_second_run_asks_for_nothing_more(archive: Archive) -> None:
    _, first = mirrored(archive, film())
    before = files(archive.root)
    _, second = mirrored(archive, film())
    assert second == first
    assert len(set(second)) == len(second)
    assert files(archive.root) == before


def test_segments_beyond_the_bound_are_told(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (playlists, dash_manifests, dash_edits):
        monkeypatch.setattr(module, "MAX_SEGMENTS", 3)
    endless = MANIFEST.replace("PT8S", "P10000D")
    web = {HOME: Site().page("/", "<video src=/a.m3u8></video><video src=/b.mpd></video>")}
    web[HOME].file("/a.m3u8", segments("a", 10), HLS).file("/b.mpd", endless, DASH)
    crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
    asked = run(crawl, web)
    complete(crawl)
    assert len([url for url in asked if url.endswith(".ts")]) == 3
    assert len([url for url in asked if url.endswith(".m4s")]) == 6
    [(rule, count, url)] = archive.manifest.runs.skipped_traps()
    assert (rule, count) == (playlists.SURPLUS_RULE, 7 + 1)
    assert url.startswith(f"{HOME}/a")


def test_playlists_that_name_each_other_end(archive: Archive) -> None:
    naming = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n{}.m3u8\n"
    web = {HOME: Site().page("/", "<video src=/a.m3u8></video>")}
    web[HOME].file("/a.m3u8", naming.format("b"), HLS).file("/b.m3u8", naming.format("a"), HLS)
    crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
    assert sorted(run(crawl, web)) == [f"{HOME}/", f"{HOME}/a.m3u8", f"{HOME}/b.m3u8"]
    complete(crawl)
    assert crawl.counts().failed == {}


def test_a_live_playlist_is_told(archive: Archive) -> None:
    web = {HOME: Site().page("/", "<video src=/a.m3u8></video><video src=/b.m3u8></video>").file("/a0.ts", "x")}
    web[HOME].file("/a.m3u8", segments("a", 1, ""), HLS).file("/a.key", "k").file("/b.m3u8", segments("a", 1), HLS)
    crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
    asked = run(crawl, web)
    assert asked.count(canonical(f"{HOME}/a.m3u8")) == 1
    complete(crawl)
    [told] = crawl.shortfalls()
    assert (told.lack, told.count, told.url, told.page) == (Lack.LIVE, 1, f"{HOME}/a.m3u8", f"{HOME}/")
    summary = Summary(crawl.counts(), [], Path("x"), 1, finished=True, shortfalls=[told])
    assert (
        "Kept what 1 live playlist named, such as http://example.org/a.m3u8 (on http://example.org/)" in summary.text()
    )
    assert summary.exit_code is Exit.WELL
    tree = {path.rpartition("/")[2]: text.decode() for path, text in files(archive.root).items()}
    assert tree["a.m3u8"].endswith("a0.ts\n#EXT-X-ENDLIST\n")
