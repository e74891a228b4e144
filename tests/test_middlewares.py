"""The limits of the cookie jar, which servers fill."""

from collections import Counter

import pytest
from scrapy.http.cookies import CookieJar

from mirror import middlewares
from mirror.core.http.cookies_txt import read_cookies
from mirror.middlewares import limit


def filled(domains: int, each: int, given: frozenset[str] = frozenset()) -> Counter[str]:
    """How many cookies of each domain are left, if so many domains set so many each."""
    jar = CookieJar()
    for domain in range(domains):
        for number in range(each):
            (cookie,) = read_cookies(f"h{domain}.example\tFALSE\t/{number % 2}\tFALSE\t0\tn{number}\tx")
            jar.set_cookie(cookie)
            limit(jar, cookie.domain, given)
    return Counter(cookie.domain for cookie in jar)


def test_of_a_domain_the_newest_cookies_are_kept() -> None:
    assert filled(2, 300) == {"h0.example": 180, "h1.example": 180}


@pytest.mark.parametrize("number", [0, 2, 9])
def test_of_many_domains_those_of_the_user_stay(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Even if the user gave more than the limit."""
    monkeypatch.setattr(middlewares, "MAX_DOMAINS", 5)
    given = frozenset(f"h{domain}.example" for domain in range(number))
    found = filled(9, 1, given)
    assert given <= set(found)
    assert len(found) == max(5, number)
