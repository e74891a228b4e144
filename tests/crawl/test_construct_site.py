"""The site with every construct is fetched completely, and nothing else is."""

from pathlib import Path

import pytest

from tests.constructs import FETCHED, FETCHED_OTHER, NEVER, NEVER_OTHER, sites
from tests.crawl.running import dangling, mirror, publish, tree
from tests.site import serve_both
from tests.warm import Done


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done, set[str], set[str]]:
    out = tmp_path_factory.mktemp("constructs")
    main, other = sites()
    with serve_both(main, other) as (server, cdn):
        done = mirror(server.url, out)
    return out, done, set(server.paths), set(cdn.paths)


def test_all_that_a_browser_loads_or_follows_is_fetched(crawl: tuple[Path, Done, set[str], set[str]]) -> None:
    _, _, asked, asked_of_other = crawl
    assert set(FETCHED) - asked == set()
    assert set(FETCHED_OTHER) - asked_of_other == set()


def test_nothing_is_fetched_that_must_not_be(crawl: tuple[Path, Done, set[str], set[str]]) -> None:
    _, _, asked, asked_of_other = crawl
    assert asked & set(NEVER) == set()
    assert asked_of_other & set(NEVER_OTHER) == set()


def test_the_tree_is_made_again_byte_for_byte(crawl: tuple[Path, Done, set[str], set[str]]) -> None:
    out = crawl[0]
    before = tree(out)
    for path in before:
        (out / path).unlink()
    assert publish(out).code == 0
    assert tree(out) == before
    assert len(before) > 300


def test_no_link_dangles(crawl: tuple[Path, Done, set[str], set[str]]) -> None:
    assert dangling(crawl[0]) == []
