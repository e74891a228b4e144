"""The words of a user as checked values: what `-a NAME=VALUE` and the options of `websucker` mean."""

import netrc
import os
import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http.cookiejar import Cookie
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from mirror import __version__
from mirror.browser.offline_browser import what_is_missing
from mirror.core.http.caching import InvalidDurationError, duration
from mirror.core.http.cookies_txt import InvalidCookiesError, read_cookies
from mirror.core.http.credentials import (
    Credentials,
    Header,
    InvalidLoginError,
    Login,
    Origin,
    Proxy,
    by_host,
    hidden,
    url_login,
    veiled,
)
from mirror.core.policy.scope import Area, Requisites, Scope
from mirror.core.syntax.robots_meta import Word
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical
from mirror.store.manifest.rendering_records import When
from mirror.store.rules.refresh_policy import RefreshPolicy

OneWord = TypeVar("OneWord", bound=StrEnum)

AUTO: Final = "auto"
"""The word that leaves a choice to us."""


class Group(StrEnum):
    """What belongs together, in the help and in README.md."""

    WHAT = "What to fetch"
    WHERE = "Where it goes"
    RENEWAL = "Runs that follow"
    REQUESTS = "Requests"
    CREDENTIALS = "Credentials"
    TRANSFERS = "Transfers"


@dataclass(frozen=True, slots=True)
class Option:
    """What an option takes, its default, what it does; `several`: it may be given more than once."""

    takes: str
    default: str
    text: str
    group: Group
    several: bool = False

    @property
    def told(self) -> str:
        return f"{self.text} (default: {self.default})" if self.default else self.text


HELP: Final[dict[str, Option]] = {
    "start": Option(
        "URL",
        "",
        "one URL, several (white space or commas between them), or @FILE with one a line; user:password@ before a host "
        "is a login for it",
        Group.WHAT,
    ),
    "scope": Option(
        "WORD",
        "site",
        "how far pages are followed: site (registrable domain), host, or prefix (the start's folder)",
        Group.WHAT,
    ),
    "requisites": Option(
        "WORD",
        "all",
        "from where pictures, styles, scripts, fonts and media come: all (anywhere), site, or none",
        Group.WHAT,
    ),
    "include": Option("REGEX", "", "follow only pages whose URL it matches", Group.WHAT),
    "exclude": Option("REGEX", "", "fetch nothing whose URL it matches", Group.WHAT),
    "depth": Option("N", "", "follow links at most N deep; 0 is the start alone", Group.WHAT),
    "limit": Option("N", "", "fetch at most N pages", Group.WHAT),
    "max_file": Option("SIZE", "0", "fetch no file that is larger: 500k, 100M, 1.5G; 0 is no bound", Group.WHAT),
    "quota": Option("SIZE", "", "stop when so much was received; the same command goes on", Group.WHAT),
    "obey": Option(
        "WORDS",
        "nofollow",
        "what pages ask robots for and get: nofollow (do not follow our links), rel (nor links with rel=nofollow), noindex and "
        "noarchive (leave us out), several with commas between them; none",
        Group.WHAT,
    ),
    "traps": Option(
        "0|1",
        "1",
        "stop following what leads on for ever and brings nothing: calendars, combinations of filters, endless pages...",
        Group.WHAT,
    ),
    "fold": Option(
        "0|1",
        "1",
        "take URLs for one that differ in tracking parameters or session ids, or whose content is the same where a page calls "
        "another URL canonical, or is there with and without www. or s",
        Group.WHAT,
    ),
    "render": Option(
        "WORD",
        "auto with a browser, else never",
        "open pages in a browser for what their scripts load: auto (those of which their HTML says that there is more), "
        "always, never, dom (and let the tree show what scripts made of them, without scripts)",
        Group.WHAT,
    ),
    "browser": Option("PATH", "the first of chromium, google-chrome...", "the Chromium to open them in", Group.WHAT),
    "out": Option("DIR", "archive", "the folder of the archive", Group.WHERE),
    "refresh": Option(
        "DURATION",
        "",
        "do not ask again for what was checked less long ago than 30m, 12h, 7d...",
        Group.RENEWAL,
    ),
    "trust": Option("0|1", "0", "nor for what its server said would stay fresh for now", Group.RENEWAL),
    "max_loss": Option(
        "SHARE",
        "0.5",
        "hold a run in which a larger share of the pages is gone; 1 holds none",
        Group.RENEWAL,
    ),
    "user_agent": Option("TEXT", f"Websucker/{__version__}", "who one says that one is", Group.REQUESTS),
    "header": Option(
        "NAME:VALUE",
        "",
        "add a header to requests: --header several times, or -a header= with one a line; one that holds a secret goes to "
        "the starts' origins only",
        Group.REQUESTS,
        several=True,
    ),
    "http": Option("1.1|2|3", "2", "the newest version of HTTP to speak; 2 is spoken over TLS", Group.REQUESTS),
    "proxy": Option(
        "URL",
        "the environment's",
        "ask through it: SCHEME://host:port, user:password@ before the host; SCHEME is http, https, socks4, socks4a, "
        "socks5 or socks5h; none: ask directly",
        Group.REQUESTS,
    ),
    "private": Option(
        "0|1",
        "0",
        "connect to loopback, private and other special addresses too, where the start is on the internet",
        Group.REQUESTS,
    ),
    "ca": Option("FILE", "", "believe the authorities of this PEM file instead of the usual ones", Group.REQUESTS),
    "insecure": Option("0|1", "0", "believe servers whose certificate nobody vouches for", Group.REQUESTS),
    "login": Option("USER:PASSWORD", "", "who one is to the starts' origins, and to nobody else", Group.CREDENTIALS),
    "netrc": Option(
        "FILE",
        "~/.netrc",
        "logins by host, as ftp, curl and wget know them; where that file is; none: ask no such file",
        Group.CREDENTIALS,
    ),
    "cookies": Option(
        "FILE", "", "send the cookies of a cookies.txt, as browsers, curl and wget write it", Group.CREDENTIALS
    ),
    "certificate": Option("FILE", "", "the certificate of a client, PEM", Group.CREDENTIALS),
    "key": Option("FILE", "", "its private key, where it is not in the same file", Group.CREDENTIALS),
    "connections": Option("N", "16", "ask for at most N files at once", Group.TRANSFERS),
    "delay": Option("SECONDS", "0", "wait between two requests to one host", Group.TRANSFERS),
    "rate": Option("SIZE", "", "receive at most so many bytes a second, all together; 0 is no bound", Group.TRANSFERS),
    "timeout": Option("SECONDS", "180", "give up a transfer of which nothing comes for so long", Group.TRANSFERS),
    "workers": Option(
        "N",
        AUTO,
        "read and rewrite documents in N processes beside the one that asks for them; auto: one for each core up to 4, "
        "once there is enough to do, and none on a single one",
        Group.TRANSFERS,
    ),
}
"""All options, in the order in which they are told. A default that a setting has is told here, and not set by it."""


REPAIR: Final = "repair"
"""The option, among those of a run in the manifest, of one that mends what is damaged."""

NONE: Final = "none"
"""The word that turns off what is on without a word."""

PROXIES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

FORBIDDEN: Final[dict[str, str]] = {
    **dict.fromkeys(
        (
            "connection",
            "content-length",
            "expect",
            "host",
            "keep-alive",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ),
        "it belongs to the connection",
    ),
    "accept-encoding": "only what can be decoded is asked for",
    **dict.fromkeys(
        ("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"),
        "the archive knows what it has",
    ),
    "proxy-authorization": "give proxy=http://user:password@host:port",
    "user-agent": "give user_agent=TEXT",
}
"""Header -> why it is not the user's."""

_PROXY = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?(?:([^/?#]*)@)?(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+):([0-9]{1,5})/?"
)
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~\-]+):[ \t]*(.*?)[ \t\r]*", re.DOTALL)  # RFC 9110, 5.1
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class UsageError(ValueError):
    """A user's words mean nothing; the message is one line that says which and what would."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """How files are asked for. `None` is what nobody spoke of; of a size, 0 is no bound."""

    user_agent: str | None = None
    headers: tuple[Header, ...] = field(default=(), repr=False)
    http: str | None = None
    proxy: Proxy | None = None
    private: bool = False
    ca: Path | None = None
    insecure: bool | None = None
    login: Login | None = None
    netrc: Path | None = None
    cookies: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    connections: int | None = None
    delay: float | None = None
    rate: int | None = None
    timeout: float | None = None
    max_file: int | None = None
    quota: int | None = None

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> "Transfers":
        """Check the user's words; raises `UsageError`."""
        given = {name: words.get(name, "") for name in HELP}
        certificate, key = (_file(name, given[name]) for name in ("certificate", "key"))
        _check_certificate(certificate, key)
        return cls(
            user_agent=_line("user_agent", given["user_agent"]),
            headers=_headers(given["header"]),
            http=_http(given["http"]),
            proxy=_proxy(given["proxy"]),
            private=_flag("private", given["private"] or "0"),
            ca=_authorities(_file("ca", given["ca"])),
            insecure=_flag("insecure", given["insecure"]) if given["insecure"] else None,
            login=_login(given["login"]),
            netrc=_netrc_path(given["netrc"]),
            cookies=_file("cookies", given["cookies"]),
            certificate=certificate,
            key=key,
            connections=_number("connections", given["connections"], least=1),
            delay=_seconds("delay", given["delay"]),
            rate=_size("rate", given["rate"]),
            timeout=_seconds("timeout", given["timeout"], zero=False),
            max_file=_size("max_file", given["max_file"]),
            quota=_size("quota", given["quota"]),
        )


@dataclass(frozen=True)
class Options:
    """What a run was asked for."""

    out: Path
    scope: Scope
    limit: int | None
    renewal: RefreshPolicy
    transfers: Transfers
    credentials: Credentials
    cookies: tuple[Cookie, ...] = field(default=(), repr=False)
    workers: int | None = None
    traps: bool = True
    fold: bool = True
    render: When | None = None
    browser: Path | None = None

    @property
    def rendering(self) -> When:
        """Which pages are rendered: where nobody says so, those that are worth it, if there is a browser."""
        if self.render is not None:
            return self.render
        return When.NEVER if what_is_missing(self.browser) else When.AUTO

    @classmethod
    def parse(cls, words: Mapping[str, str]) -> "Options":
        """Check the user's words; raises `UsageError`."""
        unknown = sorted(set(words) - set(HELP))
        if unknown:
            raise UsageError(f"there is no option {unknown[0]!r}; the options are {', '.join(HELP)}")
        values = {name: words.get(name) or option.default for name, option in HELP.items()}
        starts = parse_starts(values["start"])
        scope = Scope(
            starts=tuple(dict.fromkeys(url for url, _ in starts)),
            area=_word(Area, "scope", values["scope"]),
            requisites=_word(Requisites, "requisites", values["requisites"]),
            include=_regex("include", values["include"]),
            exclude=_regex("exclude", values["exclude"]),
            depth=_number("depth", values["depth"], least=0),
            obeys=_words_of(Word, "obey", values["obey"]),
        )
        renewal = RefreshPolicy(
            refresh=_duration("refresh", values["refresh"]),
            trust=_flag("trust", values["trust"]),
            max_loss=_share("max_loss", values["max_loss"]),
        )
        transfers = Transfers.parse(words)
        browser = _path(words["browser"]) if words.get("browser") else None
        return cls(
            _path(values["out"]),
            scope,
            _number("limit", values["limit"], least=1),
            renewal,
            transfers,
            _credentials(starts, transfers),
            _cookies(transfers.cookies) if transfers.cookies else (),
            None if values["workers"] == AUTO else _number("workers", values["workers"], least=0),
            _flag("traps", values["traps"]),
            _flag("fold", values["fold"]),
            _render(words.get("render") or "", browser),
            browser,
        )

    def as_json(self) -> dict[str, Any]:
        """What decides whether a run goes on with an earlier one, and what one that repairs is given again.

        That is what decides which pages there are, and what they say. How they are carried is no part of it: a run that a
        slow line, a proxy or the `quota` ended goes on with other words for these. Neither is what is secret, as a login or a
        header is: it stays out of the archive. Options that came later are there only where they were given, so that a
        new version goes on with the runs of an old one.
        """
        obeys = sorted(self.scope.obeys)
        given = {
            "max_file": self.transfers.max_file,
            "user_agent": self.transfers.user_agent,
            "traps": None if self.traps else False,
            "fold": None if self.fold else False,
            "render": self.render,
            "private": 1 if self.transfers.private else None,
            "obey": None if obeys == [HELP["obey"].default] else ",".join(obeys) or NONE,
        }
        return {
            "start": list(self.scope.starts),
            "scope": self.scope.area,
            "requisites": self.scope.requisites,
            "include": self.scope.include and self.scope.include.pattern,
            "exclude": self.scope.exclude and self.scope.exclude.pattern,
            "depth": self.scope.depth,
            "limit": self.limit,
            **{name: value for name, value in given.items() if value is not None},
        }

    def settings(self) -> dict[str, Any]:
        """The settings of Scrapy's and ours that the user's words decide. Scrapy logs settings: nothing secret is here."""
        how = self.transfers
        settings = {
            "CONCURRENT_REQUESTS": how.connections,
            "CONCURRENT_REQUESTS_PER_DOMAIN": how.connections,
            "DOWNLOAD_DELAY": how.delay,
            "DOWNLOAD_DELAY_JITTER": None if how.delay is None else 0.0,  # as long as the user said, like wget's --wait
            "DOWNLOAD_TIMEOUT": how.timeout,
            "USER_AGENT": how.user_agent,
            "DOWNLOAD_VERIFY_CERTIFICATES": None if how.insecure is None else not how.insecure,
            "DOWNLOAD_MAXSIZE": how.max_file,
            "MIRROR_RATE": how.rate,
            "MIRROR_QUOTA": how.quota,
            "MIRROR_HTTP_VERSION": how.http,
            "MIRROR_CLIENT_CERTIFICATE": how.certificate and str(how.certificate),
            "MIRROR_CLIENT_KEY": how.key and str(how.key),
            "MIRROR_CA_FILE": how.ca and str(how.ca),
        }
        return {name: value for name, value in settings.items() if value is not None}


Start = tuple[CanonicalURL, Login | None]


def parse_starts(text: str) -> list[Start]:
    """The URLs that a start names, and the logins in front of their hosts; raises `UsageError`.

    A comma ends a URL only in front of another one, because URLs may hold commas.

    >>> parse_starts("http://example.org/a,b,http://guido:spam@example.com")
    [('http://example.org/a,b', None), ('http://example.com/', Login(...))]
    """
    if text.startswith("@") and ("://" not in text or _path(text[1:]).exists()):
        found = _listed(_path(text[1:]))
    else:
        found = [url for word in _words(text) for url in (_listed(_path(word[1:])) if word[0] == "@" else [word])]
    if not found:
        raise UsageError("no start: give a URL, as in -a start=https://example.org/")
    return [_start(word) for word in found]


def without_secrets(word: str) -> str:
    """A word of a command line for a message. What it says may be secret where it is in the wrong place.

    >>> without_secrets("login=guido:spam"), without_secrets("http://guido:spam@example.org/?a=b")
    ('login=...', 'http://...@example.org/?a=b')
    """
    name, mark, _ = word.partition("=")
    return f"{name}=..." if mark and re.fullmatch(r"-*\w+", name) else hidden(word)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"\s+|,+(?=[A-Za-z][A-Za-z0-9+.\-]*:[/\\]|@|\s|$)", text) if word]


def _start(text: str) -> Start:
    shown = hidden(text)  # means the same
    try:
        return _without_links(canonical(shown)), url_login(text)
    except InvalidURLError as error:
        raise UsageError(str(error).replace(repr(shown), repr(veiled(shown)))) from None
    except InvalidLoginError as error:
        raise UsageError(f"{shown}: {error}") from None


def _without_links(url: CanonicalURL) -> CanonicalURL:
    """A start on the disk by its real name: a link that the user named may lead anywhere, one below it may not."""
    if not url.startswith("file:"):
        return url
    path = Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))
    real = Path(os.path.realpath(path))
    return url if real == path else canonical("file://" + quote(os.fsencode(real)) + "/" * url.endswith("/"))


def _listed(path: Path) -> list[str]:
    """The URLs of a list: one or several a line, `#` before remarks."""
    lines = _text("the list of starts ", path).splitlines()
    return [word for line in lines for word in _words(re.sub(r"(?:^|\s)#.*", "", line))]


def _credentials(starts: Iterable[Start], transfers: Transfers) -> Credentials:
    """Who one is to whom: what stands in a start, then the login for all of them; the netrc file has the rest."""
    hosts = _netrc_logins(transfers.netrc) if transfers.netrc else {}
    origins = frozenset(Origin.of(url) for url, _ in starts)
    logins: dict[Origin, Login] = {}
    for url, login in starts:
        origin = Origin.of(url)
        if login and logins.setdefault(origin, login) != login:
            raise UsageError(f"the starts have two logins for {origin}: give one")
    for origin, login in logins.items():
        known = hosts.get(origin.host)
        if known and not login.password and known.user == login.user:
            logins[origin] = known  # the name in the URL, the password in the file
    if transfers.login:
        logins = dict.fromkeys(origins, transfers.login) | logins
    return Credentials(origins, logins, hosts, transfers.headers)


def _login(text: str) -> Login | None:
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise UsageError(f"login has no {'password' if user else 'user'}: write it as user:password")
    try:
        return Login(user, password)
    except InvalidLoginError as error:
        raise UsageError(f"login: {error}") from None


def _netrc_path(text: str) -> Path | None:
    """The file to ask; that of the home only where it can be read."""
    if text in {"0", NONE}:
        return None
    if text:
        return _file("netrc", text)
    try:
        return _file("netrc", HELP["netrc"].default)
    except UsageError:
        return None


def _netrc_logins(path: Path) -> dict[str, Login]:
    try:
        entries = netrc.netrc(str(path)).hosts.items()
        return by_host((machine, user, password) for machine, (user, _, password) in entries)
    except netrc.NetrcParseError as error:  # its message may show a password
        raise UsageError(
            f"netrc={path}: near line {error.lineno} is no entry of a netrc file; mend it or give netrc=none"
        ) from None
    except InvalidLoginError as error:
        raise UsageError(f"netrc={path}: {error}; mend it or give netrc=none") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(_unread("netrc=", path, error)) from None


def _cookies(path: Path) -> tuple[Cookie, ...]:
    try:
        return tuple(read_cookies(_text("cookies=", path)))
    except InvalidCookiesError as error:
        raise UsageError(f"cookies={path}: {error}") from None


def _headers(text: str) -> tuple[Header, ...]:
    return tuple(_header(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _header(number: int, line: str) -> Header:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise UsageError(f"header: its line {number} has no name and colon; write it as Name: value")
    name, value = match.groups()
    if name.lower() in FORBIDDEN:
        raise UsageError(f"header {name} can't be given: {FORBIDDEN[name.lower()]}")
    if not value or _CONTROL.search(value):
        raise UsageError(f"header {name} has {'a control character in its' if value else 'no'} value")
    return name, value


def _proxy(text: str) -> Proxy | None:
    if not text:
        return None
    if text == NONE:
        return Proxy("")
    match = _PROXY.fullmatch(text)
    if match is None:
        raise UsageError("proxy is no URL of one: write it as http://host:port, or none")
    scheme, userinfo, host, port = match.groups()
    scheme = (scheme or PROXIES[0]).lower()
    if scheme not in PROXIES:
        raise UsageError(f"proxy={scheme}://... is unknown; it is one of {', '.join(PROXIES)}")
    if not 0 < int(port) < 1 << 16:
        raise UsageError(f"proxy: there is no port {port}")
    user, _, password = (unquote(part) for part in (userinfo or "").partition(":"))
    try:
        return Proxy(f"{scheme}://{host}:{port}", Login(user, password) if userinfo else None)
    except InvalidLoginError as error:
        raise UsageError(f"proxy: {error}") from None


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Python's TLS reads both files, so that what is wrong with them is told before anybody is asked."""
    if certificate is None:
        if key:
            raise UsageError(f"key={key} is of no use without certificate=FILE")
        return

    def passphrase() -> str:
        raise UsageError(
            f"{f'key={key}' if key else f'the key in certificate={certificate}'} is encrypted; give it in the clear"
        )

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        files = f"certificate={certificate}" + (f" and key={key}" if key else "")
        raise UsageError(f"{files}: no certificate and its private key in PEM{_reason(error)}") from None


def _authorities(path: Path | None) -> Path | None:
    if path:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except ssl.SSLError as error:
            raise UsageError(f"ca={path}: no certificates of authorities in PEM{_reason(error)}") from None
    return path


def _reason(error: ssl.SSLError) -> str:
    return f" ({error.reason.replace('_', ' ').lower()})" if error.reason else ""


def _http(text: str) -> str | None:
    versions = HELP["http"].takes.split("|")
    if text and text not in versions:
        raise UsageError(f"http={text} is unknown; it is one of {', '.join(versions)}")
    return text or None


def _line(name: str, text: str) -> str | None:
    if _CONTROL.search(text):
        raise UsageError(f"{name} has a control character in it")
    return text.strip() or None


def _file(name: str, text: str) -> Path | None:
    """A file that can be read, and more than once: a pipe can't."""
    if not text:
        return None
    path = _path(text)
    try:
        regular = S_ISREG(path.stat().st_mode)
        if regular:
            path.open("rb").close()
    except OSError as error:
        raise UsageError(_unread(f"{name}=", path, error)) from None
    if not regular:
        raise UsageError(f"{name}={path} is no file")
    return path


def _text(what: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(_unread(what, path, error)) from error


def _unread(what: str, path: Path, error: OSError | UnicodeDecodeError) -> str:
    why = error.strerror if isinstance(error, OSError) else f"it is no UTF-8, at byte {error.start}"
    return f"{what}{path} can't be read: {why}"


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text} is in the home of nobody known here: write the folder out") from error


def _word(words: type[OneWord], name: str, text: str) -> OneWord:
    try:
        return words(text)
    except ValueError:
        raise UsageError(f"{name}={text} is unknown; it is one of {', '.join(words)}") from None


def _words_of(words: type[OneWord], name: str, text: str) -> frozenset[OneWord]:
    """Several words, or `none`."""
    return frozenset() if text == NONE else frozenset(_word(words, name, part.strip()) for part in text.split(","))


def _regex(name: str, text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"{name}={text} is no regular expression: {error}") from None


def parse_size(name: str, text: str) -> int:
    """A number of bytes, as users write it; raises `UsageError`.

    >>> parse_size("reserve", "100M"), parse_size("reserve", "1.5 GB"), parse_size("reserve", "0")
    (100000000, 1500000000, 0)
    >>> parse_size("max_file", "1GiB") == 1 << 30
    True
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:([kMGT]?)|([KMGT])i)B?", text)
    if match is None:
        raise UsageError(f"{name}={text} is no size: write it as 500000, 500k, 100M, 1.5G or 1GiB")
    if match[3]:
        return int(float(match[1]) * 1024 ** " KMGT".index(match[3]))
    return int(float(match[1]) * 1000 ** " kMGT".index(match[2] or " "))


def _size(name: str, text: str) -> int | None:
    return parse_size(name, text) if text else None


def _seconds(name: str, text: str, *, zero: bool = True) -> float | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) or not (zero or float(text)):
        raise UsageError(f"{name}={text} is no number of seconds, as 30 and 0.5 are")
    return float(text)


def _duration(name: str, text: str) -> timedelta | None:
    try:
        return duration(text) if text else None
    except InvalidDurationError as error:
        raise UsageError(f"{name}={text}: {error}") from None


def _render(text: str, browser: Path | None) -> When | None:
    """The user's word; what it needs has to be there."""
    if not text:
        return None
    when = _word(When, "render", text)
    missing = None if when is When.NEVER else what_is_missing(browser)
    if missing:
        raise UsageError(f"render={text}: {missing}")
    return when


def _flag(name: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise UsageError(f"{name}={text} is neither 0 nor 1")
    return text == "1"


def _share(name: str, text: str) -> float:
    if not re.fullmatch(r"[01]|0?\.[0-9]{1,9}|1\.0{1,9}", text):
        raise UsageError(f"{name}={text} is no share from 0 to 1, as 0.5 is")
    return float(text)


def _number(name: str, text: str, *, least: int) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < least:
        raise UsageError(f"{name}={text} is no whole number from {least} on")
    return int(text)
