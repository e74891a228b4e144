"""A user's words, and what they mean."""

from datetime import timedelta
from pathlib import Path

import pytest

from mirror.cli import scrapy_words
from mirror.core.scope import Area, Requisites
from mirror.options import Options, UsageError, parse_size, parse_starts
from mirror.store.crawl import Renewal


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("http://example.org", ["http://example.org/"]),
        (" http://example.org/a\n http://example.org/b\t", ["http://example.org/a", "http://example.org/b"]),
        ("http://example.org/a,http://example.org/b", ["http://example.org/a", "http://example.org/b"]),
        ("http://example.org/a, https://example.org/b,", ["http://example.org/a", "https://example.org/b"]),
        ("http://example.org/a,b", ["http://example.org/a,b"]),
        ("http://example.org/#top http://example.org/", ["http://example.org/"]),
        ("http://example.org/?a=b,c=d", ["http://example.org/?a=b,c=d"]),
    ],
)
def test_starts(text: str, starts: list[str]) -> None:
    assert parse_starts(text) == starts


def test_starts_and_lists_of_them_side_by_side(tmp_path: Path) -> None:
    listed = tmp_path / "list"
    listed.write_text("# remarks\nhttp://example.org/a#b  # a remark\n\nhttp://example.org/c, http://example.org/d\n")
    wanted = ["http://example.org/a", "http://example.org/c", "http://example.org/d"]
    assert parse_starts(f"@{listed}") == wanted
    assert parse_starts(f"@{listed} http://example.org/e") == [*wanted, "http://example.org/e"]
    assert parse_starts(f"http://example.org/e,@{listed}") == ["http://example.org/e", *wanted]


def test_a_list_in_a_folder_with_a_space(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "list").write_text("http://example.org/")
    assert parse_starts(f"@{tmp_path}/a b/list") == ["http://example.org/"]


def test_defaults() -> None:
    options = Options.parse({"start": "http://example.org/"})
    assert options.out == Path("archive")
    assert options.limit is None
    scope = options.scope
    assert (scope.area, scope.requisites, scope.include, scope.exclude, scope.depth) == (
        Area.SITE,
        Requisites.ALL,
        None,
        None,
        None,
    )


def test_how_what_is_there_is_renewed() -> None:
    words = {"start": "http://example.org/", "refresh": "1d12h", "trust": "1", "max_loss": "0.25"}
    assert Options.parse(words).renewal == Renewal(timedelta(hours=36), trust=True, most_lost=0.25)
    assert Options.parse({"start": "http://example.org/"}).renewal == Renewal()


@pytest.mark.parametrize("text", ["", "1 K", "1e3", "-1", "M", "1KiB", "nan"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size: write it as"):
        parse_size("MIRROR_RESERVE", text)


def test_an_empty_word_is_the_default() -> None:
    assert Options.parse({"start": "http://example.org/", "out": "", "depth": "", "scope": ""}).scope.area is Area.SITE


def test_what_a_run_is_told_apart_by() -> None:
    words = {"start": "http://example.org/", "depth": "3", "limit": "4", "include": "a", "scope": "host"}
    assert Options.parse(words).as_json() == {
        "start": ["http://example.org/"],
        "scope": "host",
        "requisites": "all",
        "include": "a",
        "exclude": None,
        "depth": 3,
        "limit": 4,
    }


@pytest.mark.parametrize("words", [{}, {"start": " "}, {"start": "http://example.org/", "depth": "two"}])
def test_words_that_mean_nothing(words: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Options.parse(words)


@pytest.mark.parametrize(
    ("ours", "scrapys"),
    [
        (["http://a/", "http://b/"], ["crawl", "mirror", "-a", "start=http://a/ http://b/"]),
        (["http://a/", "--out", "x"], ["crawl", "mirror", "-a", "start=http://a/", "-a", "out=x"]),
        (["-s", "A=1", "http://a/"], ["crawl", "mirror", "-a", "start=http://a/", "-s", "A=1"]),
        (["publish", "x"], ["publish", "x"]),
    ],
)
def test_the_short_name_is_translated(ours: list[str], scrapys: list[str]) -> None:
    assert scrapy_words(ours) == scrapys
