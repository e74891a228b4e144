"""robots.txt as RFC 9309 has it: what an answer to it means, and what it says of a URL.

Enters: the status and the payload of /robots.txt. Leaves: `Robots`. Never here: the fetching of it.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from protego import Protego

from mirror.core.references import Collector, Reference
from mirror.core.spans import Kind, Span
from mirror.core.urls import CanonicalURL, is_web, origin

MAX_SIZE = 500 * 1024
"""Bytes of a robots.txt that are read (RFC 9309, 2.5 asks for at least this)."""

MAX_RULES = 2_000_000
"""Pairs of an agent and a line of its group that are read: Protego keeps each, and 500 KiB can have 10^8 of them."""

_TOKEN = re.compile(r"(?P<line>\s*+user(?:-|\s*+)agent(?:\s*+:|\s)\s*+)(?P<token>[A-Za-z_-]+)[^#]*", re.IGNORECASE)
_AGENT = re.compile(r"user-agent\s*:\s*\S+$", re.IGNORECASE)
_PERHAPS_AGENT = re.compile(r"user(?:-|\s*+)agent", re.IGNORECASE)
_RULE = re.compile(r"(?:dis)?allow\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one host. Without a `parser`, everything or nothing is allowed."""

    parser: Protego | None
    allow_all: bool = True

    def allows(self, url: CanonicalURL, agent: str) -> bool:
        return self.parser.can_fetch(url, _named(agent)) if self.parser else self.allow_all


def robots_url(url: CanonicalURL) -> CanonicalURL | None:
    """Where the rules for a URL stand; `None`: trees of files have none, since nobody asks for them to be read there.

    >>> robots_url(CanonicalURL("http://example.org:8000/a?b"))
    'http://example.org:8000/robots.txt'
    """
    return CanonicalURL(f"{origin(url)}/robots.txt") if is_web(url) else None


def robots(status: int, payload: bytes) -> Robots:
    """What an answer means: 2xx, its text; 4xx, no rules; all else, nothing is allowed (RFC 9309, 2.3.1)."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        whole_lines = payload if len(payload) <= MAX_SIZE else payload[:MAX_SIZE].rpartition(b"\n")[0]
        return Robots(Protego.parse(_affordable(_tokens(whole_lines.decode("utf-8-sig", errors="replace")))))
    return Robots(None, allow_all=HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR)


def sitemaps(rules: Robots, url: CanonicalURL) -> list[Reference]:
    """The sitemaps that a robots.txt names (sitemaps.org)."""
    collector = Collector(url)
    if rules.parser:
        collector.add(Span(0, 0, sitemap, Kind.SITEMAP) for sitemap in rules.parser.sitemaps)
    return collector.references()


def _tokens(text: str) -> str:
    """A robots.txt with the product token of each agent alone, a slash behind it (RFC 9309, 2.2.1).

    Protego takes `web` for a beginning of `websucker`, and `websucker/2.0` for another agent; `web/` and `websucker/` are told
    apart.
    """
    return "\n".join(
        agent["line"] + _named(agent["token"]) if (agent := _TOKEN.match(line)) else line for line in text.splitlines()
    )


def _named(agent: str) -> str:
    match = re.match("[A-Za-z_-]+", agent)
    return f"{match[0]}/" if match else agent


def _affordable(text: str) -> str:
    """The lines of a robots.txt up to `MAX_RULES`. Where Protego may see a group go on, it is counted as going on."""
    lines = text.splitlines()
    agents = pairs = 0
    closed = True
    for number, line in enumerate(lines):
        directive = line.partition("#")[0].strip()
        if _PERHAPS_AGENT.match(directive):
            before = 0 if closed and _AGENT.match(directive) else agents
            agents = before + (2 if "*" in directive else 1)  # Protego takes "bot*" for "bot" too
            closed = False
        closed = closed or bool(_RULE.match(directive))
        pairs += agents if directive else 0
        if pairs > MAX_RULES:
            return "\n".join(lines[:number])
    return text
