"""The site with every construct, opened from the disk: everything that a browser loads comes from the tree."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import run_mirror
from tests.browser.pages import file_url, opened
from tests.constructs import sites
from tests.site import serve_both

REFUSED = {
    "link-modulepreload.js",
    "svg-use-href.svg",
    "svg-use-xlink-href.svg",
    "svg-file-use.svg",
    "svg-file-style-attribute.svg",
}
"""Modules and parts of other SVG files. Chromium does not load these from a disk, although they exist."""


@dataclass
class Copy:
    """The folder of a copy, and its documents: URL -> path."""

    out: Path
    documents: dict[str, str]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    out = tmp_path_factory.mktemp("constructs")
    main, other = sites()
    with serve_both(main, other) as (server, _):
        run_mirror(server.url + "/", out)
    with sqlite3.connect(out / ".mirror" / "manifest.sqlite") as manifest:
        rows = manifest.execute(
            "SELECT url, path FROM resources JOIN urls ON urls.id = url_id WHERE path IS NOT NULL"
            " AND media_type IN ('text/html', 'application/xhtml+xml', 'image/svg+xml') AND status = 200"
        )
        yield Copy(out, dict(rows.fetchall()))


@pytest.mark.long
def test_nothing_is_missing_and_nothing_uses_the_network(copy: Copy, browser: Browser) -> None:
    """The servers are stopped. Scripts are disabled, because what they build does not work from a disk."""
    wrong = {}
    context = browser.new_context(java_script_enabled=False)
    for url, path in sorted(copy.documents.items()):
        page = opened(context, file_url(copy.out / path), picture=False)
        failed = {unquote(urlsplit(there).path).rpartition("/")[2] for there in page.failed} - REFUSED
        if failed or page.network:
            wrong[url] = (failed, page.network)
    assert len(copy.documents) > 100
    assert all(list(copy.out.rglob(name)) for name in REFUSED)
    assert wrong == {}
