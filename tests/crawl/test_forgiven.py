"""What browsers forgive servers, over real connections: odd codings, bytes beyond ASCII in headers, invalid header lines."""

import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.core.http.test_lenient_answers import REFUSED, SHOWN
from tests.crawl.running import mirror, rows
from tests.transfer.scripted import Reply, ok, serve
from tests.transfer.servers import Authority, microsocks, tinyproxy

HTML: Final = "Content-Type: text/html"
PAGE: Final = b"<!DOCTYPE html><title>x</title><p>plain"
TAR: Final = gzip.compress(b"a tar file" * 99, mtime=0)
REPLIES: Final = {
    "none": ok(PAGE, HTML, "Content-Encoding: none"),
    "charset": ok(PAGE, HTML, "Content-Encoding: UTF-8"),
    "binary": ok(PAGE, HTML, "Content-Encoding: binary"),
    "nothing": ok(PAGE, HTML, "Content-Encoding:"),
    "zipped": ok(gzip.compress(PAGE), HTML, "Content-Encoding: gzip"),
    "one.tar.gz": ok(TAR, "Content-Type: application/x-gzip", "Content-Encoding: gzip"),
    "two.tar.gz": ok(gzip.compress(TAR), "Content-Type: application/x-gzip", "Content-Encoding: gzip"),
    "log.txt.gz": ok(TAR, "Content-Type: text/plain", "Content-Encoding: x-gzip"),
    "moved": ok(b"", "Location: /caf\xc3\xa9", status="302 Found"),
    "linked": ok(PAGE, HTML, "Link: </caf\xc3\xa9.css>; rel=stylesheet"),
    "caf%C3%A9": ok(PAGE, HTML),
    "caf%C3%A9.css": ok(b"p {}", "Content-Type: text/css"),
    "no-reason": b"HTTP/1.1 200\r\nContent-Type: text/html\r\nContent-Length: 39\r\n\r\n" + PAGE,
    "folded": ok(PAGE, "X-Long: a\r\n b", HTML),
    "space": ok(PAGE, "Content-Type : text/html"),
    "robots.txt": ok(b"", status="404 Not Found"),
}


def test_what_browsers_show_is_kept(tmp_path: Path) -> None:
    names = [name for name in REPLIES if not name.startswith(("caf", "robots"))]
    home = "".join(f'<a href="/{name}">{name}</a>' for name in names).encode()
    replies = {name: Reply(raw) for name, raw in {**REPLIES, "": ok(home, HTML)}.items()}
    with serve(replies) as server:
        done = mirror(server.url, tmp_path)
    (here,) = tmp_path.glob("127.0.0.1_*")
    for name in ("none", "charset", "binary", "nothing", "zipped", "linked", "no-reason", "folded", "space"):
        assert PAGE in (here / f"{name}~.html").read_bytes(), name
    assert [(here / name).read_bytes() for name in ("one.tar.gz", "two.tar.gz", "log.txt.gz")] == [TAR] * 3
    stored = rows(tmp_path, "SELECT url, status FROM resources JOIN urls ON urls.id = url_id")
    asked = {str(url).removeprefix(f"{server.url}/"): status for url, status in stored}
    assert (asked["caf%C3%A9"], asked["caf%C3%A9.css"], asked["moved"]) == (200, 200, 302)
    assert done.code == 0, done.stderr


def test_answers_that_are_no_valid_http_are_read_as_browsers_read_them(tmp_path: Path) -> None:
    refused = {**REFUSED, "no-headers": PAGE}
    home = "".join(f'<a href="/{name}">{name}</a>' for name in (*SHOWN, *refused)).encode()
    replies = {name: Reply(raw) for name, raw in {**SHOWN, **refused, "": ok(home, HTML)}.items()}
    with serve(replies) as server:
        done = mirror(server.url, tmp_path)
        assert len(server.asked("a-line-without-a-colon")) == 2
    (here,) = tmp_path.glob("127.0.0.1_*")
    assert {name for name in SHOWN if PAGE not in (here / f"{name}~.html").read_bytes()} == set()
    assert done.code == 1
    for why in (
        "Invalid Content-Length: value",
        "NUL byte in header",
        "Multiple Location headers",
        "Received HTTP/0.9",
    ):
        assert f"invalid HTTP: {why}" in done.stderr, done.stderr
    kinds = 4
    assert done.stderr.count("invalid HTTP: ") == kinds + len(refused), done.stderr


@pytest.mark.parametrize("proxy", ["", "http", "socks5h"])
def test_they_are_also_read_over_tls_and_through_a_proxy(proxy: str, tmp_path: Path) -> None:
    raw = SHOWN["a-line-without-a-colon"]
    authority = Authority(tmp_path)
    with serve({"": Reply(raw)}, certificate=authority.sign("localhost")) as server, ExitStack() as stack:
        options = [f"ca={authority.certificate}"]
        if proxy:
            start_proxy = tinyproxy if proxy == "http" else microsocks
            options.append(f"proxy={proxy}://127.0.0.1:{stack.enter_context(start_proxy(tmp_path)).port}")
        done = mirror(f"https://localhost:{server.port}/", tmp_path / "out", *options, settings={"ROBOTSTXT_OBEY": "0"})
        assert done.code == 0, done.stderr
    (page,) = (tmp_path / "out").glob("localhost_*/index.html")
    assert page.read_bytes() == PAGE
