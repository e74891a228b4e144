"""robots.txt as RFC 9309 has it: what an answer to it means, and what it says of a URL.

Enters: the status and the payload of /robots.txt, and the product token of who asks. Leaves: `Robots`, which keeps the rules
for that one alone, each with its line. Never here: the fetching of it, a clock.

What an answer means (2.3.1)
----------------------------
2xx: its text. 3xx: followed elsewhere, five times at most; one that leads nowhere is as if there were none. 4xx: there is
none, everything is allowed. 429 is no such answer: who is told to come back later has not been told that there are no rules.
It is, as 5xx and no answer are, "unreachable": nothing is allowed, until it was so for `FORGOTTEN_AFTER`.

What its text means (2.2)
-------------------------
Lines end with CR, LF or both. A group is one or more `User-agent` lines and the rules behind them; groups of one agent are one
group. That of `*` is for those who have none. Other lines (`Sitemap`, `Crawl-delay`, unknown ones) end no group. The rule with
the longest pattern holds, of two as long the one that allows. `*` stands for any characters, `$` at the end of a pattern for
the end of the URL. Patterns and URLs are compared in one spelling (`spelled`). Misspelled and missing colons are read as
Google's parser reads them. `Crawl-delay` is no part of the RFC; it counts for the agents named above it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from mirror.core.document.references import Collector, Reference
from mirror.core.syntax.embedded_urls import Kind, Span
from mirror.core.syntax.robots_meta import PRODUCT
from mirror.core.url.canonical import CanonicalURL, is_web, origin

MAX_SIZE: Final = 500 * 1024
"""Bytes of a robots.txt that are read (2.5 asks for at least this)."""

MOST_REDIRECTS: Final = 5
"""2.3.1.2"""

FRESH_FOR: Final = 24 * 60 * 60
"""Seconds for which an answer is good (2.4)."""

FORGOTTEN_AFTER: Final = 30 * 24 * 60 * 60
"""Seconds of being unreachable after which the last rules that were had hold again, or none (2.3.1.4)."""

_MARK: Final = b"\xef\xbb\xbf"
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")
_FIELDS: Final[dict[str, str]] = {
    **dict.fromkeys(("user-agent", "useragent", "user agent"), "user-agent"),
    **dict.fromkeys(("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"), "disallow"),
    "allow": "allow",
    **dict.fromkeys(("sitemap", "site-map"), "sitemap"),
    **dict.fromkeys(("crawl-delay", "crawldelay", "crawl delay"), "crawl-delay"),
}
_LINE: Final = re.compile(
    rf"\s*+(?P<field>{'|'.join(re.escape(name) for name in sorted(_FIELDS, key=len, reverse=True))})"
    r"(?:\s*+:|\s++)\s*+(?P<value>.*+)",
    re.IGNORECASE | re.DOTALL,
)
_ENDS: Final = re.compile(rb"\r\n?|\n")
_OCTETS: Final = re.compile(r"%[0-9A-Fa-f]{2}|[^!-$&-~]", re.DOTALL)
_MEANT: Final = frozenset("/?&=+#%*$")
"""ASCII characters that are something else than their escapes."""
_SLASH: Final = re.compile("/|%2F")


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that allows or forbids. `pattern` is `spelled`, as far as its wildcards; `text` is what stands in the file."""

    allows: bool
    pattern: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{'Allow' if self.allows else 'Disallow'}: {self.text} (line {self.line})"


ALLOW_ALL: Final = Rule(allows=True, pattern="", line=0, text="")


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host for one agent. `delay`: seconds between two requests; `sitemaps` as they stand there."""

    prefixes: dict[str, Rule] = field(default_factory=dict)
    wildcards: tuple[Rule, ...] = ()
    lengths: tuple[int, ...] = ()
    delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many rules there are."""
        return len(self.prefixes) + len(self.wildcards)

    def rule(self, url: CanonicalURL) -> Rule:
        """The rule that decides about a URL; `ALLOW_ALL` where none does."""
        if not self.lengths and not self.wildcards:
            return ALLOW_ALL
        places = _spellings(_place(url))
        if places[0] == "/robots.txt":
            return ALLOW_ALL
        return max((self._longest(place) for place in places), key=_rank)

    def allows(self, url: CanonicalURL) -> bool:
        return self.rule(url).allows

    def _longest(self, place: str) -> Rule:
        best = next((rule for size in self.lengths if (rule := self.prefixes.get(place[:size]))), ALLOW_ALL)
        for rule in self.wildcards:  # the longest ones first
            if _rank(rule) <= _rank(best):
                break
            if matches(rule.pattern, place):
                return rule
        return best


def _rank(rule: Rule) -> tuple[int, bool]:
    return len(rule.pattern), rule.allows


def robots_url(url: CanonicalURL) -> CanonicalURL | None:
    """Where the rules for a URL stand; `None`: trees of files have none, since nobody asks for them to be read there.

    >>> robots_url(CanonicalURL("http://example.org:8000/a?b"))
    'http://example.org:8000/robots.txt'
    """
    return CanonicalURL(f"{origin(url)}/robots.txt") if is_web(url) else None


def robots(status: int, payload: bytes, agent: str = PRODUCT) -> Robots | None:
    """What an answer means to an agent; `None`: "unreachable", nothing is allowed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return read(payload, agent)
    is_there_none = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Robots() if is_there_none and status != HTTPStatus.TOO_MANY_REQUESTS else None


def sitemaps(rules: Robots | None, url: CanonicalURL) -> list[Reference]:
    """The sitemaps that a robots.txt names (sitemaps.org)."""
    collector = Collector(url)
    if rules:
        collector.add(Span(0, 0, sitemap, Kind.SITEMAP) for sitemap in rules.sitemaps)
    return collector.references()


# --- the text ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """What is said to one agent, in all its groups."""

    is_there: bool = False
    rules: list[Rule] = field(default_factory=list)
    delay: float | None = None


def read(payload: bytes, agent: str = PRODUCT) -> Robots:
    """The rules that a robots.txt has for an agent, of which the product token counts."""
    own, others = _Group(), _Group()
    named: set[int] = set()  # to whom the lines speak: 0, to the agent; 1, to `*`
    is_open = False  # whether a further agent is of the same group
    wanted = _token(agent)
    found: list[str] = []
    for number, name, value in _lines(payload):
        if name == "user-agent":
            named = named if is_open else set()
            is_open = True
            if value == "*" or re.match(r"\*\s", value):
                named.add(1)
            elif _token(value) == wanted:
                named.add(0)
                own.is_there = True
        elif name == "sitemap":
            found += [value] if value else []
        elif name == "crawl-delay":
            for index in named:
                group = (own, others)[index]
                group.delay = group.delay if (seconds := _seconds(value)) is None else seconds
        else:
            is_open = False
            rule = Rule(name == "allow", _pattern(value), number, value)
            for index in named if value else ():
                (own, others)[index].rules.append(rule)
    group = own if own.is_there else others
    return _indexed(group, tuple(dict.fromkeys(found)))


def _lines(payload: bytes) -> Iterator[tuple[int, str, str]]:
    """Number, field and value of each line that says something. Octets that are no UTF-8 stay what they are."""
    whole = (
        payload if len(payload) <= MAX_SIZE else payload[: max(payload.rfind(end, 0, MAX_SIZE) for end in b"\n\r") + 1]
    )
    for number, line in enumerate(_ENDS.split(whole.removeprefix(_MARK)), 1):
        match = _LINE.fullmatch(line.partition(b"#")[0].strip(b" \t\0").decode("utf-8", errors="surrogateescape"))
        if match:
            yield number, _FIELDS[match["field"].lower()], match["value"].strip(" \t")


def _token(agent: str) -> str:
    match = _TOKEN.match(agent)
    return match[0].lower() if match else ""


def _seconds(text: str) -> float | None:
    """A number of seconds that can be waited for.

    >>> _seconds("2.5"), _seconds("-1"), _seconds("1e999")
    (2.5, None, None)
    """
    return float(text) if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) else None


def _indexed(group: _Group, found: tuple[str, ...]) -> Robots:
    """Of rules with one pattern the first that allows, else the first. Plain ones are looked up; those with wildcards tried."""
    rules: dict[str, Rule] = {}
    for rule in group.rules:
        known = rules.get(rule.pattern)
        if known is None or (rule.allows and not known.allows):
            rules[rule.pattern] = rule
    plain = {pattern: rule for pattern, rule in rules.items() if "*" not in pattern and not pattern.endswith("$")}
    others = sorted((rule for pattern, rule in rules.items() if pattern not in plain), key=_rank, reverse=True)
    lengths = tuple(sorted({len(pattern) for pattern in plain}, reverse=True))
    return Robots(plain, tuple(others), lengths, group.delay, found)


# --- patterns and URLs ---------------------------------------------------------------------------------------------------


def spelled(text: str) -> str:
    """One spelling of a path, its query included (2.2.2): an escape is decoded where its character means the same.

    >>> spelled("/foo/bar/\u30c4"), spelled("/foo/bar/%62%61%7a"), spelled("/%2a%2fa:%3A")
    ('/foo/bar/%E3%83%84', '/foo/bar/baz', '/%2A%2Fa::')
    """
    return _OCTETS.sub(_octet, text)


def _octet(match: re.Match[str]) -> str:
    text = match[0]
    if len(text) == 3:  # noqa: PLR2004 - an escape
        char = chr(int(text[1:], 16))
        return char if "!" <= char <= "~" and char not in _MEANT else text.upper()
    return "".join(f"%{octet:02X}" for octet in text.encode("utf-8", errors="surrogateescape"))


def _pattern(text: str) -> str:
    """A pattern in that spelling. `*` is a wildcard, and so is a `$` at its end; another one is a character."""
    body, end = (text[:-1], "$") if text.endswith("$") else (text, "")
    return re.sub(r"\*+", "*", spelled(body).replace("$", "%24")) + end


def _place(url: CanonicalURL) -> str:
    """What is compared with patterns: the path and the query."""
    place = url[len(origin(url)) :].partition("#")[0]
    place = spelled(place).replace("*", "%2A").replace("$", "%24")
    return place if place.startswith("/") else "/" + place


def _spellings(place: str) -> list[str]:
    """A query is compared with its slashes as they are, escaped, and plain: 2.2.2 has `?u=http%3A%2F%2Fa` for `?u=http://a`."""
    path, mark, query = place.partition("?")
    if "/" not in query and "%2F" not in query:
        return [place]
    return [place, *(path + mark + _SLASH.sub(slash, query) for slash in ("/", "%2F"))]


def matches(pattern: str, place: str) -> bool:
    """Whether a place begins as a pattern says, in time that grows with the place and no faster: nothing is tried twice.

    >>> matches("/*.php$", "/a.php"), matches("/*.php$", "/a.php?b"), matches("/a*b*", "/acb/d")
    (True, False, True)
    """
    is_whole = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not place.startswith(first):
        return False
    if not rest:
        return not is_whole or len(place) == len(first)
    at = len(first)
    for part in rest[:-1]:
        at = place.find(part, at) + len(part)
        if at < len(part):
            return False
    if is_whole:
        return len(place) - at >= len(rest[-1]) and place.endswith(rest[-1])
    return place.find(rest[-1], at) >= 0
