"""Folders of downloads: names, bytes and dates are those of the server, so that programs find what they look for."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Nginx, program
from tests.crawl.running import mirror, publish, run, scrapy
from tests.downloads import NAMES, YEAR_2001, apt_with, downloads, repository
from tests.site import HTML, Site, serve


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    server = Nginx(program("nginx", "/usr/sbin"), tmp_path_factory.mktemp("nginx"))
    yield server
    server.stop()


def host(out: Path, url: str) -> Path:
    return out / url.removeprefix("http://").rstrip("/").replace(":", "_")


def test_checksums_and_dates_of_a_folder_of_downloads(nginx: Nginx, tmp_path: Path) -> None:
    downloads(tmp_path / "site")
    url, out = nginx.serve(tmp_path / "site", lists=True), tmp_path / "out"
    assert mirror(url, out).code == 0
    copy = host(out, url)
    checked = run("sha256sum", "-c", "SHA256SUMS", cwd=copy)
    assert (checked.code, checked.stdout.count(": OK")) == (0, len(NAMES)), checked.stdout
    assert [(copy / name).stat().st_mtime for name in NAMES] == [YEAR_2001 + n for n in range(len(NAMES))]
    before = {place: place.lstat() for place in out.rglob("*") if ".mirror" not in place.parts and place.is_file()}
    assert mirror(url, out).code == 0
    for place, found in before.items():
        if place.name != "index.html":  # nginx makes listings for each request
            assert (place.lstat().st_ino, place.lstat().st_ctime_ns) == (found.st_ino, found.st_ctime_ns), place
    assert scrapy("checkout", str(out), "1", str(tmp_path / "first")).code == 0
    assert (host(tmp_path / "first", url) / "README.md").stat().st_mtime == YEAR_2001
    shutil.rmtree(copy)
    assert publish(out).code == 0
    assert run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=copy).code == 0
    assert (copy / "LICENSE").stat().st_mtime == YEAR_2001 + 1


def test_apt_can_use_a_mirrored_repository(nginx: Nginx, tmp_path: Path) -> None:
    home = tmp_path / "gnupg"
    repository(tmp_path / "site", home)
    url, out = nginx.serve(tmp_path / "site", lists=True), tmp_path / "out"
    assert mirror(url, out).code == 0
    copy = host(out, url)
    release = copy / "dists/stable"
    assert run("gpgv", "--keyring", str(home / "demo.gpg"), str(release / "InRelease")).code == 0
    assert (
        run("gpgv", "--keyring", str(home / "demo.gpg"), str(release / "Release.gpg"), str(release / "Release")).code
        == 0
    )
    apt = apt_with(copy, home, tmp_path / "apt")
    updated = run(*apt, "update")
    assert (updated.code, "W:" in updated.stderr, "E:" in updated.stderr) == (0, False, False), updated.stderr
    fetched = run(*apt, "download", "websucker-demo", cwd=tmp_path)
    assert fetched.code == 0, fetched.stderr
    assert [place.read_bytes() for place in tmp_path.glob("websucker-demo_1.0~exp1_all.deb")] == [
        (tmp_path / "site/pool/main/w/websucker-demo_1.0~exp1_all.deb").read_bytes()
    ]


def test_one_content_with_two_dates_has_both(tmp_path: Path) -> None:
    """Hard links share a date. So the second file is a copy; one without a date of its own stays a link."""
    dates = {"/a.bin": "Sun, 09 Sep 2001 01:46:40 GMT", "/b.bin": "Sun, 09 Sep 2001 01:46:41 GMT", "/c.bin": ""}
    site = Site().page("/", links=list(dates))
    for path, date in dates.items():
        site.file(path, b"the same" * 99, "application/octet-stream", headers={"Last-Modified": date} if date else {})
    with serve(site) as server:
        assert mirror(server.url + "/", tmp_path / "out").code == 0
        copy = host(tmp_path / "out", server.url)
        found = {name: (copy / name).stat() for name in ("a.bin", "b.bin", "c.bin")}
        assert [found[name].st_mtime for name in ("a.bin", "b.bin")] == [YEAR_2001, YEAR_2001 + 1]
        assert len({one.st_ino for one in found.values()}) == 2
        [stored] = [
            place
            for place in (tmp_path / "out/.mirror/objects").rglob("*")
            if place.is_file() and place.stat().st_size == 792
        ]
        assert stored.stat().st_ino in {one.st_ino for one in found.values()}
        assert mirror(server.url + "/", tmp_path / "out").code == 0
        assert {name: (copy / name).stat().st_ctime_ns for name in found} == {
            n: one.st_ctime_ns for n, one in found.items()
        }


def test_pages_have_the_date_of_the_server_too(tmp_path: Path) -> None:
    site = (
        Site()
        .file("/", "<a href='/b'>b</a>", HTML, headers={"Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT"})
        .page("/b")
    )
    with serve(site) as server:
        assert mirror(server.url + "/", tmp_path / "out").code == 0
    assert (host(tmp_path / "out", server.url) / "index.html").stat().st_mtime == YEAR_2001
