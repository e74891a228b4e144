"""The limits of cookies, which servers set."""

from collections import Counter

import pytest

from mirror.core.http import cookie_limits
from mirror.core.http.cookie_limits import MAX_HEADER, MAX_OF_SITE, USER, CookieLedger, Key

Ledger = tuple[CookieLedger, dict[Key, str]]


def filled(*batches: tuple[str, str, int]) -> Ledger:
    """The ledger after batches of (setter, domain, number of cookies), and the setter of each cookie that is left."""
    ledger, kept = CookieLedger(lambda domain: ".".join(domain.split(".")[-2:])), dict[Key, str]()
    for batch, (setter, domain, number) in enumerate(batches):
        for n in range(number):
            key = (domain, "/", f"{setter}-{batch}-{n}")
            kept[key] = setter
            for dropped in ledger.add(key, setter):
                del kept[dropped]
    return ledger, kept


@pytest.mark.parametrize(
    ("batches", "left"),
    [
        # the newest of a site
        ([("a.x.org", "a.x.org", 300)], {"a.x.org": 180}),
        # whatever hosts it has
        ([(f"h{n}.x.org", f"h{n}.x.org", 1) for n in range(300)], 180),
        # a host can't push out the cookies of another, be they its own or for the domain
        ([("www.x.org", "www.x.org", 5), ("pics.x.org", ".x.org", 500)], {"www.x.org": 5, "pics.x.org": 175}),
        ([("www.x.org", ".x.org", 5), ("pics.x.org", ".x.org", 500)], {"www.x.org": 5, "pics.x.org": 175}),
        # the user's stay, even if they are too many
        ([(USER, ".x.org", 5), ("www.x.org", ".x.org", 500)], {USER: 5, "www.x.org": 175}),
        ([(USER, ".x.org", 200), ("www.x.org", ".x.org", 3)], {USER: 200}),
        ([(USER, ".x.org", 200)], {USER: 200}),
    ],
)
def test_of_a_site_the_newest_cookies_are_kept(batches: list[tuple[str, str, int]], left: dict[str, int] | int) -> None:
    _, kept = filled(*batches)
    counts = Counter(kept.values())
    assert (counts == left) if isinstance(left, dict) else (sum(counts.values()) == left)


def test_in_all_the_sites_in_use_keep_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cookie_limits, "MAX_COOKIES", 50)
    ledger, kept = filled((USER, "u.org", 5), ("w.org", "w.org", 10))
    for n in range(1000):
        ledger.use("w.org")
        kept[(f"e{n}.org", "/", "x")] = "evil"
        for dropped in ledger.add((f"e{n}.org", "/", "x"), "evil"):
            del kept[dropped]
    assert Counter(kept.values()) == {USER: 5, "w.org": 10, "evil": 35}


def test_a_cookie_that_is_set_again_is_new_and_one_that_is_gone_makes_room() -> None:
    ledger, kept = filled(("a.org", "a.org", MAX_OF_SITE))
    first, second = list(kept)[:2]
    assert ledger.add(first, "a.org") == []
    assert ledger.add(("a.org", "/", "more"), "a.org") == [second]
    ledger.forget(first)
    assert ledger.add(("a.org", "/", "another"), "a.org") == []


def test_a_header_has_what_fits() -> None:
    """The user's always, then those of the host itself, then those that others set; the newest of each."""
    batches = [
        ("pics.x.org", ".x.org", 2),
        (USER, ".x.org", 3),
        ("www.x.org", ".x.org", 2),
        ("www.x.org", "www.x.org", 1),
    ]
    ledger, kept = filled(*batches)
    sizes = [(key, MAX_HEADER // 4 if setter != USER else MAX_HEADER // 12) for key, setter in kept.items()]
    sent = ledger.to_send(sizes, "www.x.org")
    assert Counter(kept[key] for key in sent) == {USER: 3, "www.x.org": 3}
    assert ledger.to_send([(key, MAX_HEADER) for key in kept], "www.x.org") == {k for k in kept if kept[k] == USER}


def test_culprits_are_the_cookies_of_others_if_there_are_any() -> None:
    ledger, kept = filled((USER, ".x.org", 1), ("pics.x.org", ".x.org", 2), ("www.x.org", ".x.org", 2))
    assert [kept[key] for key in ledger.culprits(list(kept), "www.x.org")] == ["pics.x.org"] * 2
    own = [key for key in kept if kept[key] != "pics.x.org"]
    assert [kept[key] for key in ledger.culprits(own, "www.x.org")] == ["www.x.org"] * 2
