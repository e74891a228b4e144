"""Links between the pages of the documentation: each leads to a file, and to a heading that is there."""

import re
from pathlib import Path

import pytest

from tests.crawl.running import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+(?:\([^()]*\))?)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    >>> anchor("robots.txt (RFC 9309)"), anchor("What `why` says")
    ('robotstxt-rfc-9309', 'what-why-says')
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead nowhere."""
    return [link for link in _LINK.findall(without_code(page)) if "://" not in link and not _resolves(page, link)]


def without_code(page: Path) -> str:
    return _CODE.sub("code", page.read_text(encoding="utf-8"))


def _resolves(page: Path, link: str) -> bool:
    path, _, wanted = link.partition("#")
    target = page.parent / path if path else page
    if not target.is_file():
        return False
    text = re.sub(r"^```.*?^```", "", target.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return not wanted or wanted in map(anchor, _HEADING.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A heading\n[a](#a-heading) [b](#b) [c](page.md#a-heading) [d](none.md) `[e](none)` [f](http://x/)\n"
    )
    assert broken_links(page) == ["#b", "none.md"]


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index
