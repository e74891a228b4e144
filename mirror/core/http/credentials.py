"""Credentials: which logins and headers a request gets.

Input: what the user gave (logins, entries of a netrc file, headers), the origins of the starts, and the URL of a request.
Output: the login and the headers of this request. This module reads no file and no environment, and sends no request.

The law of credentials
----------------------
1. An origin is scheme, host and port (RFC 6454, 4). `http://host/` and `http://host:80/` are the same;
   `https://host/` is another.
2. Credentials for an origin are sent to that origin alone: to no other host, port or scheme that it redirects to, and not to
   the same host over https either. To send them to both, give both as starts.
3. A netrc file names hosts only. Its entries are sent to every port of their host, but unencrypted only to the origins of
   starts, because any page may link to `http://host/`. Its `default` entry names no host, and is never sent.
4. A header from the user whose name suggests a secret is sent to the origins of the starts. Other headers are sent to all
   servers, as curl does.
5. The more specific takes precedence: an Authorization header, then a start's own login, then the login for all starts, then
   netrc.
6. FTP servers require a login from everyone. If there is none, they get the anonymous one (RFC 1635).

No `repr` shows a login or the value of a header.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import quote, unquote

from mirror.core.http.redaction import ON_DISK, USERINFO, hidden
from mirror.core.url.canonical import DEFAULT_PORTS, CanonicalURL, InvalidURLError, canonical, split

Header = tuple[str, str]
"""A name and a value."""

ENCRYPTED: Final = frozenset({"https", "ftps", "sftp"})
ANONYMOUS_SCHEMES: Final = frozenset({"ftp", "ftps"})

_ORIGIN = re.compile(
    r"([a-z][a-z0-9+.\-]*)://(\[[^\]]*\]|[^:/?#@\[\]]+|(?<=file://))(?::([0-9]+))?(?:[/?#].*)?", re.DOTALL
)
_MACHINE = re.compile(r"[^/\\?#@:\s\[\]]+|\[?([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET = re.compile(r"auth|cookie|credential|key|passw|secret|session|token", re.IGNORECASE)


class InvalidLoginError(ValueError):
    """A login that can't be sent to a server; the message doesn't show it."""


@dataclass(frozen=True, slots=True, repr=False)
class Login:
    """A user name and a password. A name alone may be secret too, if it is a token.

    >>> Login("guido", "spam")
    Login(...)
    """

    user: str
    password: str

    def __post_init__(self) -> None:
        if ":" in self.user:
            raise InvalidLoginError("the name of a user can't hold a colon")  # RFC 7617, 2
        if _CONTROL.search(self.user + self.password):
            raise InvalidLoginError("a name or a password can't hold a control character")

    def __repr__(self) -> str:
        return "Login(...)"


ANONYMOUS: Final = Login("anonymous", "websucker@")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy to use. The URL contains no user name. It is empty for a direct connection, whatever the environment says."""

    url: str
    login: Login | None = None

    @property
    def url_with_login(self) -> str | None:
        """The URL with the login in it; `None` for a direct connection.

        >>> Proxy("http://localhost:3128", Login("a", "b/c")).url_with_login, Proxy("").url_with_login
        ('http://a:b%2Fc@localhost:3128', None)
        """
        if not self.url or self.login is None:
            return self.url or None
        scheme, _, place = self.url.partition("://")
        return f"{scheme}://{quote(self.login.user, safe='')}:{quote(self.login.password, safe='')}@{place}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a server.

    >>> str(Origin.of(CanonicalURL("https://example.org:8443/a"))), str(Origin("http", "example.org", 80))
    ('https://example.org:8443', 'http://example.org')
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: CanonicalURL) -> Self:
        """Return the origin of a canonical URL; that of a file has no host. Raises `InvalidURLError` for any other text."""
        match = _ORIGIN.fullmatch(url)
        if match is None or (match[3] is None and match[1] not in DEFAULT_PORTS):
            raise InvalidURLError(f"{hidden(url)!r} has no origin")
        return cls(match[1], match[2], int(match[3]) if match[3] else DEFAULT_PORTS[match[1]])

    def __str__(self) -> str:
        port = "" if self.port == DEFAULT_PORTS.get(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Decides which login and which headers a request gets, by the law above.

    `starts` are the origins of the starts, `logins` those that the user gave for an origin, `hosts` those of a netrc file, and
    `given` the headers that the user gave.
    """

    starts: frozenset[Origin] = frozenset()
    logins: Mapping[Origin, Login] = field(default_factory=dict)
    hosts: Mapping[str, Login] = field(default_factory=dict)
    given: tuple[Header, ...] = field(default=(), repr=False)

    @property
    def says_anything(self) -> bool:
        """Whether any web server gets credentials. The anonymous login doesn't count: libcurl sends it by itself."""
        return bool(self.logins or self.hosts or self.given)

    def is_start(self, url: CanonicalURL) -> bool:
        """Whether the origin of a URL is that of a start."""
        return Origin.of(url) in self.starts

    def login(self, url: CanonicalURL) -> Login | None:
        """Return the login for the server of a URL, or `None`."""
        origin = Origin.of(url)
        if origin in self.starts and any(name.lower() == "authorization" for name, _ in self.given):
            return None
        found = self.logins.get(origin)
        if found is None and (origin.scheme in ENCRYPTED or origin in self.starts):
            found = self.hosts.get(origin.host)
        return found or (ANONYMOUS if origin.scheme in ANONYMOUS_SCHEMES else None)

    def headers(self, url: CanonicalURL) -> Sequence[Header]:
        """Return the user's headers for a request, in the order in which they were given."""
        if Origin.of(url) in self.starts:
            return self.given
        return tuple(header for header in self.given if not is_secret(header[0]))


def is_secret(header: str) -> bool:
    """Whether the name of a header suggests a secret.

    >>> is_secret("Authorization"), is_secret("X-Api-Key"), is_secret("Accept-Language")
    (True, True, False)
    """
    return bool(_SECRET.search(header))


def url_login(url: str) -> Login | None:
    """Return the login in the text of a URL, its escapes decoded; raises `InvalidLoginError`.

    >>> url_login("http://guido:sp%40m@example.org/") == Login("guido", "sp@m"), url_login("http://example.org/@guido")
    (True, None)
    """
    match = None if ON_DISK.match(url) else USERINFO.match(url)
    user, _, password = (unquote(part) for part in match[2].partition(":")) if match else ("", "", "")
    return Login(user, password) if user or password else None


def by_host(entries: Iterable[tuple[str, str, str]]) -> dict[str, Login]:
    """Return the logins of a netrc file by host, from (machine, user, password). `default` and invalid hosts are left out."""
    found = ((_host(machine), user, password) for machine, user, password in entries if user and machine != "default")
    return {host: Login(user, password) for host, user, password in found if host}


def _host(machine: str) -> str | None:
    """Return the host as canonical URLs spell it; `None` if it is none."""
    match = _MACHINE.fullmatch(machine)
    try:
        return split(canonical(f"http://[{match[1]}]/" if match[1] else f"http://{machine}/")).host if match else None
    except InvalidURLError:
        return None
