"""Traps: when a family of URLs is closed, when it is opened again, and what is saved of it."""

import json
from collections.abc import Iterable
from random import Random

import pytest

from mirror.core.policy.crawler_traps import MAX_FAMILIES, Budgets, Traps, absent_url
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.canonical import CanonicalURL, resolve

HOST = "http://example.org"
LOW = Budgets(repeated=3, deep=5, calendar=5, facets=20, pages=5, same=400, world=0)


def at(path: str) -> CanonicalURL:
    target = resolve(path, HOST + "/")
    assert target is not None
    return target.url


def links(*paths: str, kind: Kind = Kind.PAGE) -> list[Reference]:
    return [Reference(at(path), kind) for path in paths]


def answered(traps: Traps, page: str, new: Iterable[str], text: str) -> CanonicalURL | None:
    found = links(*new)
    return traps.answered(at(page), found, found, lambda: text)


# Pages that bring nothing


def chain(traps: Traps, most: int, text: str = "Nothing", *, beside: str = "") -> int:
    """Return the number of pages of a chain that are followed until the next one is barred."""
    for n in range(most):
        found = [f"/list?page={n + 1}", *([beside.format(n)] if beside else [])]
        answered(traps, f"/list?page={n}", found, text.format(n * n + 977))
        if traps.blocking_rule(at(f"/list?page={n + 1}"), at(f"/list?page={n}")):
            return n
    return most


@pytest.mark.parametrize(
    ("text", "beside", "ends"),
    [
        ("Nothing", "", True),
        ("Nothing", "/login?next=/list%3Fpage={}", True),
        ("Number {} fish", "", False),  # a word of its own
        ("Nothing", "/fish/x{}", False),  # a way to somewhere else
    ],
)
def test_a_chain_ends_where_its_pages_bring_nothing(text: str, beside: str, *, ends: bool) -> None:
    assert (chain(Traps(LOW), 300, text, beside=beside) < 100) is ends


def test_pictures_count_and_counters_do_not() -> None:
    for url, ends in (("http://cdn.example.com/{}.jpg", False), ("http://count.example.com/c.gif?r={}", True)):
        traps = Traps(LOW)
        for n in range(200):
            found = [*links(f"/list?page={n + 1}"), Reference(CanonicalURL(url.format(n)), Kind.REQUISITE)]
            traps.answered(at(f"/list?page={n}"), found, found, lambda: "")
        assert bool(traps.blocking_rule(at("/list?page=201"), at("/list?page=200"))) is ends


def test_links_from_elsewhere_are_followed_and_a_new_word_opens_a_family() -> None:
    traps = Traps(LOW)
    end = chain(traps, 300)
    assert traps.blocking_rule(at("/list?page=9999"), at("/list?page=1")) == (
        "pages by number, in http://example.org/list?page: 5 pages in a row brought nothing new"
    )
    assert traps.blocking_rule(at("/list?page=9999"), at("/sitemap")) is None
    assert traps.blocking_rule(at("/fish"), at("/list?page=1")) is None
    answered(traps, f"/list?page={end + 1}", [f"/list?page={end + 2}"], "Here is a fish")
    assert traps.blocking_rule(at("/list?page=9999"), at("/list?page=1")) is None


def test_pages_that_lead_nowhere_do_not_count() -> None:
    traps = Traps(LOW)
    for n in range(1000):
        traps.answered(at(f"/entry/{n}"), links("/"), [], lambda: "An entry")
    assert traps.blocking_rule(at("/entry/1001"), at("/entry/1")) is None


def test_a_large_catalogue_is_no_trap() -> None:
    """Lists consist of names only, and link to many thousands of entries that all say the same."""
    traps = Traps(Budgets())
    for page in range(1, 4000):
        entries = [f"/entry?id={page * 9 + n}" for n in range(9)]
        names = " ".join(f"Entry {entry.partition('=')[2]}" for entry in entries)
        answered(traps, f"/list?page={page}", [f"/list?page={page + 1}", *entries], f"Nine entries {names}")
        traps.answered(at(entries[0]), links(*entries), [], lambda: "An entry")
        assert traps.blocking_rule(at(f"/list?page={page + 1}"), at(f"/list?page={page}")) is None


def test_combinations_of_a_query_end_where_no_word_is_new() -> None:
    traps = Traps(LOW)
    goods = [f"good{chr(97 + n)}" for n in range(20)]
    page = 0
    for page in range(4000):
        a, b, c = page % 10, page // 10 % 10, page // 100 % 10
        text = " ".join(Random(page).sample(goods, len(goods))[: 5 + page % 9])
        answered(traps, f"/shop?a={a}&b={b}&c={c}", [f"/shop?a={a}&b={b}&c={c}&d={page}"], text)
        if traps.blocking_rule(at("/shop?a=1&d=77"), at("/shop?a=1&b=2")):
            break
    assert 100 < page < 1500


def test_a_budget_of_0_is_no_limit() -> None:
    assert chain(Traps(Budgets(pages=0, same=0, world=0)), 2000) == 2000


def test_a_probe_detects_a_world_without_an_end() -> None:
    html = "<div class=maze><p>{}<a>"
    for text, leads_on, is_world in ((html, True, True), (html, False, False), ("<h1>Not found", True, False)):
        traps = Traps(Budgets(world=100))
        probes = [
            answered(traps, f"/maze/w{chr(97 + n % 26)}x", [f"/maze/{'z' * (n + 1)}"], html.format(n))
            for n in range(150)
        ]
        found = [probe for probe in probes if probe]
        assert len(found) == 1
        assert traps.is_probe(found[0])
        traps.probed(found[0], text.format("x"), leads_on=leads_on)
        assert bool(traps.blocking_rule(at("/maze/q"), at("/maze/a"))) is is_world
        assert traps.blocking_rule(at("/fish/q"), at("/fish/a")) is None


def test_an_absent_url_is_beside_a_page() -> None:
    found = absent_url(at("/a/b.php?x"), "key")
    assert found.startswith(HOST + "/a/there-is-no-such-page-")
    assert found.endswith(".php")
    assert found == absent_url(at("/a/b.php?x"), "key")


# What is saved


def test_a_resumed_run_knows_everything() -> None:
    """A resumed run ends where an uninterrupted one does. What is saved is JSON."""
    whole, kept = Traps(LOW), dict[str, object]()
    ends = []
    for n in range(80):
        page, found = f"/list?page={n}", [f"/list?page={n + 1}"]
        answered(whole, page, found, "Nothing")
        parted = Traps(LOW, json.loads(json.dumps(kept)))
        answered(parted, page, found, "Nothing")
        said, gone = parted.changed()
        kept = {key: state for key, state in {**kept, **said}.items() if key not in gone}
        ends.append([bool(traps.blocking_rule(at(found[0]), at(page))) for traps in (whole, parted)])
    assert all(one == other for one, other in ends)
    assert ends[-1] == [True, True]


def test_the_number_of_states_is_limited() -> None:
    traps = Traps(LOW)
    for n in range(MAX_FAMILIES + 500):
        answered(traps, f"/f{'x' * (n % 97)}/{chr(97 + n % 26)}{'y' * (n // 97)}?a{'b' * n}", ["/q"], "")
        folder = f"/{'ab'[n % 2]}{'c' * (n % 1500)}{'d' * (n // 1500)}"
        answered(traps, f"{folder}/x", [f"{folder}/y"], "")
    said, _ = traps.changed()
    assert len(said) <= MAX_FAMILIES
