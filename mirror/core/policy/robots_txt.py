"""robots.txt according to RFC 9309: what an answer to it means, and what its rules say about a URL.

Input: the status and the payload of /robots.txt, and the product token of the crawler. Output: `Robots`, which has the rules
for this crawler only, each with its line. This module fetches nothing and uses no clock.

What an answer means (2.3.1)
----------------------------
2xx: its text counts. 3xx: the crawler follows up to five redirects, to other hosts too; if they lead nowhere, there are no
rules. 4xx: there are no rules, and everything is allowed. 429 is an exception: it asks the crawler to come back later, and
doesn't say that there are no rules. 429, 5xx and no answer mean "unreachable": nothing is allowed, until the host was
unreachable for `FORGOTTEN_AFTER`.

What its text means (2.2)
-------------------------
Lines end with CR, LF or both. A group is one or more `User-agent` lines and the rules after them; all groups of one agent count
as one group. The group of `*` is for agents without a group. Other lines (`Sitemap`, `Crawl-delay`, unknown ones) don't end a
group. The rule with the longest pattern wins; if two patterns have the same length, the rule that allows wins. `*` stands for
any characters, and `$` at the end of a pattern for the end of the URL. Patterns and URLs are normalised before they are
compared (`normalised`). Misspelled names and missing colons are read as Google's parser reads them. `Crawl-delay` is not part
of the RFC; it applies to the agents named above it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from mirror.core.document.references import Collector
from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.syntax.robots_meta import PRODUCT
from mirror.core.url.canonical import CanonicalURL, is_web, origin

MAX_SIZE: Final = 500 * 1024
"""The number of bytes of a robots.txt that are read; 2.5 requires at least this many. The rest is ignored."""

MAX_REDIRECTS: Final = 5
"""Redirects that are followed (2.3.1.2)."""

FRESH_FOR: Final = 24 * 60 * 60
"""Seconds for which an answer may be used (2.4)."""

FORGOTTEN_AFTER: Final = 30 * 24 * 60 * 60
"""If a robots.txt is unreachable for this many seconds, the last known rules apply again, or none (2.3.1.4)."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
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
_LINE_ENDS: Final = re.compile(rb"\r\n?|\n")
_OCTETS: Final = re.compile(r"%[0-9A-Fa-f]{2}|[^!-$&-~]", re.DOTALL)
_RESERVED: Final = frozenset("/?&=+#%*$")
"""ASCII characters whose escapes have another meaning than the characters."""
_SLASH: Final = re.compile("/|%2F")


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that allows or forbids. `pattern` is normalised apart from its wildcards; `text` is the text in the file."""

    allows: bool
    pattern: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{'Allow' if self.allows else 'Disallow'}: {self.text} (line {self.line})"


ALLOW_ALL: Final = Rule(allows=True, pattern="", line=0, text="")


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host for one agent.

    `prefixes` are the rules without wildcards, by pattern, and `lengths` the lengths of these patterns, longest first.
    `wildcards` are the other rules, longest first. `delay` is the seconds between two requests. `sitemaps` are the URLs as they
    are in the file.
    """

    prefixes: dict[str, Rule] = field(default_factory=dict)
    wildcards: tuple[Rule, ...] = ()
    lengths: tuple[int, ...] = ()
    delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of rules."""
        return len(self.prefixes) + len(self.wildcards)

    def rule(self, url: CanonicalURL) -> Rule:
        """Return the rule that decides about a URL; `ALLOW_ALL` if no rule matches."""
        if not self.lengths and not self.wildcards:
            return ALLOW_ALL
        places = _query_variants(_path_and_query(url))
        if places[0] == "/robots.txt":
            return ALLOW_ALL
        return max((self._longest(place) for place in places), key=_precedence)

    def allows(self, url: CanonicalURL) -> bool:
        return self.rule(url).allows

    def _longest(self, place: str) -> Rule:
        best = next((rule for size in self.lengths if (rule := self.prefixes.get(place[:size]))), ALLOW_ALL)
        for rule in self.wildcards:  # in order of precedence
            if _precedence(rule) <= _precedence(best):
                break
            if matches(rule.pattern, place):
                return rule
        return best


def _precedence(rule: Rule) -> tuple[int, bool]:
    return len(rule.pattern), rule.allows


def robots_url(url: CanonicalURL) -> CanonicalURL | None:
    """Return the URL of the robots.txt for a URL; `None` for file servers and disks, which have none.

    >>> robots_url(CanonicalURL("http://example.org:8000/a?b"))
    'http://example.org:8000/robots.txt'
    """
    return CanonicalURL(f"{origin(url)}/robots.txt") if is_web(url) else None


def robots(status: int, payload: bytes, agent: str = PRODUCT) -> Robots | None:
    """Return what an answer means for an agent; `None` if robots.txt is "unreachable" and nothing is allowed."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return parse(payload, agent)
    is_there_none = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    return Robots() if is_there_none and status != HTTPStatus.TOO_MANY_REQUESTS else None


def sitemaps(rules: Robots | None, url: CanonicalURL) -> list[Reference]:
    """Return references to the sitemaps that a robots.txt names (sitemaps.org)."""
    collector = Collector(url)
    if rules:
        collector.add(Span(0, 0, sitemap, Kind.SITEMAP) for sitemap in rules.sitemaps)
    return collector.references()


# --- the text ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Group:
    """The rules of all groups of one agent."""

    is_there: bool = False
    rules: list[Rule] = field(default_factory=list)
    delay: float | None = None


def parse(payload: bytes, agent: str = PRODUCT) -> Robots:
    """Return the rules of a robots.txt for an agent, which is identified by its product token."""
    own, others = _Group(), _Group()
    named: set[int] = set()  # the agents of the present group: 0 for this agent, 1 for `*`
    is_open = False  # whether another User-agent line continues the group
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
    """Yield the number, the field and the value of each known line. Octets that are not UTF-8 become surrogates."""
    whole = (
        payload if len(payload) <= MAX_SIZE else payload[: max(payload.rfind(end, 0, MAX_SIZE) for end in b"\n\r") + 1]
    )
    for number, line in enumerate(_LINE_ENDS.split(whole.removeprefix(_BYTE_ORDER_MARK)), 1):
        match = _LINE.fullmatch(line.partition(b"#")[0].strip(b" \t\0").decode("utf-8", errors="surrogateescape"))
        if match:
            yield number, _FIELDS[match["field"].lower()], match["value"].strip(" \t")


def _token(agent: str) -> str:
    match = _TOKEN.match(agent)
    return match[0].lower() if match else ""


def _seconds(text: str) -> float | None:
    """Return a valid number of seconds, else `None`.

    >>> _seconds("2.5"), _seconds("-1"), _seconds("1e999")
    (2.5, None, None)
    """
    return float(text) if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) else None


def _indexed(group: _Group, found: tuple[str, ...]) -> Robots:
    """Return the rules of a group, indexed: plain patterns are looked up, patterns with wildcards are tried.

    If several rules have the same pattern, the first that allows counts, else the first.
    """
    rules: dict[str, Rule] = {}
    for rule in group.rules:
        known = rules.get(rule.pattern)
        if known is None or (rule.allows and not known.allows):
            rules[rule.pattern] = rule
    plain = {pattern: rule for pattern, rule in rules.items() if "*" not in pattern and not pattern.endswith("$")}
    others = sorted((rule for pattern, rule in rules.items() if pattern not in plain), key=_precedence, reverse=True)
    lengths = tuple(sorted({len(pattern) for pattern in plain}, reverse=True))
    return Robots(plain, tuple(others), lengths, group.delay, found)


# --- patterns and URLs ---------------------------------------------------------------------------------------------------


def normalised(text: str) -> str:
    """Normalise a path with its query (2.2.2): decode each escape whose character has the same meaning.

    >>> normalised("/foo/bar/\u30c4"), normalised("/foo/bar/%62%61%7a"), normalised("/%2a%2fa:%3A")
    ('/foo/bar/%E3%83%84', '/foo/bar/baz', '/%2A%2Fa::')
    """
    return _OCTETS.sub(_octet, text)


def _octet(match: re.Match[str]) -> str:
    text = match[0]
    if len(text) == 3:  # noqa: PLR2004 - an escape
        char = chr(int(text[1:], 16))
        return char if "!" <= char <= "~" and char not in _RESERVED else text.upper()
    return "".join(f"%{octet:02X}" for octet in text.encode("utf-8", errors="surrogateescape"))


def _pattern(text: str) -> str:
    """Normalise a pattern. `*` is a wildcard, and so is `$` at the end; elsewhere `$` is a character."""
    body, end = (text[:-1], "$") if text.endswith("$") else (text, "")
    return re.sub(r"\*+", "*", normalised(body).replace("$", "%24")) + end


def _path_and_query(url: CanonicalURL) -> str:
    """Return what is compared with patterns: the normalised path and query."""
    place = url[len(origin(url)) :].partition("#")[0]
    place = normalised(place).replace("*", "%2A").replace("$", "%24")
    return place if place.startswith("/") else "/" + place


def _query_variants(place: str) -> list[str]:
    """Return a path with the slashes of its query as they are, plain, and escaped.

    2.2.2 treats `?u=http%3A%2F%2Fa` and `?u=http://a` as equal.
    """
    path, mark, query = place.partition("?")
    if "/" not in query and "%2F" not in query:
        return [place]
    return [place, *(path + mark + _SLASH.sub(slash, query) for slash in ("/", "%2F"))]


def matches(pattern: str, place: str) -> bool:
    """Whether a path begins as a pattern says, in time linear in the length of the path, because there is no backtracking.

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
