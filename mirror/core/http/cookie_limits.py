"""Limits of cookies: how many are kept, and how many of them a request carries. Servers set them, so servers could fill both.

Input: the names of cookies, and which host set each. Output: the cookies to drop, or those to send. This module doesn't parse
cookies, and doesn't decide which ones a request may have.

The law
-------
1. A cookie has at most `MAX_SIZE` bytes (RFC 6265bis, 5.7). At most `MAX_OF_SITE` cookies of a site (a registrable domain) are
   kept, as in Chromium, and `MAX_COOKIES` in all (RFC 6265, 6.1 asks for 50 of a domain and 3,000 in all).
2. If a site has too many, the host that set the most of them loses its oldest one. So no host of a site can push out the
   cookies of another. If there are too many in all, the site that was not used for the longest time loses its oldest one.
3. The user's own cookies are never dropped, and are always sent.
4. The `Cookie` header of a request has at most `MAX_HEADER` bytes: nginx and Apache refuse longer lines by default. Cookies
   that the host itself set come before those that another host set for the whole domain, and new ones before old ones.
5. If an answer may blame the header (`REFUSALS`), the request is sent once more, with the user's cookies only. If the answer
   is another one then, the cookies that other hosts set are dropped; all that were sent, if there are no such.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

MAX_SIZE: Final = 4096
MAX_OF_SITE: Final = 180
MAX_COOKIES: Final = 3000
MAX_HEADER: Final = 8190 - len("Cookie: ")
"""The default of Apache's LimitRequestFieldSize, which includes the name. nginx' large_client_header_buffers allows 8 KiB."""

REFUSALS: Final = frozenset({400, 413, 431, 494})
"""Statuses with which servers refuse a header that is too long, or cookies that they can't read. 494 is nginx' own."""

USER: Final = ""
"""Stands for the user in the place of the host that set a cookie."""

Key = tuple[str, str, str]
"""Domain (with a dot in front, if it is for subdomains too), path and name of a cookie."""


class CookieLedger:
    """Which cookies are kept, and which host set each. `site_of`: the registrable domain of a domain."""

    def __init__(self, site_of: Callable[[str], str]) -> None:
        self._site_of = site_of
        self._sites: OrderedDict[str, dict[Key, str]] = OrderedDict()
        """The cookies of each site, the oldest first. The site that was used last is the last."""
        self._count = 0

    def add(self, key: Key, setter: str) -> list[Key]:
        """Note that a host set a cookie; return the cookies to drop."""
        site = self._site(key)
        cookies = self._sites.setdefault(site, {})
        self.use(site)
        before = cookies.pop(key, None)
        cookies[key] = setter
        self._count += before is None
        dropped = self._drop(site, _busiest(cookies)) if len(cookies) > MAX_OF_SITE else []
        if self._count > MAX_COOKIES:
            dropped += next((found for other in list(self._sites) if (found := self._drop(other, None))), [])
        return dropped

    def use(self, site: str) -> None:
        """Note that cookies of a site were sent or set."""
        if site in self._sites:
            self._sites.move_to_end(site)

    def forget(self, key: Key) -> None:
        """Note that a cookie is gone."""
        site = self._site(key)
        cookies = self._sites.get(site, {})
        self._count -= cookies.pop(key, None) is not None
        if not cookies:
            self._sites.pop(site, None)

    def setter(self, key: Key) -> str | None:
        """Return the host that set a cookie; `USER` if the user gave it, `None` if it isn't known."""
        return self._sites.get(self._site(key), {}).get(key)

    def to_send(self, cookies: Sequence[tuple[Key, int]], host: str) -> set[Key]:
        """Return which of the cookies for a request to a host fit into its header. Each comes with its length there."""
        chosen, left = set(), MAX_HEADER
        order = {key: place for place, key in enumerate(self._sites.get(self._site_of(host), {}))}
        by_rank = sorted(cookies, key=lambda one: (self._rank(one[0], host), -order.get(one[0], 0)))
        for key, size in by_rank:
            if self.setter(key) == USER or size <= left:
                chosen.add(key)
                left -= size
        return chosen

    def culprits(self, sent: Sequence[Key], host: str) -> list[Key]:
        """Return which of the cookies sent to a host are dropped, if it answers only without them."""
        own = [key for key in sent if self.setter(key) != USER]
        return [key for key in own if self.setter(key) != host] or own

    def _rank(self, key: Key, host: str) -> int:
        return (USER, host).index(setter) if (setter := self.setter(key)) in {USER, host} else 2

    def _drop(self, site: str, setter: str | None) -> list[Key]:
        """Drop the oldest cookie of a site that this host set, or any host but not the user; return it, if there is one."""
        cookies = self._sites[site]
        key = next((key for key, by in cookies.items() if by == setter or (setter is None and by != USER)), None)
        if key is None:
            return []
        self.forget(key)
        return [key]

    def _site(self, key: Key) -> str:
        return self._site_of(key[0].removeprefix("."))


def _busiest(cookies: dict[Key, str]) -> str | None:
    """Return the host that set the most cookies; `None` if the user set all of them."""
    counts = Counter(setter for setter in cookies.values() if setter != USER)
    return counts.most_common(1)[0][0] if counts else None
