"""docs/archive-format.md: its queries work, and its tables are those of the database."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from mirror.core.policy.scope import Scope
from mirror.core.url.canonical import canonical
from mirror.store.archive import Archive
from mirror.store.run.crawl import Crawl
from mirror.store.sqlite.schema import TABLES
from tests.crawl.running import ROOT
from tests.mirroring import complete, run
from tests.site import Site

TEXT: Final = (ROOT / "docs" / "archive-format.md").read_text(encoding="utf-8")
QUERIES: Final = [
    *re.findall(r"^```sql\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE),
    *re.findall(r'^sqlite3 \S+ "(SELECT [^"]*)"', TEXT, re.DOTALL | re.MULTILINE),
]
HOME: Final = "https://example.org"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("format")
    with closing(Archive(root)) as archive:
        for _ in range(7):  # the example is about snapshot 7
            crawl = Crawl(archive, Scope((canonical(HOME),)), now=lambda: "2020-02-02T02:02:02+00:00")
            run(crawl, {HOME: Site().page("/", links=["/none"])})
            complete(crawl)
    return root / ".mirror" / "manifest.sqlite"


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_of_the_page_finds_something(manifest: Path, query: str) -> None:
    with closing(sqlite3.connect(manifest)) as connection:
        assert connection.execute(query).fetchall()


def test_the_page_has_queries() -> None:
    assert len(QUERIES) >= 4


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_described(table: str) -> None:
    assert f"\n### {table}\n" in TEXT or f"\n| `{table}` | " in TEXT
