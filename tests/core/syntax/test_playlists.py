"""Playlists: what HLS and DASH name, and how the names lead to the copies."""

import re

import pytest

from mirror.core.document import dash_edits, documents
from mirror.core.http.messages import Response
from mirror.core.syntax import dash_manifests, markup, playlists
from mirror.core.syntax.playlists import MAX_SEGMENTS
from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL
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
#EXT-X-STREAM-INF:BANDWIDTH=2
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


def kinds(answer: Response) -> dict[str, Kind]:
    return dict(found(answer))


def copied_all(answer: Response, but: str = "^$") -> str:
    """The copy in a tree that has everything, at the path of its URL, but what matches."""

    def resolve(url: CanonicalURL) -> str | None:
        return None if re.search(but, url) else url.replace("http://h/d/", "").replace("http://", "../")

    return documents.local_copy(answer, answer.media_type, "p~", resolve).decode()


# --- HLS --------------------------------------------------------------------------------------------------------------


def test_an_hls_playlist_names_variants_keys_and_segments() -> None:
    expected = ["/d/a/de.m3u8", "/d/v/low.m3u8", "/d/v/i.m3u8", "/k", "http://o/high.m3u8?t=1"]
    assert urls(response(MASTER, HLS)) == expected
    assert urls(response(MEDIA, HLS)) == ["/x", "/d/m.mp4", "/d/1.ts"]


@pytest.mark.parametrize(
    ("content_type", "before"),
    [
        *((content_type, "") for content_type in ("audio/x-mpegurl", "application/x-mpegURL", "audio/mpegurl")),
        *((content_type, "") for content_type in ("text/plain", "text/html", "application/octet-stream", "")),
        ("text/plain", "\ufeff"),
    ],
)
def test_an_hls_playlist_has_many_types(content_type: str, before: str) -> None:
    assert urls(response(before + MEDIA, content_type)) == ["/x", "/d/m.mp4", "/d/1.ts"]
    assert urls(response("# text\n/x\n", content_type)) == (["/x"] if "mpegurl" in content_type.lower() else [])


def test_a_list_of_music_is_a_playlist_in_any_encoding() -> None:
    music = b"a b.mp3\n#EXTINF:3,C\n/Caf\xe9.mp3\nC:\\D\\e.mp3\nhttp://o/stream\n"
    assert urls(response(music, "audio/x-mpegurl")) == ["/d/a%20b.mp3", "/Caf%E9.mp3", "http://o/stream"]
    assert urls(response("Café.mp3\n", "audio/mpegurl")) == ["/d/Caf%C3%A9.mp3"]


def test_the_copy_of_an_hls_playlist_leads_to_copies() -> None:
    saved = {"http://h/x": "../x~", "http://h/d/1.ts": "1.ts"}
    copy = MEDIA.replace('"/x"', '"../x~"').replace('"m.mp4"', '"http://h/d/m.mp4"')
    assert copied(response(MEDIA, HLS), saved) == copy.encode()


GROUPS = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="lo",NAME="de",URI="lo-de"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="de",URI="hi-de"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="hi",NAME="en",URI="hi-en"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="hi",NAME="en",URI="no-en"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="en",URI="sub-en"
#EXT-X-STREAM-INF:BANDWIDTH=100,AUDIO="lo",SUBTITLES="s"
v1
#EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=50,CODECS="avc1.4d,mp4a.40.2",AUDIO="hi",SUBTITLES="s"
# said about it
v2
#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.4d,mp4a.40.2",AUDIO="hi",SUBTITLES="s"
http://o/v2
#EXT-X-STREAM-INF:BANDWIDTH=9000,CODECS="hvc1.2,mp4a.40.2",AUDIO="hi"
v3
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI="i2"
"""


def test_the_best_variant_is_the_greatest_that_browsers_play_with_its_groups() -> None:
    read = kinds(response(GROUPS, HLS))
    best = [url for url, kind in read.items() if kind is Kind.REQUISITE]
    assert best == ["/d/hi-de", "/d/hi-en", "/d/sub-en", "/d/v2"]
    assert set(read.values()) == {Kind.REQUISITE, Kind.VARIANT}
    only_other = GROUPS.replace("avc1", "hvc1").replace("BANDWIDTH=100,", "BANDWIDTH=100,CODECS=hvc1,")
    assert kinds(response(only_other, HLS))["/d/v3"] is Kind.REQUISITE
    assert set(kinds(response('#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:URI="i"', HLS)).values()) == {Kind.REQUISITE}


def test_the_copy_names_the_variants_that_are_there() -> None:
    left = copied_all(response(GROUPS, HLS), "lo-|no-|v1|o/v2|v3|i2")
    lines = GROUPS.splitlines(keepends=True)
    assert left == "".join([lines[0], *lines[2:4], lines[5], *lines[8:11]])
    assert copied_all(response(GROUPS, HLS)) == GROUPS.replace("http://o", "../o")  # all are there
    none = copied_all(response(GROUPS, HLS), "")  # none is: the original is online
    assert none.count('"http://h/d/') + none.count("\nhttp://h/d/") == GROUPS.count("URI=") + 3
    without_audio = copied_all(
        response(GROUPS, HLS), "lo-|hi-|no-|v1|o/v2|v3|i2"
    )  # missed: nothing else of the group is there
    assert without_audio.count('URI="http://h/d/hi-') == 2


LIVE = """#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES
#EXT-X-PART-INF:PART-TARGET=1
#EXTINF:4,
1.ts
#EXT-X-PART:DURATION=1,URI="2.0.ts"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="2.1.ts"
#EXT-X-RENDITION-REPORT:URI="../o/p.m3u8",LAST-MSN=2
"""


def test_a_live_playlist_ends_where_its_copy_ends() -> None:
    read = kinds(response(LIVE, HLS))
    assert read == {
        "/d/1.ts": Kind.SEGMENT,
        "/d/2.0.ts": Kind.SEGMENT,
        "/d/2.1.ts": Kind.NEVER,  # a server would answer when it is there
        "/o/p.m3u8": Kind.NEVER,
        "/d/p": Kind.LIVE,
    }
    copy = copied_all(response(LIVE, HLS))
    assert copy == "".join(LIVE.splitlines(keepends=True)[:-2]) + "#EXT-X-ENDLIST\n"
    assert Kind.LIVE not in kinds(response(MEDIA, HLS)).values()  # it has an end
    assert Kind.LIVE not in kinds(response(MASTER, HLS)).values()


def test_what_only_a_server_could_answer_is_not_asked() -> None:
    steered = (
        '#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI="https://o/s"\n#EXT-X-GAP\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n'
    )
    assert list(kinds(response(steered, HLS)).values()) == [Kind.NEVER, Kind.NEVER, Kind.SEGMENT]
    assert (
        copied_all(response(steered, HLS), "a.ts")
        == "#EXTM3U\n#EXT-X-GAP\n#EXTINF:1,\nhttp://h/d/a.ts\n#EXTINF:1,\nb.ts\n"
    )


def test_variables_have_their_values() -> None:
    text = """#EXTM3U
#EXT-X-DEFINE:QUERYPARAM="t"
#EXT-X-DEFINE:NAME="host",VALUE="http://o"
#EXT-X-DEFINE:IMPORT="far"
#EXT-X-KEY:METHOD=AES-128,URI="{$host}/k?t={$t}"
{$host}/1.ts
{$far}/2.ts
{$none}/3.ts
"""
    answer = Response(CanonicalURL("http://h/d/p?t=7"), 200, [("Content-Type", HLS)], text.encode())
    assert [ref.url for ref in documents.find_references(answer)] == ["http://o/k?t=7", "http://o/1.ts"]
    copy = copied_all(answer).splitlines()
    assert copy[1] == '#EXT-X-DEFINE:NAME="t",VALUE="7"'  # the copy has another URL
    assert copy[4:] == ['#EXT-X-KEY:METHOD=AES-128,URI="../o/k?t=7"', "../o/1.ts", "{$far}/2.ts", "{$none}/3.ts"]


def test_the_segments_of_an_hls_playlist_have_a_bound() -> None:
    lines = "".join(f"#EXTINF:1,\n{n}.ts\n" for n in range(MAX_SEGMENTS + 2))
    read = list(kinds(response("#EXTM3U\n" + lines, HLS)).values())
    assert read == [Kind.SEGMENT] * MAX_SEGMENTS + [Kind.SURPLUS] * 2
    ranges = "".join(f"#EXTINF:1,\n#EXT-X-BYTERANGE:9@{n}\none.ts\n" for n in range(MAX_SEGMENTS + 2))
    assert kinds(response("#EXTM3U\n" + ranges, HLS)) == {"/d/one.ts": Kind.SEGMENT}


# --- DASH -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        # a file alone, read in ranges
        ("<Representation><BaseURL>v.mp4</BaseURL><SegmentBase indexRange='0-9'/></Representation>", ["/d/v.mp4"]),
        ("<BaseURL>/b/</BaseURL><BaseURL>/c/</BaseURL><Representation><BaseURL>v</BaseURL></Representation>", ["/b/v"]),
        (
            "<Representation><BaseURL>v</BaseURL><SegmentList><SegmentURL mediaRange='0-9'/></SegmentList></Representation>",
            ["/d/v"],
        ),
        ("<SegmentBase><RepresentationIndex sourceURL='i'/></SegmentBase><Representation/>", ["/d/i"]),
        # a list
        (
            "<SegmentList><Initialization sourceURL='i'/><SegmentURL media='1'/></SegmentList><Representation/>",
            ["/d/i", "/d/1"],
        ),
        (
            "<SegmentList><SegmentURL media='1'/></SegmentList><Representation><BaseURL>a/</BaseURL></Representation>",
            ["/d/a/1"],
        ),
        # templates: by number for the length of the period, by a time line
        (template(f"{NUMBERED} duration='4'"), ["/d/9$", "/d/v/001.m4s", "/d/v/002.m4s", "/d/v/003.m4s"]),
        (template("timescale='10' media='$Time$'", LINE), ["/d/5", "/d/25", "/d/45"]),
        (template("startNumber='7' media='$Number$'", OPEN_LINE), ["/d/7", "/d/8", "/d/9"]),
        (template("startNumber='7' endNumber='8' media='$Number$' duration='1'"), ["/d/7", "/d/8"]),
        (
            template(
                "presentationTimeOffset='100' media='$Time$'",
                "<SegmentTimeline><S t='100' d='5' r='-1'/></SegmentTimeline>",
            ),
            ["/d/100", "/d/105"],
        ),
        (
            template("media='$Time$'", "<SegmentTimeline><S d='2' r='-1'/><S t='4' d='6'/></SegmentTimeline>"),
            ["/d/0", "/d/2", "/d/4"],
        ),
        (template("media='a$Number$' duration='x'"), []),
        (
            "<SegmentTemplate media='a$Number$'/><Representation><SegmentTemplate duration='10'/></Representation>",
            ["/d/a1"],
        ),
    ],
)
def test_a_dash_manifest_names_its_files(inside: str, expected: list[str]) -> None:
    mpd = manifest(inside)
    for content_type in (DASH, "text/xml", "text/plain", "application/octet-stream", ""):
        assert urls(response(mpd, content_type)) == expected
    copy = response(copied_all(response(mpd, DASH)), DASH)
    places = [url.replace("/h/", "/") for url in urls(copy)]
    assert places == expected  # the copy names the same files, without templates
    assert b"SegmentTemplate" not in copy.payload or not expected


def test_bases_and_periods_add_up() -> None:
    mpd = """<!-- of --><MPD mediaPresentationDuration='PT20S'><BaseURL>http://o/m/</BaseURL>
        <Period><BaseURL>one/</BaseURL><AdaptationSet><BaseURL>v/</BaseURL><SegmentTemplate duration='6' media='$Number$'/>
        <Representation id='a'><BaseURL>a/</BaseURL></Representation></AdaptationSet></Period>
        <Period start='PT12S'><AdaptationSet><SegmentTemplate duration='6' media='$Number$'/>
        <Representation id='b'/></AdaptationSet></Period></MPD>"""
    expected = ["http://o/m/one/v/a/1", "http://o/m/one/v/a/2", "http://o/m/1", "http://o/m/2"]
    assert urls(response(mpd, DASH)) == expected
    copy = copied_all(response(mpd, DASH))
    assert re.findall(r'media="([^"]*)"', copy) == [url.replace("http://", "../") for url in expected]
    assert copy.startswith("<!-- of --><MPD")
    assert "BaseURL" not in copy


QUALITIES = """<SegmentTemplate media='$RepresentationID$$Number$' duration='10'/><Representation id='lo' bandwidth='1'/>
    <Representation id='hi' bandwidth='10'/><Representation id='mid' bandwidth='9'/>"""


@pytest.mark.parametrize("mpd", ["<MPD/>", "<MPD><BaseURL>b/</BaseURL></MPD>"])
def test_a_dash_manifest_without_a_period_names_nothing(mpd: str) -> None:
    assert urls(response(mpd, DASH)) == []
    assert "Period" not in copied_all(response(mpd, DASH))


def test_the_best_representation_has_the_greatest_bandwidth() -> None:
    answer = response(manifest(QUALITIES), DASH)
    assert kinds(answer) == {"/d/lo1": Kind.SPARE, "/d/hi1": Kind.SEGMENT, "/d/mid1": Kind.SPARE}
    assert re.findall(r'(?:media|id)="([^"]*)"', copied_all(answer, "lo|mid")) == ["hi", "hi1"]


def test_a_representation_without_copies_stays_only_if_its_set_has_no_other() -> None:
    copy = copied_all(response(manifest(QUALITIES), DASH), "d/")
    assert re.findall(r'id="(\w+)"[^>]*><BaseURL>([^<]*)', copy) == [
        (name, "http://h/d/") for name in ("lo", "hi", "mid")
    ]
    assert copy.count('<SegmentTemplate media="$RepresentationID$$Number$" duration="10"/>') == 3
    missing = manifest(template("media='$Number$' duration='4'"))
    assert re.findall(r'media="([^"]*)"', copied_all(response(missing, DASH), "d/2")) == ["1", "http://h/d/2", "3"]


GROWING = """<MPD type='dynamic' availabilityStartTime='2026-01-01T00:00:00Z' minimumUpdatePeriod='PT2S' publishTime='x'
    timeShiftBufferDepth='PT9S'><Location>http://h/next</Location><Period id='1' start='PT1000S'><AdaptationSet>
    <SegmentTemplate timescale='10' presentationTimeOffset='{offset}' media='$Time$' {more}><SegmentTimeline>
    <S t='{first}' d='20' r='1'/></SegmentTimeline></SegmentTemplate><Representation id='v'/></AdaptationSet></Period>
    <UTCTiming schemeIdUri='urn:mpeg:dash:utc:http-iso:2014' value='https://time.example/'/></MPD>"""


def test_a_manifest_that_grows_ends_where_its_copy_ends() -> None:
    mpd = GROWING.format(offset=40, first=500, more="")
    assert kinds(response(mpd, DASH)) == {"/d/500": Kind.SEGMENT, "/d/520": Kind.SEGMENT, "/d/p": Kind.LIVE}
    copy = copied_all(response(mpd, DASH))
    assert '<MPD type="static" mediaPresentationDuration="PT4.000S">' in copy
    assert '<Period id="1" duration="PT4.000S">' in copy
    assert 'presentationTimeOffset="500"' in copy
    assert not re.search("Location|UTCTiming|time.example|next", copy)
    assert not kinds(response(manifest(QUALITIES), DASH)).get("/d/p")


HOSTILE = {
    "template": manifest(template("media='$Number$' duration='1' timescale='1000000000'"), "P99999999D"),
    "time line": manifest(template("media='$Number$'", ENDLESS_LINE), "P99999999D"),
    "huge numbers": manifest(
        template(f"media='$Time$' timescale='{10**18}'", f"<SegmentTimeline><S d='1' r='{10**9}'/></SegmentTimeline>"),
        f"PT{'9' * 400}S",
    ),
}


@pytest.mark.parametrize("mpd", HOSTILE.values(), ids=HOSTILE)
def test_a_dash_manifest_without_an_end_has_one(mpd: str) -> None:
    read = list(kinds(response(mpd, DASH)).values())
    assert read == [Kind.SEGMENT] * MAX_SEGMENTS + [Kind.SURPLUS]
    assert copied_all(response(mpd, DASH)).count("<SegmentURL") == MAX_SEGMENTS


@pytest.mark.parametrize(
    "inside",
    [
        f'<SegmentTemplate media="{"$RepresentationID$" * 200}" duration="1"/><Representation id="{"x" * 10_000}"/>',
        f'<SegmentTemplate media="{"x" * 100_000}$Number$" duration="1"/><Representation/>',
        f'<BaseURL>{"x/" * 100_000}</BaseURL><SegmentTemplate media="$Number$" duration="1"/><Representation/>',
    ],
)
def test_a_template_does_not_multiply_what_is_long(inside: str) -> None:
    mpd = f'<MPD mediaPresentationDuration="PT9H"><Period><AdaptationSet>{inside}</AdaptationSet></Period></MPD>'
    root = markup.xml_root(mpd)
    assert root is not None
    assert sum(len(span.url) for span in dash_manifests.dash_spans(root)) < 1_000_000


def test_a_dash_manifest_of_many_representations_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dash_manifests, "MAX_NAMED", 50)
    many = "".join(f"<Representation id='{n}'/>" for n in range(10_000))
    mpd = manifest(f"<SegmentTemplate media='$RepresentationID$/$Number$' duration='1'/>{many}", "P99999999D")
    read = kinds(response(mpd, DASH))
    assert len(read) == 51
    assert list(read.values())[-1] is Kind.SURPLUS


def test_what_many_representations_share_is_copied_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dash_edits, "MAX_NAMED", 50)
    shared = (
        "<SegmentList>" + "<SegmentURL media='a'/>" * 30 + "</SegmentList>",
        "<SegmentTemplate media='$Time$'><SegmentTimeline>"
        + "<S d='1'/>" * 30
        + "</SegmentTimeline></SegmentTemplate>",
    )
    for inside in shared:
        mpd = manifest(inside + "<Representation/>" * 100)
        for missing in ("^$", ""):
            assert len(re.findall("<SegmentURL|<S ", copied_all(response(mpd, DASH), missing))) <= 100


def test_variables_do_not_multiply() -> None:
    text = '#EXTM3U\n#EXT-X-DEFINE:NAME="v",VALUE="' + "x" * 50_000 + '"\n{$v}/1.ts\n{$v}{$v}/2.ts\n'
    assert [len(url) for url in urls(response(text, HLS))] == [50_000 + len("/d//1.ts")]


def test_a_variable_in_each_line_does_not_multiply() -> None:
    text = '#EXTM3U\n#EXT-X-DEFINE:NAME="v",VALUE="' + "x" * 50_000 + '"\n' + "{$v}\n" * 10_000
    assert sum(len(span.url) for span in playlists.hls_spans(text)) < 1 << 25


def test_entities_of_a_manifest_stay_closed() -> None:
    bomb = "".join(f"<!ENTITY e{n} '&e{n - 1};&e{n - 1};&e{n - 1};&e{n - 1};'>" for n in range(1, 30))
    mpd = f"<!DOCTYPE MPD [<!ENTITY e0 'x'>{bomb}]>" + manifest(
        "<Representation><BaseURL>&e29;</BaseURL></Representation>"
    )
    assert all(len(url) < 1000 for url in urls(response(mpd, DASH)))
    assert len(copied_all(response(mpd, DASH))) < 2 * len(mpd)


def test_at_an_origin_the_bases_of_a_dash_manifest_lead_there() -> None:
    mpd = "<?xml version='1.0'?><MPD><BaseURL>http://o/b/</BaseURL><Period><BaseURL>c/</BaseURL></Period></MPD>"
    assert at_origin(mpd, DASH) == mpd.replace("http://o", "http://r-o")


def at_origin(text: str, content_type: str, missing: str = "^$") -> str:
    def place(url: str) -> str:
        return url.replace("http://", "http://r-")

    def has(url: CanonicalURL) -> bool:
        return not re.search(missing, url)

    answer = response(text, content_type)
    return documents.copy_at_origin(answer, content_type, "http://r-h/d/p", place, place, has=has).decode()


def test_at_an_origin_playlists_name_what_is_there() -> None:
    lines = GROUPS.splitlines(keepends=True)
    expected = "".join([lines[0], *lines[2:4], lines[5], *lines[8:11]])
    assert at_origin(GROUPS, HLS, "lo-|no-|v1|o/v2|v3|i2") == expected
    assert at_origin(LIVE, HLS).endswith('URI="2.0.ts"\n#EXT-X-ENDLIST\n')
    copy = at_origin(manifest("<BaseURL>http://o/</BaseURL>" + QUALITIES), DASH, "lo|mid")
    assert re.findall(r'id="(\w+)"', copy) == ["hi"]
    assert "<BaseURL>http://r-o/</BaseURL>" in copy
    assert "<SegmentTemplate " in copy  # templates work at origins
    live = at_origin(GROWING.format(offset=0, first=500, more=""), DASH)
    assert re.findall(r'media="([^"]*)"', live) == ["500", "520"]


# --- where playlists are named ----------------------------------------------------------------------------------------

CDN = "https://cdn.example"


@pytest.mark.parametrize(
    ("html", "url", "guess"),
    [
        ("<video src=/a.m3u8>", "/a.m3u8", False),
        ("<video><source src=a.mpd type=application/dash+xml></video>", "/d/a.mpd", False),
        ("<video-js><source src=a.m3u8></video-js>", "/d/a.m3u8", False),
        ("<div data-hls=a.m3u8>", "/d/a.m3u8", True),
        (f"<div data-dash-url='{CDN}/a.mpd?t=1'>", f"{CDN}/a.mpd?t=1", True),
        ("""<video data-setup='{"sources":[{"src":"\\/a.m3u8"}]}'>""", "/a.m3u8", True),
        ("""<video data-setup='{"sources":[{"src":"a.mp4"}]}'>""", "/d/a.mp4", True),
        ("<script>hls.loadSource('/v/a.m3u8')</script>", "/v/a.m3u8", True),
        ("<script>hls.loadSource('a.m3u8')</script>", "/d/a.m3u8", True),
        ("<script>player.setup({file: `v/a.mpd`})</script>", "/d/v/a.mpd", True),
        (f"<script>x = '{CDN}/a.m3u8?t=1'</script>", f"{CDN}/a.m3u8?t=1", True),
        ('<script>x = {"a": "https:\\/\\/cdn.example\\/a.m3u8"}</script>', f"{CDN}/a.m3u8", True),
        ('<script type="application/json">{"a": "/a.m3u8"}</script>', "/a.m3u8", True),
        (f'<script type="application/ld+json">{{"contentUrl": "{CDN}/a.m3u8"}}</script>', f"{CDN}/a.m3u8", False),
    ],
)
def test_a_page_names_a_playlist_in_many_ways(html: str, url: str, *, guess: bool) -> None:
    [reference] = documents.find_references(response(html))
    assert (reference.url.removeprefix("http://h"), reference.guess) == (url, guess)


def test_no_playlist_is_guessed_from_an_extension() -> None:
    html = (
        "<script>if (url.endsWith('.m3u8')) x('application/vnd.apple.mpegurl')</script><div data-x='{\"a\": \"b.js\"}'>"
    )
    assert documents.find_references(response(html)) == []
