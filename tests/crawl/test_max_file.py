"""Files that are larger than `max_file` are skipped, like URLs that any other rule of the user excludes."""

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.crawl.running import dangling, mirror, rows, scrapy, tree
from tests.site import Handler, Page, Site, serve
from tests.transfer import servers
from tests.warm import Done

LARGE: Final = random.Random(1).randbytes(3 << 20)
WORDS: Final = "larger than --max-file"
SCRAPY_S_OWN: Final = {"DOWNLOAD_HANDLERS": "{}"}


def with_length(handler: Handler, status: int = 200) -> None:
    handler.reply(Page(status, {"Content-Type": "application/zip", "ETag": '"1"'}, LARGE))


def without_length(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/zip")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for start in range(0, len(LARGE), 10_000):
        block = LARGE[start : start + 10_000]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))
    handler.wfile.write(b"0\r\n\r\n")


def coded(handler: Handler) -> None:
    """A few bytes that decompress to many."""
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    handler.reply(Page(200, headers, gzip.compress(bytes(len(LARGE)))))


def site(answer: Callable[[Handler], None] = with_length) -> Site:
    found = Site().page("/", links=["/small.zip", "/large.zip"]).file("/small.zip", bytes(1000), "application/zip")
    found["/large.zip"] = answer
    return found


def partial(out: Path) -> list[Path]:
    return list((out / ".mirror" / "partial").iterdir())


def why(out: Path, url: str) -> Done:
    return scrapy("why", str(out), url)


def names(out: Path) -> set[str]:
    return {Path(path).name for path in tree(out)}


@pytest.mark.parametrize("handlers", [{}, SCRAPY_S_OWN], ids=["libcurl", "Scrapy's own"])
@pytest.mark.parametrize("answer", [with_length, without_length, coded])
@pytest.mark.parametrize("most", ["10k", pytest.param("1M", marks=pytest.mark.long)])
def test_it_is_skipped_with_the_reason_size(
    tmp_path: Path, answer: Callable[[Handler], None], handlers: dict[str, str], most: str
) -> None:
    with serve(site(answer)) as server:
        done = mirror(server.url, tmp_path, f"max_file={most}", settings=handlers)
        assert done.code == 0, done.stderr
        assert WORDS in done.stderr
        assert "Failed" not in done.stderr
        assert server.paths.count("/large.zip") == 1
    assert names(tmp_path) == {"index.html", "small.zip"}
    assert f'href="{server.url}/large.zip"' in next(tmp_path.glob("127*/index.html")).read_text()
    assert partial(tmp_path) == []
    assert dangling(tmp_path) == []
    told = why(tmp_path, f"{server.url}/large.zip")
    assert told.code == 1
    assert "not fetched, larger than --max-file, found on" in told.stdout


def test_a_start_is_no_exception(tmp_path: Path) -> None:
    with serve(site()) as server:
        done = mirror(f"{server.url}/large.zip", tmp_path, "max_file=1M")
    assert done.code == 3
    assert WORDS in done.stderr


def test_without_the_rule_nothing_is_skipped(tmp_path: Path) -> None:
    with serve(site()) as server:
        assert mirror(server.url, tmp_path, "max_file=0").code == 0
        assert mirror(server.url, tmp_path / "exact", f"max_file={len(LARGE)}").code == 0
    assert "large.zip" in names(tmp_path) & names(tmp_path / "exact")


@pytest.mark.parametrize("status", [404, 410, 500, 302])
def test_an_error_or_redirect_is_recorded_as_such(tmp_path: Path, status: int) -> None:
    """However long the error page is."""
    with serve(site(lambda handler: with_length(handler, status))) as server:
        done = mirror(server.url, tmp_path, "max_file=10k", settings={"RETRY_ENABLED": "0"})
    assert done.code == 1
    assert "max_file" not in done.stderr
    assert f"  {status} " in done.stderr
    assert partial(tmp_path) == []


def test_robots_txt_is_no_file_of_the_mirror(tmp_path: Path) -> None:
    with serve(site().file("/robots.txt", b"# long\n" * 3000 + b"User-agent: *\nDisallow: /small\n")) as server:
        done = mirror(server.url, tmp_path, "max_file=10k")
    assert "larger than --max-file: 1" in done.stderr
    assert "forbidden by robots.txt: 1" in done.stderr
    assert names(tmp_path) == {"index.html", "robots.txt"}


def test_a_part_of_it_does_not_stay(tmp_path: Path) -> None:
    """A run without the rule was interrupted in the middle of the file."""

    def cut(handler: Handler) -> None:
        wanted = handler.headers.get("Range")
        start = int(re.sub(r"\D", "", wanted)) if wanted else 0
        handler.send_response(206 if wanted else 200)
        for name, value in {
            "Content-Type": "application/zip",
            "Content-Length": str(len(LARGE) - start),
            "ETag": '"1"',
            **({"Content-Range": f"bytes {start}-{len(LARGE) - 1}/{len(LARGE)}"} if wanted else {}),
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(LARGE[start : start + (1 << 20)])
        handler.close_connection = True

    with serve(site(cut)) as server:
        assert mirror(server.url, tmp_path, settings={"RETRY_ENABLED": "0"}).code == 1
        assert {path.suffix for path in partial(tmp_path)} == {"", ".json", ".sums"}
        done = mirror(server.url, tmp_path, "max_file=1500k")
    assert (done.code, partial(tmp_path)) == (0, []), done.stderr
    assert WORDS in done.stderr


# An existing copy


def versions(out: Path, name: str) -> list[tuple[object, ...]]:
    return rows(
        out,
        "SELECT standing, size, error FROM resources JOIN urls ON urls.id = url_id "
        f"WHERE url LIKE '%/{name}' AND until IS NULL",
    )


@pytest.mark.parametrize("tells", ["validators", "nothing"])
def test_a_copy_stays_when_the_rule_becomes_stricter(tmp_path: Path, tells: str) -> None:
    """Whether or not its server can tell that the file did not change."""

    def answer(handler: Handler) -> None:
        if tells == "validators" and handler.headers.get("If-None-Match") == '"1"':
            handler.reply(Page(304, {"ETag": '"1"', "Content-Length": str(len(LARGE))}, b""))
        else:
            with_length(handler)

    with serve(site(answer)) as server:
        assert mirror(server.url, tmp_path).code == 0
        before = tree(tmp_path)
        done = mirror(server.url, tmp_path, "max_file=1M")
        assert done.code == 0, done.stderr
        assert (WORDS in done.stderr) is (tells == "nothing")
        assert tree(tmp_path) == before
        assert versions(tmp_path, "large.zip") == [("present", len(LARGE), None)]
        told = why(tmp_path, f"{server.url}/large.zip")
    assert told.code == 0
    assert (WORDS in told.stdout) is (tells == "nothing")
    assert f"in the tree: {len(LARGE):,} bytes" in told.stdout


def test_a_copy_stays_when_the_file_outgrows_the_rule(tmp_path: Path) -> None:
    with serve(site().file("/large.zip", b"small yet", "application/zip")) as server:
        assert mirror(server.url, tmp_path, "max_file=1M").code == 0
        before = tree(tmp_path)
        server.site["/large.zip"] = with_length
        done = mirror(server.url, tmp_path, "max_file=1M")
    assert done.code == 0
    assert WORDS in done.stderr
    assert tree(tmp_path) == before
    assert versions(tmp_path, "large.zip") == [("present", len(b"small yet"), None)]


def test_a_failure_of_an_earlier_run_does_not_count_in_this_one(tmp_path: Path) -> None:
    with serve(site(lambda handler: with_length(handler, 500))) as server:
        assert mirror(server.url, tmp_path, settings={"RETRY_ENABLED": "0"}).code == 1
        server.site["/large.zip"] = with_length
        assert mirror(server.url, tmp_path, "max_file=1M").code == 0


# Files of other servers


@pytest.fixture(params=["ftp", *(pytest.param(name, marks=pytest.mark.long) for name in ("lists", "sftp")), "file"])
def start(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    files = tmp_path / "files"
    files.mkdir()
    (files / "large.bin").write_bytes(LARGE)
    (files / "small.bin").write_bytes(bytes(1000))
    with ExitStack() as stack:
        enter = stack.enter_context
        if request.param == "ftp":
            yield f"ftp://127.0.0.1:{enter(servers.pyftpdlib(files, tmp_path))}/"
        elif request.param == "lists":
            yield f"ftp://127.0.0.1:{enter(servers.vsftpd(files, tmp_path))}/"
        elif request.param == "sftp":
            ssh = enter(servers.sshd(tmp_path))
            monkeypatch.setenv("HOME", str(ssh.home))
            yield f"sftp://{ssh.user}:@127.0.0.1:{ssh.port}{files}/"
        else:
            yield f"{files.as_uri()}/"


def test_files_of_servers_and_of_the_disk(start: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = mirror(start, out, "max_file=1M")
    assert done.code == 0, done.stderr
    assert WORDS in done.stderr
    assert "small.bin" in names(out)
    assert "large.bin" not in names(out)
    assert partial(out) == []
    assert mirror(start, out).code == 0
    before = tree(out)
    assert "large.bin" in names(out)
    again = mirror(start, out, "max_file=1M")  # it is not sent, because its time did not change
    assert (again.code, tree(out)) == (0, before), again.stderr
    told = json.loads(scrapy("why", str(out), "--json", _url(start)).stdout)
    assert [version["standing"] for version in told["versions"]] == ["present"]


def _url(start: str) -> str:
    return re.sub(r"//[^/@]*@", "//", start) + "large.bin"
