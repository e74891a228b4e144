"""The replay server serves nothing but the archive, whatever the path, headers or Host, and even from a manipulated archive."""

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.serving import Served, mirrored, served
from tests.site import PNG, Site

SITE = "https://example.org"
SECRET = b"the secret of this machine"


def web() -> dict[str, Site]:
    page = (
        Site().page("/", "<img src=/i.png>", links=["/a", "/to", "/typed"]).file("/i.png", PNG, "image/png").page("/a")
    )
    return {SITE: page.redirect("/to", "/a").file("/typed", "body", "text/plain")}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("attacked")
    (root / "secret").write_bytes(SECRET)
    (root / "archive" / "example.org").mkdir(parents=True)
    mirrored(root / "archive", web(), SITE)
    (root / "archive" / "example.org" / "planted.html").write_bytes(SECRET)
    return root / "archive"


@pytest.fixture(scope="module")
def server(archive: Path) -> Iterator[Served]:
    with served(archive) as running:
        yield running


def host(server: Served) -> str:
    return server.place(f"{SITE}/").removeprefix("http://").rstrip("/")


@pytest.mark.parametrize(
    "target",
    [
        "/../secret",
        "/../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/secret",
        "/..%2f..%2fsecret",
        "/..%5c..%5csecret",
        "/..\\..\\secret",
        "/%252e%252e/secret",
        "//etc/passwd",
        "///etc/passwd",
        "/.mirror/manifest.sqlite",
        "/../.mirror/manifest.sqlite",
        "/.mirror/objects/",
        "/planted.html",
        "/index.html",
        "/a~.html",
        "/file:///etc/passwd",
        "/%00",
        "/a%00.html",
        "/i.png/../../secret",
        "/i.png%2f..%2f..%2fsecret",
        "/%c0%ae%c0%ae/secret",
        "/" + "a/" * 5000,
        "/;/../secret",
        "/?/../secret",
        "/#/../secret",
        "/@evil.example/",
        "/:80/",
    ],
)
def test_paths_reach_only_the_manifest(server: Served, target: str) -> None:
    answer = server.send(host(server), target)
    assert SECRET not in answer.body
    assert b"SQLite" not in answer.body
    assert b"root:" not in answer.body
    if target == "/?/../secret":
        assert answer.status == 404
    elif target == "/#/../secret":
        assert answer.status == 200  # servers ignore the fragment
    else:
        assert answer.status == 404


@pytest.mark.parametrize(
    "line",
    [
        b"GET http://example.org/ HTTP/1.1",
        b"GET http://localhost:1/ HTTP/1.1",
        b"GET file:///etc/passwd HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET a HTTP/1.1",
        b"GET ../secret HTTP/1.1",
        b"GET ?x HTTP/1.1",
        b"GET @evil.example/ HTTP/1.1",
        b"GET :80@evil.example/ HTTP/1.1",
        b"CONNECT example.org:443 HTTP/1.1",
        b"GET /a\0b HTTP/1.1",
        b"GET /a\x7f HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"\x16\x03\x01\x02\0\x01",
    ],
)
def test_targets_that_are_not_paths_are_refused(server: Served, line: bytes) -> None:
    answer = server.raw(line + b"\r\nHost: " + host(server).encode() + b"\r\nConnection: close\r\n\r\n")
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 405"}, answer[:200]
    assert server.get(f"{SITE}/").status == 200


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [b"evil.example:{port}"],
        [b"example.org:{port}"],
        [b"localhost.evil.example:{port}"],
        [b"localhost"],
        [b"localhost:1"],
        [b"{own}", b"evil.example"],
        [b"evil.example", b"{own}"],
        [b"{own}", b"{own}"],
        [b"{own}, evil.example"],
        [b"user@{own}"],
        [b"{own}/../"],
        [b"127.0.0.1.:{port}"],
        [b"2130706433:{port}"],
        [b"0x7f.1:{port}"],
        [b"..localhost:{port}x"],
        [b"\xe9.localhost:{port}"],
        [b""],
    ],
)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_other_hosts_are_refused(server: Served, hosts: list[bytes], version: bytes) -> None:
    names = {b"{port}": str(server.port).encode(), b"{own}": host(server).encode()}
    lines = b"".join(b"Host: %s\r\n" % name for name in hosts)
    for mark, value in names.items():
        lines = lines.replace(mark, value)
    answer = server.raw(b"GET / HTTP/" + version + b"\r\n" + lines + b"Connection: close\r\n\r\n")
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 421"}, answer[:200]


@pytest.mark.parametrize(
    "name",
    ["x-forwarded-host", "x-original-url", "x-rewrite-url", "forwarded", "x-forwarded-proto", "x-http-method-override"],
)
def test_proxy_headers_are_ignored(server: Served, name: str) -> None:
    plain, told = server.get(f"{SITE}/"), server.get(f"{SITE}/", headers={name: "../../secret"})
    assert (told.status, told.body, told.headers["etag"]) == (plain.status, plain.body, plain.headers["etag"])


def test_many_ranges_are_cheap(server: Served) -> None:
    ranges = "bytes=" + ",".join(f"{n}-{n}" for n in range(5000))
    answer = server.get(f"{SITE}/i.png", headers={"Range": ranges})
    assert (answer.status, answer.body) == (200, PNG)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("headers", '[["Content-Type", "text/html\\r\\nSet-Cookie: a=b"], ["Last-Modified", "x\\nX-Evil: 1"]]'),
        pytest.param(
            "headers",
            '[["Content-Disposition", "a\\r\\n\\r\\n<script>"], ["Refresh", "0; url=/\\r\\nX-Evil: 1"]]',
            marks=pytest.mark.long,
        ),
        pytest.param(
            "headers",
            '[["Content-Type\\r\\nX-Evil", "1"], ["X-Content-Type-Options\\r\\nX-Evil: 1", "a"]]',
            marks=pytest.mark.long,
        ),
        pytest.param("media_type", "text/html\r\nX-Evil: 1", marks=pytest.mark.long),
    ],
)
def test_stored_headers_can_not_inject_headers(tmp_path: Path, column: str, value: str) -> None:
    mirrored(tmp_path, web(), SITE)
    change(tmp_path, f"UPDATE resources SET {column} = ?", value)
    with served(tmp_path) as server:
        answer = server.get(f"{SITE}/a")
        assert answer.status == 200
        assert not {"x-evil", "set-cookie"} & set(answer.headers)
        assert b"<script>" not in answer.body


def test_a_stored_location_can_not_inject_headers_or_leave(tmp_path: Path) -> None:
    mirrored(tmp_path, web(), SITE)
    for value in (
        "/a\\r\\nX-Evil: 1",
        "https://evil.example/",
        "//evil.example",
        "\\\\\\\\evil.example",
        "javascript:alert(1)",
    ):
        change(tmp_path, "UPDATE resources SET headers = ? WHERE status = 302", f'[["Location", "{value}"]]')
        with served(tmp_path) as server:
            answer = server.get(f"{SITE}/to")
            led = answer.headers.get("location")
            assert "x-evil" not in answer.headers
            assert (
                led.startswith(f"http://{host(server)}/") or "evil-example---" in led if led else answer.status == 404
            )


@pytest.mark.parametrize(
    "digest",
    [
        "../../../secret",
        *(pytest.param(d, marks=pytest.mark.long) for d in ("..//../../secret", "/{root}/secret", "ab", "", "z" * 64)),
    ],
)
def test_a_manipulated_digest_can_not_name_other_files(tmp_path: Path, digest: str) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    out = tmp_path / "archive"
    mirrored(out, web(), SITE)
    change(out, "UPDATE resources SET digest = ?", digest.replace("{root}", str(tmp_path)))
    with served(out) as server:
        for path in ("/i.png", "/a", "/typed"):
            answer = server.get(SITE + path)
            assert (answer.status, SECRET in answer.body) in {(500, False), (404, False)}


@pytest.mark.parametrize("folder", [False, True])
def test_symbolic_links_in_the_object_store_are_not_followed(tmp_path: Path, *, folder: bool) -> None:
    out, digest = tmp_path / "archive", hashlib.sha256(PNG).hexdigest()
    mirrored(out, web(), SITE)
    place = out / ".mirror" / "objects" / digest[:2] / digest[2:]
    secret = tmp_path / digest[2:]
    secret.write_bytes(SECRET)
    place.unlink()
    if folder:
        for other in place.parent.iterdir():
            other.unlink()
        place.parent.rmdir()
        place.parent.symlink_to(tmp_path, target_is_directory=True)
    else:
        place.symlink_to(secret)
    with served(out) as server:
        answer = server.get(f"{SITE}/i.png")
        assert (answer.status, SECRET in answer.body) == (500, False)


def test_the_archive_is_not_changed(archive: Path, server: Served) -> None:
    before = {
        place: place.stat().st_mtime_ns
        for place in archive.rglob("*")
        if place.is_file() and place.suffix != ".sqlite-shm"
    }
    for path in ("/", "/a", "/never", "/i.png"):
        server.get(SITE + path)
    server.send(f"localhost:{server.port}", "/")
    after = {place: place.stat().st_mtime_ns for place in archive.rglob("*") if place.is_file()}
    assert {place: after.get(place) for place in before} == before


def change(archive: Path, statement: str, value: str) -> None:
    with sqlite3.connect(archive / ".mirror" / "manifest.sqlite") as manifest:
        manifest.execute(statement, (value,))
    manifest.close()
