"""Debian's documentation of Python, a real site of some 500 pages and 55 MB, checked by other programs."""

import csv
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Nginx, program, run_mirror
from tests.browser.pages import file_url, opened, same_picture

DOCS = Path("/usr/share/doc/python3.11/html")
SAMPLE = 40
pytestmark = pytest.mark.long
MISSING = "whatsnew/changelog.html"  # Debian ships it compressed, but pages link to it uncompressed


@dataclass
class Mirrored:
    """The site, its copy, and the output of the command."""

    url: str
    out: Path
    paths: dict[str, str]
    asked: set[str]
    stderr: str
    code: int


@pytest.fixture(scope="module")
def mirrored(nginx: Nginx) -> Iterator[Mirrored]:
    if not (DOCS / "index.html").exists():
        reason = "python3.11-doc is missing: make needs"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # LinkChecker drops root privileges before it reads files
        yield mirror_of(nginx, Path(folder))


def mirror_of(nginx: Nginx, out: Path) -> Mirrored:
    url = nginx.serve(DOCS)
    done = run_mirror(url, out)
    with sqlite3.connect(out / ".mirror" / "manifest.sqlite") as manifest:
        rows = manifest.execute("SELECT url, path FROM resources JOIN urls ON urls.id = url_id WHERE path IS NOT NULL")
        paths = dict(rows.fetchall())
    return Mirrored(url, out, paths, nginx.answered(url), done.stderr, done.code)


def test_only_the_missing_page_fails(mirrored: Mirrored) -> None:
    assert f"Failed: 1 URL (404 Not Found)\n  404 Not Found: {mirrored.url}{MISSING}" in mirrored.stderr
    assert mirrored.code == 1


def test_the_copy_has_everything_that_wget_finds(mirrored: Mirrored, nginx: Nginx, tmp_path: Path) -> None:
    wget = [program("wget"), "-q", "-m", "-p", "-P", str(tmp_path), mirrored.url]
    subprocess.run(wget, timeout=300, check=False)
    found = nginx.answered(mirrored.url)
    assert len(found) > 500
    assert found <= mirrored.asked
    assert found <= {"/" + url.removeprefix(mirrored.url) for url in mirrored.paths}
    assert all((mirrored.out / path).is_file() for path in mirrored.paths.values())


def test_no_link_is_broken(mirrored: Mirrored) -> None:
    """LinkChecker checks the tree. Links to anything outside of it are absolute, and not checked."""
    start = mirrored.out / mirrored.paths[mirrored.url]
    linkchecker = str(Path(sys.executable).with_name("linkchecker"))
    command = [
        linkchecker,
        "--no-status",
        "--no-warnings",
        "--verbose",
        "--threads",
        "2",
        "--output",
        "csv",
        str(start),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    table = (line for line in done.stdout.splitlines() if not line.startswith("#"))
    checked = list(csv.DictReader(table, delimiter=";"))
    assert len({row["url"] for row in checked if row["url"].startswith("file:")}) > 500, done.stderr
    assert [
        row for row in checked if row["valid"] != "True"
    ] == []  # its exit code would also report spaces around URLs


def test_pages_look_the_same_offline(mirrored: Mirrored, browser: Browser) -> None:
    online, offline = (browser.new_context(viewport={"width": 1024, "height": 1200}) for _ in range(2))
    pages = sorted(url for url in mirrored.paths if url.endswith(".html"))
    for url in random.Random(311).sample(pages, SAMPLE):
        there, here = opened(online, url), opened(offline, file_url(mirrored.out / mirrored.paths[url]))
        assert (here.failed, here.network, here.errors) == ([], [], there.errors), url
        assert same_picture(there.picture, here.picture), url
