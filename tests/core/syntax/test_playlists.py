"""Playlists: what HLS and DASH name, and how the names lead to the copies."""

import pytest

from mirror.core.document import documents
from mirror.core.http.messages import Response
from mirror.core.syntax.playlists import MAX_SEGMENTS
from tests.core.document.test_documents import copied, found, response

HLS = "application/vnd.apple.mpegurl"
DASH = "application/dash+xml"

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="de",URI="a/de.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1,mp4a"
v/low.m3u8

#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="v/i.m3u8"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI="/k"
# a comment.ts
http://o/high.m3u8?t=1#x
"""
MEDIA = """#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="/x",IV=0x1
#EXT-X-MAP:URI="m.mp4"
#EXTINF:4,a, b
 1.ts\x20
#EXT-X-ENDLIST
""".replace("\n", "\r\n")

NUMBERED = "media='$RepresentationID$/$Number%03d$.m4s' initialization='$Bandwidth$$$'"
LINE = "<SegmentTimeline><S t='5' d='20' r='1'/><S d='30'/></SegmentTimeline>"
OPEN_LINE = "<SegmentTimeline><S d='4' r='-1'/></SegmentTimeline>"
ENDLESS_LINE = "<SegmentTimeline><S d='1' r='99999999'/></SegmentTimeline>"


def urls(answer: Response) -> list[str]:
    return [url for url, _ in found(answer)]


def manifest(inside: str, duration: str = "PT10.0S") -> str:
    """Return a manifest with one period and one adaptation set."""
    period = f"<Period duration='{duration}'><AdaptationSet>{inside}</AdaptationSet></Period>"
    return f"<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'>{period}</MPD>"


def template(attributes: str, inside: str = "") -> str:
    return f"<SegmentTemplate {attributes}>{inside}</SegmentTemplate><Representation id='v' bandwidth='9'/>"


def test_an_hls_playlist_names_variants_keys_and_segments() -> None:
    expected = ["/d/a/de.m3u8", "/d/v/low.m3u8", "/d/v/i.m3u8", "/k", "http://o/high.m3u8?t=1"]
    assert urls(response(MASTER, HLS)) == expected
    assert urls(response(MEDIA, HLS)) == ["/x", "/d/m.mp4", "/d/1.ts"]


@pytest.mark.parametrize("content_type", ["audio/x-mpegurl", "application/x-mpegURL", "text/plain", ""])
def test_an_hls_playlist_has_many_types(content_type: str) -> None:
    assert urls(response(MEDIA, content_type))[0] == "/x"
    assert urls(response("# text\n/x\n", "text/plain")) == []


def test_the_copy_of_an_hls_playlist_leads_to_copies() -> None:
    saved = {"http://h/x": "../x~", "http://h/d/1.ts": "1.ts"}
    copy = MEDIA.replace('"/x"', '"../x~"').replace('"m.mp4"', '"http://h/d/m.mp4"')
    assert copied(response(MEDIA, HLS), saved) == copy.encode()


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        # a file alone, read in ranges
        ("<Representation><BaseURL>v.mp4</BaseURL><SegmentBase/></Representation>", ["/d/v.mp4"]),
        ("<BaseURL>/b/</BaseURL><BaseURL>/c/</BaseURL><Representation><BaseURL>v</BaseURL></Representation>", ["/b/v"]),
        # a list
        (
            "<SegmentList><Initialization sourceURL='i'/><SegmentURL media='1'/></SegmentList><Representation/>",
            ["/d/i", "/d/1"],
        ),
        # templates: by number for the length of the period, by a time line
        (template(f"{NUMBERED} duration='4'"), ["/d/9$", "/d/v/001.m4s", "/d/v/002.m4s", "/d/v/003.m4s"]),
        (template("timescale='10' media='$Time$'", LINE), ["/d/5", "/d/25", "/d/45"]),
        (template("startNumber='7' media='$Number$'", OPEN_LINE), ["/d/7", "/d/8", "/d/9"]),
        (template("media='a$Number$' duration='x'"), []),
        (
            "<SegmentTemplate media='a$Number$'/><Representation><SegmentTemplate duration='10'/></Representation>",
            ["/d/a1"],
        ),
    ],
)
def test_a_dash_manifest_names_its_files(inside: str, expected: list[str]) -> None:
    mpd = manifest(inside)
    for content_type in (DASH, "text/xml"):
        assert urls(response(mpd, content_type)) == expected
    assert copied(response(mpd, DASH)) == mpd.encode()  # a template corresponds to no names in a tree


@pytest.mark.parametrize("endless", [("duration='1'", ""), ("", ENDLESS_LINE)])
def test_a_dash_manifest_without_an_end_has_one(endless: tuple[str, str]) -> None:
    attributes, inside = endless
    mpd = manifest(template(f"media='$Number$' {attributes}", inside), "P99999999D")
    assert len(urls(response(mpd, DASH))) == MAX_SEGMENTS


def test_at_an_origin_the_bases_of_a_dash_manifest_lead_there() -> None:
    def place(url: str) -> str:
        return url.replace("http://", "http://r-")

    mpd = "<?xml version='1.0'?><MPD><BaseURL>http://o/b/</BaseURL><Period><BaseURL>c/</BaseURL></Period></MPD>"
    copy = documents.copy_at_origin(response(mpd, DASH), DASH, "http://r-h/d/p", place, place)
    assert copy == mpd.replace("http://o", "http://r-o").encode()
