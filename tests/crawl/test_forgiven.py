"""What browsers forgive servers, over real connections: odd codings, bytes beyond ASCII in headers, invalid header lines."""

import gzip
from pathlib import Path
from typing import Final

from tests.crawl.running import mirror, rows
from tests.transfer.scripted import Reply, ok, serve

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
INVALID: Final = {
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "nul": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nhi",
}
"""Answers that Chromium refuses, too."""


def test_what_browsers_show_is_kept(tmp_path: Path) -> None:
    names = [name for name in (*REPLIES, *INVALID) if not name.startswith(("caf", "robots"))]
    home = "".join(f'<a href="/{name}">{name}</a>' for name in names).encode()
    replies = {name: Reply(raw) for name, raw in {**REPLIES, **INVALID, "": ok(home, HTML)}.items()}
    with serve(replies) as server:
        done = mirror(server.url, tmp_path)
    (here,) = tmp_path.glob("127.0.0.1_*")
    for name in ("none", "charset", "binary", "nothing", "zipped", "linked", "no-reason", "folded", "space"):
        assert PAGE in (here / f"{name}~.html").read_bytes(), name
    assert [(here / name).read_bytes() for name in ("one.tar.gz", "two.tar.gz", "log.txt.gz")] == [TAR] * 3
    stored = rows(tmp_path, "SELECT url, status FROM resources JOIN urls ON urls.id = url_id")
    asked = {str(url).removeprefix(f"{server.url}/"): status for url, status in stored}
    assert (asked["caf%C3%A9"], asked["caf%C3%A9.css"], asked["moved"]) == (200, 200, 302)
    assert done.code == 1
    assert "invalid HTTP: Invalid Content-Length: value" in done.stderr
    assert "invalid HTTP: NUL byte in header" in done.stderr, done.stderr
