"""Which origins the entries of a run have."""

import pytest

from mirror.core.url.canonical import CanonicalURL
from mirror.store.manifest.records import Entry, State
from mirror.store.run.queue import Queue


def queue(*urls: str) -> Queue:
    found = Queue(lambda *_, **__: [], lambda _: None, None, 0)
    for number, url in enumerate(urls):
        found.put(None, Entry(number, CanonicalURL(url), State.PENDING, frozenset(), 0))
    return found


@pytest.mark.parametrize(
    ("urls", "origin"),
    [
        ((), None),
        (("https://example.org/a", "https://example.org/b/c"), "https://example.org/"),
        (("https://example.org/", "http://example.org/"), None),
        (("ftp://a/x.html",), "ftp://a/"),
        (("file:///x.html", "file:///srv/www/"), "file:///"),
        (("file:///",), "file:///"),
    ],
)
def test_the_only_origin_of_all_entries(urls: tuple[str, ...], origin: str | None) -> None:
    assert queue(*urls).only_origin == origin


def test_a_run_that_is_resumed_may_have_any_origins() -> None:
    found = Queue(lambda *_, **__: [], lambda _: None, None, 0, origins=("", "?"))
    found.put(None, Entry(1, CanonicalURL("https://example.org/"), State.PENDING, frozenset(), 0))
    assert found.only_origin is None
