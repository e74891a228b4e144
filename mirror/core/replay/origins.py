"""Origins of the replay server: the name below localhost that stands for an origin in a snapshot, and URLs of the server.

Input: URLs, the number of a snapshot, `Host` and `Origin` headers. Output: labels and URLs of the replay server. This module
opens no socket, and it doesn't know what the archive contains.

The law of origins
------------------
What a snapshot contains of an origin (scheme, host, port) gets an origin of its own. Its host is one label below `localhost`,
which browsers resolve to this machine without asking a server:

    https://example.org         1   example-org---s1.localhost                  .  becomes  -
    https://my-site.example     1   my--site-example---s1.localhost             -  becomes  --
    http://example.org         12   example-org---http---s12.localhost          a scheme that is not https
    https://example.org:8443   12   example-org---https-8443---s12.localhost    a port that is not the scheme's
    http://127.0.0.1:8000       1   127-0-0-1---http-8000---s1.localhost
    https://[2001:db8::1]       1   2001-db8-1---xfjk7v2...---s1.localhost      any other host: a digest of the origin

1. The name is one label, because hosts that share their last two labels can share cookies: a script of `example.org.localhost`
   could set cookies for all of `org.localhost`. With one label each of these origins is a site, and no other origin can use its
   cookies and its storage.
2. A label stands for exactly one origin and snapshot. The label of a plain host can be read back: its hyphens are in runs of
   one or of an even number, and a run of three is a separator. The digest has 130 bits of SHA-256.
3. A label is legal in DNS: letters, digits and inner hyphens, at most 63 characters. No label starts as an internationalised
   one.
4. A reader may type a host as it is (`example.org.localhost`, `2026-11-24.example.org.localhost`). That is no origin; the
   server redirects it to one (`typed_hosts`).
"""

import re
from base64 import b32encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from mirror.core.url import canonical
from mirror.core.url.canonical import DEFAULT_PORTS, CanonicalURL

TOP: Final = "localhost"

_MAX_NAME: Final = 48
"""Characters of a label before its snapshot: DNS allows 63, and "---s" and up to eleven digits may follow."""
_PLAIN_HOST: Final = re.compile(r"(?!xn-)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LABEL: Final = re.compile(r"(?P<name>[a-z0-9-]+)(?<!-)---s(?P<snapshot>[1-9][0-9]{0,10})")
_NAME: Final = re.compile(r"(?P<host>.+?)(?:(?<!-)---(?!-)(?P<scheme>[a-z]+)(?:-(?P<port>[0-9]{1,5}))?)?")
_HYPHENS: Final = re.compile("-+")
_DIGEST_LENGTH: Final = 26
_SLUG_LENGTH: Final = 18
_MAX_PORT: Final = 65535
_LOCAL: Final = frozenset({TOP, "127.0.0.1", "[::1]"})
_BELOW: Final = re.compile(r"(?P<name>[a-z0-9._-]+)\.localhost")
_TYPED: Final = re.compile(r"(?:(?P<date>[0-9]{4}(?:-[0-9]{2}){0,2})\.)?(?P<host>.+)")


@dataclass(frozen=True, slots=True)
class ReplayOrigin:
    """An origin (see `canonical.origin`) as a snapshot contains it."""

    origin: str
    snapshot: int


def label(home: ReplayOrigin) -> str:
    """Return the label that stands for an origin in a snapshot; see the law above.

    >>> label(ReplayOrigin("https://my-site.example", 1)), label(ReplayOrigin("http://127.0.0.1:8000", 12))
    ('my--site-example---s1', '127-0-0-1---http-8000---s12')
    """
    return f"{_plain_name(home.origin) or digested(home.origin)}---s{home.snapshot}"


def read_label(text: str, find: Callable[[str], str | None]) -> ReplayOrigin | None:
    """Return what a label stands for; `None` if the text is no label.

    `find` returns the origin whose digested name it is given, or `None` if the archive has no such origin.

    >>> read_label("my--site-example---http---s3", lambda _: None)
    ReplayOrigin(origin='http://my-site.example', snapshot=3)
    """
    match = _LABEL.fullmatch(text)
    if match is None:
        return None
    origin = _read_plain_name(match["name"]) or find(match["name"])
    home = origin and ReplayOrigin(origin, int(match["snapshot"]))
    return home if home and label(home) == text else None


def digested(origin: str) -> str:
    """Return the name of an origin that has no plain one: a readable part and a digest of the origin."""
    slug = re.sub("[^a-z0-9]+", "-", host_of(origin)).strip("-")[:_SLUG_LENGTH].strip("-")
    digest = b32encode(sha256(origin.encode()).digest()).decode().lower()[:_DIGEST_LENGTH]
    return f"{slug or 'host'}---x{digest}"


def host_of(origin: str) -> str:
    """Return the host of an origin; the host of local files is empty.

    >>> host_of("http://example.org:8000"), host_of("file://")
    ('example.org', '')
    """
    return canonical.split(CanonicalURL(f"{origin}/")).host


def _plain_name(origin: str) -> str | None:
    parts = canonical.split(CanonicalURL(f"{origin}/"))
    if not _PLAIN_HOST.fullmatch(parts.host):
        return None
    suffix = "" if parts.scheme == "https" else f"---{parts.scheme}"
    if parts.port != DEFAULT_PORTS[parts.scheme]:
        suffix = f"---{parts.scheme}-{parts.port}"
    name = parts.host.replace("-", "--").replace(".", "-") + suffix
    return name if len(name) <= _MAX_NAME else None


def _read_plain_name(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    if match is None or (match["scheme"] or "https") not in DEFAULT_PORTS:
        return None
    host = _HYPHENS.sub(lambda run: "." if run[0] == "-" else "-" * (len(run[0]) // 2), match["host"])
    scheme, port = match["scheme"] or "https", match["port"]
    origin = f"{scheme}://{host}" + (f":{port}" if port else "")
    is_origin = _PLAIN_HOST.fullmatch(host) and (not port or int(port) <= _MAX_PORT)
    return origin if is_origin and _plain_name(origin) == name else None


@dataclass(frozen=True, slots=True)
class Server:
    """The replay server at a port of this machine, as its URLs and `Host` headers name it."""

    port: int
    scheme: str = "http"

    @property
    def _port(self) -> str:
        return "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"

    @property
    def root(self) -> str:
        """The URL of the page that lists the contents of the archive."""
        return f"{self.scheme}://{TOP}{self._port}/"

    def place(self, url: CanonicalURL, snapshot: int) -> str:
        """Return the URL at which a URL is replayed.

        >>> Server(8000).place(CanonicalURL("http://example.org/a?b"), 2)
        'http://example-org---http---s2.localhost:8000/a?b'
        """
        origin = canonical.origin(url)
        return f"{self.scheme}://{label(ReplayOrigin(origin, snapshot))}.{TOP}{self._port}{url[len(origin) :]}"

    def name(self, host: str) -> str | None:
        """Return what a `Host` header has before "localhost": a label, or a host that a reader typed; "" for the list.

        `None` if the header doesn't name this server. This stops DNS rebinding: a page whose own host name resolves to this
        machine gets no answer.

        >>> Server(8000).name("example.org.localhost:8000"), Server(8000).name("[::1]:8000")
        ('example.org', '')
        >>> Server(8000).name("localhost"), Server(8000).name("evil.example:8000"), Server(8000).name("localhost.:8000")
        (None, None, None)
        """
        name, _, port = host.lower().rpartition(":")
        if not port.isdecimal() or name == "":
            name, port = host.lower(), str(DEFAULT_PORTS[self.scheme])
        if port != str(self.port):
            return None
        below = _BELOW.fullmatch(name)
        return "" if name in _LOCAL else below["name"] if below else None

    def reader(self, origin: str) -> str | None:
        """Return the label of the replay origin that an `Origin` header names; `None` if it names none."""
        scheme, _, host = origin.partition("://")
        return self.name(host) or None if scheme == self.scheme else None

    @property
    def policy(self) -> str:
        """The Content-Security-Policy of replayed resources: they may load from this server and from inside of themselves."""
        own = f"{self.scheme}://*.{TOP}{self._port}"
        return (
            f"default-src {own} data: blob: 'unsafe-inline' 'unsafe-eval'; "
            f"base-uri {own}; form-action {own}; frame-ancestors {own}"
        )

    @property
    def allowlist(self) -> str:
        """The Connection-Allowlist of replayed resources: requests, prefetches, navigations and WebRTC reach this server only.

        It covers what no Content-Security-Policy does. Browsers that do not know the header ignore it. Without its parameter,
        it would block what is redirected. Only this server can be asked, and it redirects to itself only.
        """
        return f'(response-origin "{self.root}*" "{self.scheme}://*.{TOP}{self._port}/*");redirects=allow'

    @property
    def page_policy(self) -> str:
        """The Content-Security-Policy of the server's own pages: they may have inline styles, and they load nothing."""
        return (
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {self.scheme}://*.{TOP}{self._port}"
        )

    @property
    def sealed_policy(self) -> str:
        """The same for a page at the origin of a host, with an origin of its own: no script of that host can read it."""
        return f"{self.page_policy}; sandbox allow-top-navigation-by-user-activation"


def typed_hosts(name: str) -> Iterator[tuple[str, str]]:
    """Yield what a reader who typed a host may mean: pairs of a host and a date, which is "" if there is none.

    >>> list(typed_hosts("2026-11-24.example.org"))
    [('2026-11-24.example.org', ''), ('example.org', '2026-11-24')]
    """
    yield name, ""
    match = _TYPED.fullmatch(name)
    if match and match["date"]:
        yield match["host"], match["date"]
