"""What it costs to record an answer, in statements: a page of a large site needs a few, however many links it has."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Final

import pytest

from mirror.store.archive import Archive
from mirror.store.run.crawl import Crawl
from tests.mirroring import Beside, complete, run, sqlite
from tests.site import Site
from tests.store.run.test_crawl import HOME, crawl

PAGES: Final = 64
_OPENING: Final = re.compile(r"\s*(\w+(?: \w+)?)")


@contextmanager
def counted(archive: Archive) -> Iterator[Counter[str]]:
    """Count the statements that the database executes, by their first two words."""
    statements: Counter[str] = Counter()

    def count(statement: str) -> None:
        if not statement.startswith("--"):  # what SQLite does inside of a statement
            statements[" ".join(statement.split()[:2])] += 1

    connection = sqlite(archive)._connection  # noqa: SLF001 - the database itself counts
    connection.set_trace_callback(count)
    yield statements
    connection.set_trace_callback(None)


def site(links: int, *, new: int = 0) -> Site:
    """A site of `PAGES` pages and a start. Each page links to `links` of the others, and to `new` URLs of its own."""
    made = Site()
    for page in range(PAGES):
        known = [f"/{(page * 7 + n) % PAGES}.html" for n in range(links)]
        made.page(f"/{page}.html", links=[*known, *(f"/new/{page}/{n}.html" for n in range(new))])
    return made.page("/", links=[f"/{page}.html" for page in range(PAGES)])


def mirrored(archive: Archive, web: Site, limit: int) -> Crawl:
    crawler = crawl(archive, limit=limit, together=32, elsewhere=Beside(repeat(0)))
    run(crawler, {HOME: web})
    return crawler


@pytest.mark.parametrize("links", [3, 60])
def test_a_page_takes_a_few_statements_however_many_links_it_has(tmp_path: Path, links: int) -> None:
    archive = Archive(tmp_path)
    with counted(archive) as first:
        crawler = mirrored(archive, site(links), PAGES + 1)
    complete(crawler)
    with counted(archive) as second:
        mirrored(archive, site(links), PAGES + 1)
    archive.close()
    assert first.total() / PAGES < 11, first.most_common()
    assert second.total() / PAGES < 10, second.most_common()


def test_a_thousand_new_links_are_stored_with_a_few_statements(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with counted(archive) as statements:
        mirrored(archive, site(0, new=300), PAGES + 1)
    archive.close()
    assert statements.total() / PAGES < 15, statements.most_common()


def test_a_transaction_holds_a_bounded_number_of_links(tmp_path: Path) -> None:
    commits = {}
    for new in (3, 1000):
        archive = Archive(tmp_path / str(new))
        with counted(archive) as statements:
            mirrored(archive, site(0, new=new), PAGES + 1)
        archive.close()
        commits[new] = statements["COMMIT"]
    assert commits[3] <= 2 * (PAGES // 32 + 2)
    assert commits[1000] >= PAGES * 1000 / 10_000, commits
