"""Replay: how an origin is called below localhost, what of an answer is told again, and what its page may reach.

Enters: URLs, header values, the number of a snapshot. Leaves: URLs of the replay server, headers. Never here: a socket, a look
at what the archive has.

The law of origins
------------------
What a snapshot shows of an origin (scheme, host, port) has an origin of its own, of one label below `localhost`, which browsers
take for this machine without asking anybody:

    https://example.org         1   example-org---s1.localhost                  .  becomes  -
    https://my-site.example     1   my--site-example---s1.localhost             -  becomes  --
    http://example.org         12   example-org---http---s12.localhost          a scheme that is not https
    https://example.org:8443   12   example-org---https-8443---s12.localhost    a port that is not the scheme's
    http://127.0.0.1:8000       1   127-0-0-1---http-8000---s1.localhost
    https://[2001:db8::1]       1   2001-db8-1---xfjk7v2...---s1.localhost      anything else: a digest of the origin

1. One label, because browsers share cookies below the last but one: with `example.org.localhost` a script of that host could
   set some for all of `org.localhost`. So each of these origins is a site, its cookies and its storage nobody else's.
2. Distinct (origin, snapshot), distinct labels. Labels of a plain host can be read back: its hyphens make runs of one or of an
   even number, and a run of three is ours. The digest is 130 bits of SHA-256.
3. A label is one of DNS: letters, digits, hyphens inside, at most 63 of them, and none begins as an internationalised one.
4. Where a reader types a host as it is (`example.org.localhost`, `2026-11-24.example.org.localhost`), that is no origin: it
   leads to one (`typed`).
"""

import re
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final

from mirror.core.http.messages import Headers
from mirror.core.syntax import embedded_urls
from mirror.core.syntax.embedded_urls import Kind
from mirror.core.url import canonical
from mirror.core.url.canonical import DEFAULT_PORTS, CanonicalURL

TOP: Final = "localhost"

_MOST: Final = 48
"""Characters of a label in front of its snapshot: 63 are allowed, and "---s" and eleven digits may follow."""
_PLAIN_HOST: Final = re.compile(r"(?!xn-)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"(?P<name>[a-z0-9-]+)(?<!-)---s(?P<snapshot>[1-9][0-9]{0,10})")
_MARKED: Final = re.compile(r"(?P<host>.+?)(?:(?<!-)---(?!-)(?P<scheme>[a-z]+)(?:-(?P<port>[0-9]{1,5}))?)?")
_HYPHENS: Final = re.compile("-+")
_DIGEST: Final = 26
_SLUG: Final = 18
_LOCAL: Final = frozenset({TOP, "127.0.0.1", "[::1]"})
_BELOW: Final = re.compile(r"(?P<name>[a-z0-9._-]+)\.localhost")
_TYPED: Final = re.compile(r"(?:(?P<date>[0-9]{4}(?:-[0-9]{2}){0,2})\.)?(?P<host>.+)")


@dataclass(frozen=True, slots=True)
class Home:
    """What a snapshot shows of an origin (see `urls.origin`)."""

    origin: str
    snapshot: int


def label(home: Home) -> str:
    """How an origin is called below localhost; see the law above.

    >>> label(Home("https://my-site.example", 1)), label(Home("http://127.0.0.1:8000", 12))
    ('my--site-example---s1', '127-0-0-1---http-8000---s12')
    """
    return f"{_plain(home.origin) or digested(home.origin)}---s{home.snapshot}"


def read_label(text: str, find: Callable[[str], str | None]) -> Home | None:
    """The law read backwards; `find` knows the origin of a digest (`digested`), if anybody does.

    >>> read_label("my--site-example---http---s3", lambda _: None)
    Home(origin='http://my-site.example', snapshot=3)
    """
    match = _LABEL.fullmatch(text)
    if match is None:
        return None
    origin = _read_plain(match["name"]) or find(match["name"])
    home = origin and Home(origin, int(match["snapshot"]))
    return home if home and label(home) == text else None


def digested(origin: str) -> str:
    """The name of an origin that has no plain one: how it looks, and a digest of what it is."""
    slug = re.sub("[^a-z0-9]+", "-", host_of(origin)).strip("-")[:_SLUG].strip("-")
    digest = b32encode(sha256(origin.encode()).digest()).decode().lower()[:_DIGEST]
    return f"{slug or 'host'}---x{digest}"


def host_of(origin: str) -> str:
    """The host of an origin; that of files on a disk is empty.

    >>> host_of("http://example.org:8000"), host_of("file://")
    ('example.org', '')
    """
    return canonical.split(CanonicalURL(f"{origin}/")).host


def _plain(origin: str) -> str | None:
    parts = canonical.split(CanonicalURL(f"{origin}/"))
    if not _PLAIN_HOST.fullmatch(parts.host):
        return None
    mark = "" if parts.scheme == "https" else f"---{parts.scheme}"
    if parts.port != DEFAULT_PORTS[parts.scheme]:
        mark = f"---{parts.scheme}-{parts.port}"
    name = parts.host.replace("-", "--").replace(".", "-") + mark
    return name if len(name) <= _MOST else None


def _read_plain(name: str) -> str | None:
    match = _MARKED.fullmatch(name)
    if match is None or (match["scheme"] or "https") not in DEFAULT_PORTS:
        return None
    host = _HYPHENS.sub(lambda run: "." if run[0] == "-" else "-" * (len(run[0]) // 2), match["host"])
    scheme, port = match["scheme"] or "https", match["port"]
    origin = f"{scheme}://{host}" + (f":{port}" if port else "")
    is_origin = _PLAIN_HOST.fullmatch(host) and (not port or int(port) <= _PORTS)
    return origin if is_origin and _plain(origin) == name else None


_PORTS: Final = 65535


@dataclass(frozen=True, slots=True)
class Server:
    """The replay server at a port of this machine: what is called how there."""

    port: int

    @property
    def _port(self) -> str:
        return "" if self.port == DEFAULT_PORTS["http"] else f":{self.port}"

    @property
    def root(self) -> str:
        """The page that lists what there is."""
        return f"http://{TOP}{self._port}/"

    def place(self, url: CanonicalURL, snapshot: int) -> str:
        """Where a URL is replayed.

        >>> Server(8000).place(CanonicalURL("http://example.org/a?b"), 2)
        'http://example-org---http---s2.localhost:8000/a?b'
        """
        origin = canonical.origin(url)
        return f"http://{label(Home(origin, snapshot))}.{TOP}{self._port}{url[len(origin) :]}"

    def name(self, host: str) -> str | None:
        """What stands in front of localhost in a Host header: a label, or what somebody typed; "" for the list.

        `None`: this server is not meant. A page of somebody's whose own name leads to this machine (DNS rebinding) ends here.

        >>> Server(8000).name("example.org.localhost:8000"), Server(8000).name("[::1]:8000")
        ('example.org', '')
        >>> Server(8000).name("localhost"), Server(8000).name("evil.example:8000"), Server(8000).name("localhost.:8000")
        (None, None, None)
        """
        name, _, port = host.lower().rpartition(":")
        if not port.isdecimal() or name == "":
            name, port = host.lower(), str(DEFAULT_PORTS["http"])
        if port != str(self.port):
            return None
        below = _BELOW.fullmatch(name)
        return "" if name in _LOCAL else below["name"] if below else None

    def reader(self, origin: str) -> str | None:
        """The label of the replay origin that an Origin header names."""
        scheme, _, host = origin.partition("://")
        return self.name(host) or None if scheme == "http" else None

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of all that is replayed: this server's origins, and what a document has in itself."""
        own = f"http://*.{TOP}{self._port}"
        return (
            f"default-src {own} data: blob: 'unsafe-inline' 'unsafe-eval'; "
            f"base-uri {own}; form-action {own}; frame-ancestors {own}"
        )

    @property
    def page_policy(self) -> str:
        """The policy of a page that this server wrote itself: it has a style, and nothing else."""
        return (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors http://*.{TOP}{self._port}"
        )


def typed(name: str) -> Iterator[tuple[str, str]]:
    """What somebody who typed a host may mean: (host, a date or "").

    >>> list(typed("2026-11-24.example.org"))
    [('2026-11-24.example.org', ''), ('example.org', '2026-11-24')]
    """
    yield name, ""
    match = _TYPED.fullmatch(name)
    if match and match["date"]:
        yield match["host"], match["date"]


# --- headers -----------------------------------------------------------------------------------------------------------

_TOLD: Final = frozenset(
    {
        "content-disposition",
        "content-language",
        "cross-origin-embedder-policy",  # what a page needs to share memory between its threads
        "cross-origin-opener-policy",
        "last-modified",
        "x-content-type-options",
    }
)
"""Headers that are told as they were received; all others stay in the archive. Among these are those of a hop, cookies, codings
that were undone, lifetimes, policies of the original, and what would have a browser report to somebody or insist on TLS."""

COMMON: Final[Mapping[str, str]] = {
    "cache-control": "no-cache",  # ask again: the archive may change, and it costs nothing
    "cross-origin-resource-policy": "cross-origin",  # the hosts of one page are sites of their own here
    "referrer-policy": "same-origin",
    "x-dns-prefetch-control": "off",
}
"""Headers of every answer."""

_TAG: Final = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CLEAN: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_TYPE: Final = re.compile(r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?", re.ASCII)


def told(headers: Headers) -> dict[str, str]:
    """Those of the received headers that are told again, names in lower case; none can end its line."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.lower() in _TOLD and _CLEAN.fullmatch(value):
            found.setdefault(name.lower(), value)
    return found


def content_type(received: str | None, media_type: str | None) -> str | None:
    """The Content-Type to give: the received one, charset and all, where it is one; else what the crawl found.

    >>> content_type("text/html; charset=koi8-r", "text/html"), content_type("nonsense\\r\\nX: y", "text/html")
    ('text/html; charset=koi8-r', 'text/html')
    """
    if received is not None and _TYPE.fullmatch(received.strip("\t ")):
        return received.strip("\t ")
    return media_type if media_type and _TYPE.fullmatch(media_type) else None


def refresh(value: str, url: CanonicalURL, place: Callable[[CanonicalURL], str]) -> str | None:
    """A Refresh header that leads to where its target is replayed; `None` where it is none."""
    span = next(embedded_urls.refresh_spans(value, Kind.PAGE), None)
    target = span and canonical.resolve(span.url, url)
    if span is None or target is None:
        return value if re.fullmatch(r"\s*[0-9.]+\s*", value) else None
    new = value[: span.start] + canonical.with_fragment(place(target.url), target.fragment) + value[span.end :]
    return new if _CLEAN.fullmatch(new) else None


def location(value: str, url: CanonicalURL, place: Callable[[CanonicalURL], str]) -> str | None:
    """A Location that leads to where its target is replayed; `None` where it leads nowhere."""
    target = canonical.resolve(value.strip(), url)
    new = target and canonical.with_fragment(place(target.url), target.fragment)
    return new if new and _CLEAN.fullmatch(new) else None


def is_known(tag: str, modified: str | None, none_match: str | None, modified_since: str | None) -> bool:
    """Whether an asker has what there is, by `If-None-Match`, else by `If-Modified-Since` (RFC 9110, 13.2.2).

    >>> is_known('"a"', None, 'W/"a", "b"', None), is_known('"a"', None, '"b"', "Thu, 01 Jan 2026 00:00:00 GMT")
    (True, False)
    """
    if none_match is not None:
        return none_match.strip() == "*" or tag in _TAG.findall(none_match)
    then, now = (_date(value) for value in (modified_since, modified))
    return then is not None and now is not None and now <= then


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def may_read(reader: str, allowed: str | None, destination: str, *, one_site: bool) -> bool:
    """Whether a page of one replayed origin may read what is of another one (CORS).

    `reader` is its original origin, `allowed` what the answer said of that (Access-Control-Allow-Origin), `destination` what
    the browser loads it as (Sec-Fetch-Dest), `one_site` whether both are of one site.

    Most servers name an origin only to those who say theirs, and a crawler says none. So what browsers load to show or to run
    it (fonts, modules, pictures, media, styles) is allowed; what a script asks for, where the answer said so or both are of one
    site: a page that somebody wrote shall not read all that the archive has.
    """
    return allowed in {"*", reader} or one_site or destination in _LOADED


_LOADED: Final = frozenset({"audio", "font", "image", "script", "style", "track", "video"})
