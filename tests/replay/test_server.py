"""The responses of the replay server, and the command that runs it."""

import hashlib
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mirror.core.replay import first_script
from mirror.store.archive import Archive
from tests.crawl.running import ROOT, SCRAPY, run, scrapy
from tests.replay.serving import Answer, Served, mirrored, served
from tests.site import HTML, PNG, Site

SITE = "https://www.example.org"
CDN = "https://cdn.example"
VIDEO = bytes(range(256)) * 4096
KOI8 = "<title>x</title>Привет".encode("koi8-r")


def site(word: str = "first") -> Site:
    links = ["/old", "/cyrillic", "/gone", "/a?", "/down.bin", "/feed", "/app.js", "/data.json", "/empty", "/latin"]
    links.append("/open.json")
    body = (
        f"<p>{word}<img src='{CDN}/i.png'><video src='/v.mp4'></video><link rel=stylesheet href='/s.css' integrity=x>"
        "<link rel=manifest href='/m.webmanifest'><a href='https://outside.example/x'>out</a><script src='/app.js'></script>"
    )
    return (
        Site()
        .page(
            "/",
            body,
            links=links,
            headers={"Set-Cookie": "a=b; Domain=localhost", "Strict-Transport-Security": "max-age=1"},
        )
        .redirect("/old", f"{SITE}/cyrillic?x#y", status=301)
        .file("/cyrillic", KOI8, "text/html; charset=koi8-r", headers={"Content-Language": "ru"})
        .file("/cyrillic?x", KOI8, "text/html; charset=koi8-r")
        .file("/v.mp4", VIDEO, "video/mp4", headers={"Last-Modified": "Tue, 24 Nov 2026 00:00:00 GMT"})
        .file("/s.css", f"p {{ background: url({CDN}/i.png) }}", "text/css")
        .file("/m.webmanifest", f'{{"icons": [{{"src": "{CDN}/i.png"}}]}}', "application/manifest+json")
        .file("/app.js", 'fetch("/data.json")', "text/javascript")
        .file("/data.json", f'{{"picture": "{CDN}/i.png", "see": "https://outside.example/"}}', "application/json")
        .file("/open.json", "{}", "application/json", headers={"Access-Control-Allow-Origin": "*"})
        .file("/down.bin", b"x" * 10, headers={"Content-Disposition": 'attachment; filename="d.bin"'})
        .file("/feed", f"<rss><channel><link>{SITE}/</link></channel></rss>", "application/rss+xml")
        .file("/latin", b"<title>\xe9</title>", "text/html")
        .page("/a?", "empty query")
    )


def web(word: str = "first") -> dict[str, Site]:
    headers = {"Content-Security-Policy": "default-src 'none'", "Content-Encoding": "identity"}
    return {SITE: site(word), CDN: Site().file("/i.png", PNG, "image/png", headers=headers)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    out = tmp_path_factory.mktemp("archive")
    assert mirrored(out, web(), SITE) == 1
    assert mirrored(out, web("second"), SITE, "2026-11-25") == 2
    with served(out) as running:
        yield running


def policy(answer: Answer) -> set[str]:
    return {word for part in answer.headers["content-security-policy"].split(";") for word in part.split()[1:]}


# --- the list of sites, and typed hosts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_list_has_hosts_and_snapshots(server: Served, host: str) -> None:
    answer = server.send(f"{host}:{server.port}", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, HTML)
    for place in (
        server.place(f"{SITE}/", 2),
        server.place(f"{CDN}/i.png", 2),
        f"http://localhost:{server.port}/?snapshot=1",
    ):
        assert f'href="{place}"' in answer.text
    assert "2026-11-24 10:00:00" in answer.text
    assert "2026-11-25 10:00:00" in answer.text
    assert policy(answer) == {"'none'", "'unsafe-inline'", f"http://*.localhost:{server.port}"}
    leads = re.findall(r'(?:href|src|action)="?([^" >]*)', answer.text)
    assert leads
    assert all(re.match(rf"http://(?:[a-z0-9-]+\.)?localhost:{server.port}/", lead) for lead in leads)
    assert "url(" not in answer.text


def test_an_older_snapshot_can_be_chosen(server: Served) -> None:
    answer = server.send(f"localhost:{server.port}", "/?snapshot=1")
    assert f'href="{server.place(f"{SITE}/", 1)}"' in answer.text
    assert server.send(f"localhost:{server.port}", "/?snapshot=9").status == 404
    assert server.send(f"localhost:{server.port}", "/else").status == 404


@pytest.mark.parametrize(
    ("host", "target", "url", "snapshot"),
    [
        ("www.example.org", "/", f"{SITE}/", 2),
        ("www.example.org", "/s.css?a", f"{SITE}/s.css?a", 2),
        ("2026-11-24.www.example.org", "/", f"{SITE}/", 1),
        ("2026-11.www.example.org", "/", f"{SITE}/", 2),
        ("cdn.example", "//evil.example/", f"{CDN}//evil.example/", 2),
    ],
)
def test_a_typed_host_redirects_to_its_origin(server: Served, host: str, target: str, url: str, snapshot: int) -> None:
    answer = server.send(f"{host}.localhost:{server.port}", target)
    assert (answer.status, answer.headers["location"]) == (302, server.place(url, snapshot))


@pytest.mark.parametrize("host", ["unknown.example", "2020-01-01.www.example.org", "2026-99.www.example.org"])
def test_an_unknown_typed_host(server: Served, host: str) -> None:
    answer = server.send(f"{host}.localhost:{server.port}", "/")
    assert (answer.status, f"The archive has nothing from a host {host}" in answer.text) == (404, True)


# --- resources in the archive -------------------------------------------------------------------------------------------


def test_each_snapshot_has_its_own_version(server: Served) -> None:
    assert [word in server.get(f"{SITE}/", n).text for n, word in ((1, "<p>first"), (2, "<p>second"))] == [True, True]


def test_links_of_a_page_lead_to_this_server_only(server: Served) -> None:
    answer = server.get(f"{SITE}/")
    assert answer.headers["content-type"] == HTML
    assert f"<img src='{server.place(f'{CDN}/i.png')}'>" in answer.text
    assert "<link rel=stylesheet href='/s.css'>" in answer.text
    assert f"<a href='{server.place('https://outside.example/x')}'>" in answer.text
    assert '<a href="/old">' in answer.text
    assert policy(answer) == {f"http://*.localhost:{server.port}", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}


def test_headers_that_are_not_replayed(server: Served) -> None:
    page, picture = server.get(f"{SITE}/"), server.get(f"{CDN}/i.png")
    for answer in (page, picture):
        assert not {"set-cookie", "strict-transport-security", "content-encoding", "server"} & set(answer.headers)
        assert "'none'" not in answer.headers["content-security-policy"]
    assert (picture.body, picture.headers["content-type"]) == (PNG, "image/png")


def test_charsets_and_file_names_are_replayed(server: Served) -> None:
    cyrillic = server.get(f"{SITE}/cyrillic")
    assert (cyrillic.body, cyrillic.headers["content-type"]) == (KOI8, "text/html; charset=koi8-r")
    assert cyrillic.headers["content-language"] == "ru"
    latin = server.get(f"{SITE}/latin")
    assert (latin.body, latin.headers["content-type"]) == (b"<title>\xe9</title>", "text/html")
    assert server.get(f"{SITE}/down.bin").headers["content-disposition"] == 'attachment; filename="d.bin"'


def test_redirects_are_replayed(server: Served) -> None:
    answer = server.get(f"{SITE}/old")
    assert (answer.status, answer.headers["location"]) == (301, server.place(f"{SITE}/cyrillic?x") + "#y")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/s.css", "p {{ background: url({cdn}/i.png) }}"),
        ("/m.webmanifest", '{{"icons": [{{"src": "{cdn}/i.png"}}]}}'),
        ("/data.json", '{{"picture": "{cdn}/i.png", "see": "https://outside.example/"}}'),
        ("/feed", "<rss><channel><link>{own}/</link></channel></rss>"),
        ("/app.js", 'fetch("/data.json")'),
    ],
)
def test_links_in_all_kinds_of_documents(server: Served, path: str, expected: str) -> None:
    own, cdn = (server.place(f"{one}/").rstrip("/") for one in (SITE, CDN))
    assert server.get(SITE + path).text == expected.format(own=own, cdn=cdn)


def test_an_empty_query_is_found(server: Served) -> None:
    assert "empty query" in server.get(f"{SITE}/a?").text


# --- ranges, conditions, methods ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=1000000-99999999", slice(1_000_000, None)),
        ("BYTES = 0-0", slice(0, 1)),
    ],
)
def test_a_range(server: Served, asked: str, part: slice) -> None:
    answer = server.get(f"{SITE}/v.mp4", headers={"Range": asked})
    start = range(len(VIDEO))[part].start
    assert (answer.status, answer.body) == (206, VIDEO[part])
    assert answer.headers["content-range"] == f"bytes {start}-{start + len(answer.body) - 1}/{len(VIDEO)}"
    assert answer.headers["content-type"] == "video/mp4"


def test_several_ranges(server: Served) -> None:
    answer = server.get(f"{SITE}/v.mp4", headers={"Range": "bytes=0-1, 300-301"})
    boundary = answer.headers["content-type"].removeprefix("multipart/byteranges; boundary=")
    pieces = answer.body.split(f"--{boundary}".encode())
    assert answer.status == 206
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert [piece.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for piece in pieces[1:3]] == [
        VIDEO[:2],
        VIDEO[300:302],
    ]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_end(server: Served, asked: str) -> None:
    answer = server.get(f"{SITE}/v.mp4", headers={"Range": asked})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{len(VIDEO)}")
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=a-b", "bytes=", "pages=1-2", "bytes=0-1,x", "nonsense"])
def test_invalid_ranges_are_ignored(server: Served, asked: str) -> None:
    answer = server.get(f"{SITE}/v.mp4", headers={"Range": asked})
    assert (answer.status, answer.body == VIDEO) == (200, True)


def test_a_range_needs_a_matching_if_range(server: Served) -> None:
    known = server.get(f"{SITE}/v.mp4").headers
    assert known["etag"] == f'"{hashlib.sha256(VIDEO).hexdigest()}"'
    for condition, status in (
        (known["etag"], 206),
        (known["last-modified"], 206),
        ('"else"', 200),
        (f"W/{known['etag']}", 200),
    ):
        answer = server.get(f"{SITE}/v.mp4", headers={"Range": "bytes=0-1", "If-Range": condition})
        assert (condition, answer.status) == (condition, status)


def test_conditional_requests_are_answered_with_304(server: Served) -> None:
    for path in ("/", "/v.mp4", "/s.css"):
        tag = server.get(SITE + path).headers["etag"]
        answer = server.get(SITE + path, headers={"If-None-Match": f'"x", {tag}'})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
        assert server.get(SITE + path, headers={"If-None-Match": '"x"'}).status == 200
    since = {"If-Modified-Since": "Tue, 24 Nov 2026 00:00:00 GMT"}
    assert [server.get(SITE + path, headers=since).status for path in ("/v.mp4", "/s.css")] == [304, 200]
    assert server.get(f"{SITE}/v.mp4", headers={"If-Modified-Since": "nonsense"}).status == 200


@pytest.mark.parametrize("path", ["/", "/v.mp4", "/old", "/missing", "/s.css"])
def test_head_is_get_without_a_body(server: Served, path: str) -> None:
    head, get = (server.get(SITE + path, method=method) for method in ("HEAD", "GET"))
    without_date = [{**answer.headers, "date": ""} for answer in (head, get)]
    assert (head.status, without_date[0], head.body) == (get.status, without_date[1], b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_an_archive_can_only_be_read(server: Served, method: str) -> None:
    answer = server.get(f"{SITE}/", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


# --- cross-origin requests ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "snapshot", "path", "destination", "expected"),
    [
        ("https://other.example", 1, "/open.json", "empty", True),
        ("https://other.example", 2, "/open.json", "empty", False),
        ("https://example.org", 1, "/data.json", "empty", False),
        ("https://other.example", 1, "/data.json", "image", False),
        ("https://other.example", 1, "/data.json", "font", True),
        ("https://other.example", 1, "/data.json", "script", False),
        ("https://other.example", 1, "/app.js", "script", True),
        ("https://other.example", 1, "/s.css", "style", False),
    ],
)
def test_which_origins_may_read_a_response(
    server: Served, reader: str, snapshot: int, path: str, destination: str, *, expected: bool
) -> None:
    said = server.place(f"{reader}/", snapshot).rstrip("/")
    answer = server.get(f"{SITE}{path}", 1, headers={"Origin": said, "Sec-Fetch-Dest": destination})
    assert answer.headers.get("access-control-allow-origin") == (said if expected else None)
    assert answer.headers["vary"] == "Origin, Sec-Fetch-Dest"


@pytest.mark.parametrize(
    "said",
    ["https://evil.example", "http://localhost:1", "http://evil.example:{port}", "http://localhost:{port}"],
)
def test_foreign_origins_may_read_nothing(server: Served, said: str) -> None:
    headers = {"Origin": said.format(port=server.port), "Sec-Fetch-Dest": "font"}
    assert "access-control-allow-origin" not in server.get(f"{SITE}/open.json", headers=headers).headers


def test_pages_without_an_origin_read_what_any_page_may_read(server: Served) -> None:
    """A sandboxed frame has none."""
    allowed = {
        path: server.get(SITE + path, headers={"Origin": "null", "Sec-Fetch-Dest": "font"}).headers
        for path in ("/open.json", "/data.json", "/app.js")
    }
    assert [headers.get("access-control-allow-origin") for headers in allowed.values()] == ["*", None, None]


@pytest.mark.parametrize(
    ("reader", "path", "asked", "expected"),
    [
        ("https://other.example", "/open.json", "x-a, X-Requested-With", "x-a, X-Requested-With"),
        ("https://other.example", "/open.json", "x-a, b c, d;", "x-a"),
        ("https://other.example", "/open.json", None, None),
        ("https://other.example", "/data.json", "x-a", None),
        ("https://other.example", "/missing", "x-a", None),
        (None, "/open.json", "x-a", "x-a"),
    ],
)
def test_preflights(server: Served, reader: str | None, path: str, asked: str | None, expected: str | None) -> None:
    said = server.place(f"{reader}/").rstrip("/") if reader else "null"
    headers = {"Origin": said, "Access-Control-Request-Method": "GET", "Sec-Fetch-Dest": "empty"}
    if asked is not None:
        headers["Access-Control-Request-Headers"] = asked
    answer = server.get(f"{SITE}{path}", headers=headers, method="OPTIONS")
    is_allowed = path == "/open.json"
    assert answer.headers.get("access-control-allow-headers") == expected
    assert answer.headers.get("access-control-allow-methods") == ("GET, HEAD, POST" if is_allowed else None)
    assert answer.status == (404 if path == "/missing" else 204)


def test_only_pages_get_the_first_script(server: Served) -> None:
    """Scripts that read a page get its own bytes."""
    shown = server.get(f"{SITE}/", headers={"Sec-Fetch-Dest": "iframe"}).text
    read = server.get(f"{SITE}/", headers={"Sec-Fetch-Dest": "empty"}).text
    place = first_script.path_of(first_script.milliseconds("2026-11-24T10:00:00+00:00"))
    assert shown.replace(f'<script src="{place}"></script>', "") == read != shown
    script = server.get(f"{SITE}{place}", headers={"Sec-Fetch-Dest": "script"})
    assert (script.status, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")


def test_service_workers_are_refused(server: Served) -> None:
    assert server.get(f"{SITE}/app.js", headers={"Service-Worker": "script"}).status == 403


# --- resources not in the archive ---------------------------------------------------------------------------------------


def test_a_missing_url_says_why(server: Served) -> None:
    outside = server.get("https://outside.example/x")
    assert (outside.status, outside.headers["content-type"]) == (404, HTML)
    assert "not fetched, outside the scope, found on https://www.example.org/" in outside.text
    assert '<a href="https://outside.example/x" rel="noreferrer">' in outside.text
    assert "not on the server (404 Not Found)" in server.get(f"{SITE}/gone").text
    assert "is unknown: no fetched" in server.get(f"{SITE}/never").text


def test_hosts_whose_label_is_a_digest_are_known(tmp_path: Path) -> None:
    """This applies to the mirrored host, and to hosts that are only linked to."""
    start, linked = (
        "http://[2001:db8::1]:8080",
        ["https://b\u00fccher.example/x", "http://a_b.example/", "ftp://c_d.example/"],
    )
    mirrored(tmp_path, {start: Site().page("/", "six", links=linked)}, f"{start}/")
    with served(tmp_path) as server:
        assert "six" in server.get(f"{start}/").text
        for url in linked:
            assert f'<a href="{server.place(url)}">' in server.get(f"{start}/").text
            assert "not fetched, " in server.get(url).text
        assert "is unknown: no fetched" not in server.get("https://never_met.example/").text
        assert server.get("https://never_met.example/").status == 404


@pytest.mark.parametrize(
    "headers",
    [{"Accept": "*/*"}, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "image"}],
)
@pytest.mark.parametrize(
    ("url", "said"), [(f"{SITE}/gone", "Not in the archive\n"), ("https://outside.example/x", "Not in the archive\n")]
)
def test_scripts_receive_a_short_text(server: Served, url: str, said: str, headers: dict[str, str]) -> None:
    """They must not learn the URLs of other hosts. A script can choose the Accept of a request, but not Sec-Fetch-Dest."""
    answer = server.get(url, headers=headers)
    assert (answer.status, answer.headers["content-type"], answer.text) == (404, "text/plain; charset=utf-8", said)


def test_a_page_for_the_user_is_sealed(server: Served) -> None:
    """A script of the same host that opens it can't read it."""
    for place in (server.place("https://outside.example/x"), server.place(f"{SITE}/", 7)):
        answer = server.ask(place, {"Sec-Fetch-Dest": "document"})
        assert answer.headers["content-type"] == HTML
        assert "; sandbox allow-top-navigation-by-user-activation" in answer.headers["content-security-policy"]


def test_a_missing_url_links_to_the_other_scheme(server: Served) -> None:
    assert f'href="{server.place(f"{SITE}/")}"' in server.get("http://www.example.org/").text


def test_an_unknown_snapshot(server: Served) -> None:
    answer = server.get(f"{SITE}/", 7)
    assert (answer.status, "There is no snapshot 7" in answer.text) == (404, True)


def test_a_missing_url_links_to_other_snapshots(tmp_path: Path) -> None:
    for day, links in (("2026-11-24", ["/a"]), ("2026-11-25", [])):
        there = Site().page("/", links=links)
        mirrored(tmp_path, {SITE: there.page("/a") if links else there}, SITE, day)
    pages = {SITE: Site().page("/", links=["/b"]).page("/b")}
    mirrored(tmp_path, pages, SITE, "2026-11-26")
    with served(tmp_path) as server:
        answer = server.get(f"{SITE}/b", 1)
        assert answer.status == 404
        assert f'<a href="{server.place(f"{SITE}/b", 3)}">{SITE}/b since 2026-11-26 10:00:00</a>' in answer.text


def test_a_lost_object_is_an_error(tmp_path: Path) -> None:
    mirrored(tmp_path, {SITE: Site().page("/", "<img src=/i.png>").file("/i.png", PNG, "image/png")}, SITE)
    digest = hashlib.sha256(PNG).hexdigest()
    (tmp_path / ".mirror" / "objects" / digest[:2] / digest[2:]).unlink()
    with served(tmp_path) as server:
        answer = server.get(f"{SITE}/i.png")
        assert (answer.status, "verify --repair" in answer.text) == (500, True)
        told = server.get(f"{SITE}/i.png", headers={"Sec-Fetch-Dest": "image"})
        assert (told.status, told.text) == (500, "The archive can't be read\n")


# --- clients that only take up room -----------------------------------------------------------------------------------


@pytest.fixture
def small_server(tmp_path: Path) -> Iterator[Served]:
    """A server that may have 128 file descriptors."""
    mirrored(tmp_path, web(), SITE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    with served(tmp_path) as running:
        resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (128, 128))
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /v.mp4 HTTP/1.1\r\nHost: {host}\r\n\r\n"])
def test_idle_and_slow_clients_do_not_keep_others_from_being_answered(small_server: Served, sent: bytes) -> None:
    """They send nothing, half of a request, or do not read what they asked for."""
    host = small_server.place(f"{SITE}/").removeprefix("http://").rstrip("/").encode()
    clients = []
    for _ in range(1100):
        client = socket.create_connection(("127.0.0.1", small_server.port), timeout=30)
        with suppress(OSError):
            client.sendall(sent.replace(b"{host}", host))
        clients.append(client)
    assert small_server.get(f"{SITE}/").status == 200
    for client in clients:
        client.close()
    small_server.process.send_signal(signal.SIGINT)
    assert small_server.process.communicate(timeout=30)[1].count("\n") == 1


# --- the command -------------------------------------------------------------------------------------------------------


def command(*words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*SCRAPY, "replay", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_stdout_has_only_the_url_and_ctrl_c_exits_with_0(tmp_path: Path) -> None:
    mirrored(tmp_path, web(), SITE)
    with served(tmp_path) as server:
        url = f"http://localhost:{server.port}/"
        server.get(f"{SITE}/v.mp4")
        server.process.send_signal(signal.SIGINT)
        stdout, stderr = server.process.communicate(timeout=30)
        assert (stdout, stderr) == ("", f"Replaying {tmp_path} at {url}; press Ctrl-C to stop\n")
        assert server.process.returncode == 0


def test_ctrl_c_works_from_the_first_line_of_output(tmp_path: Path) -> None:
    """Even if a shell script started the server in the background, where SIGINT is ignored at first."""
    mirrored(tmp_path, web(), SITE)
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [*ignoring, *SCRAPY, "replay", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0


def test_it_listens_only_on_loopback(tmp_path: Path) -> None:
    mirrored(tmp_path, web(), SITE)
    with served(tmp_path) as server:
        listening = (
            Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
        )
        mine = {
            line.split()[1].rpartition(":")[0]
            for line in listening
            if line.split()[1].endswith(f":{server.port:04X}") and line.split()[3] == "0A"
        }
        assert mine <= {"0100007F", "00000000000000000000000001000000"}
        assert "0100007F" in mine


def test_another_address_causes_a_warning(tmp_path: Path) -> None:
    mirrored(tmp_path, web(), SITE)
    with served(tmp_path, "--host", "0.0.0.0") as server:
        assert server.get(f"{SITE}/").status == 200
        assert server.send(f"0.0.0.0:{server.port}", "/").status == 421
        server.process.send_signal(signal.SIGINT)
        assert (
            "Warning: everyone who can reach 0.0.0.0 can read the archive" in server.process.communicate(timeout=30)[1]
        )


def test_error_messages_are_one_line(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    mirrored(archive, web(), SITE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, code, message in (
            ([str(archive), "--port", port], 2, f"port {port} is in use by another program"),
            ([str(archive), "--port", "70000"], 2, "--port 70000: a port is a number from 0 to 65535"),
            ([str(archive), "--host", "192.0.2.1", "--port", "0"], 2, "can't listen on 192.0.2.1"),
            ([str(tmp_path)], 4, "is not an archive"),
            ([], 2, "DIR is missing: scrapy replay [options] DIR"),
        ):
            stdout, stderr = command(*words).communicate(timeout=60)
            assert (stdout, stderr.count("\n"), message in stderr) == ("", 1, True), stderr
            assert scrapy("replay", *words).code == code


def test_websucker_has_the_command(tmp_path: Path) -> None:
    done = run(str(Path(sys.executable).with_name("websucker")), "replay", "--help")
    assert done.code == 0
    assert "--port" in done.stdout
    assert "--host" in done.stdout


def test_it_works_during_a_crawl(tmp_path: Path) -> None:
    """New snapshots are served at once."""
    mirrored(tmp_path, web(), SITE)
    with served(tmp_path) as server:
        assert server.get(f"{SITE}/").status == 200
        assert mirrored(tmp_path, web("third"), SITE, "2026-11-26") == 2
        assert "<p>third" in server.get(f"{SITE}/", 2).text
        assert "<p>first" in server.get(f"{SITE}/", 1).text


def test_crawls_import_neither_starlette_nor_uvicorn() -> None:
    program = (
        "import sys; sys.modules.update(starlette=None, uvicorn=None, anyio=None)\n"
        "import mirror.transfer.download_handler, mirror.pipelines, mirror.extensions, mirror.spiders.mirror, mirror.cli\n"
        "from scrapy.cmdline import execute; execute(['scrapy', 'replay', '--help'])"
    )
    done = run(sys.executable, "-c", program)
    assert (done.code, "--port" in done.stdout) == (0, True), done.stderr


def test_an_empty_archive(tmp_path: Path) -> None:
    Archive(tmp_path).close()
    with served(tmp_path) as server:
        assert "no crawl has started yet" in server.send(f"localhost:{server.port}", "/").text


def test_text_from_the_archive_is_escaped(tmp_path: Path) -> None:
    start = "https://www.example.org/?<script>alert(1)</script>&'\""
    page = Site().page("/?%3Cscript%3Ealert(1)%3C/script%3E&%27%22", "x")
    mirrored(tmp_path, {SITE: page}, start)
    with served(tmp_path) as server:
        assert "<script>" not in server.send(f"localhost:{server.port}", "/").text
        missing = server.send(server.place(f"{SITE}/").removeprefix("http://").rstrip("/"), "/<script>?'\"")
        assert (missing.status, "<script>" in missing.text) == (404, False)
