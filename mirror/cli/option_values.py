"""Parsers of single option values: text in, a checked value out.

Every parser raises `UsageError` with a one-line message that names the option and a correct value. A parser that returns
`None` got an empty text: the user did not give the option. No message repeats a password, a header's value or a cookie.
"""

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import unquote

from mirror.cli.option_table import AUTO, NONE, OPTIONS
from mirror.cli.usage_errors import Given, UsageError
from mirror.core.document.link_attributes import is_name
from mirror.core.http.caching import InvalidDurationError, duration
from mirror.core.http.credentials import Header, InvalidLoginError, Login, Proxy
from mirror.core.url.aliases import FOLDS, Fold
from mirror.core.url.canonical import InvalidURLError, canonical
from mirror.events.targets import InvalidTargetError, parse_target

Choice = TypeVar("Choice", bound=StrEnum)

PROXY_SCHEMES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

FORBIDDEN_HEADERS: Final[dict[str, tuple[str | Given, ...]]] = {
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
        ("it belongs to the connection",),
    ),
    "accept-encoding": ("Websucker asks for the encodings that it can decode",),
    **dict.fromkeys(
        ("if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "range"),
        ("Websucker sets it from what the archive already has",),
    ),
    "proxy-authorization": ("use ", Given("proxy", "http://user:password@host:port")),
    "user-agent": ("use ", Given("user_agent", "TEXT")),
}
"""Header name in lower case -> why the user can't set it, as parts of a message."""

_PROXY = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.\-]*)://)?(?:([^/?#]*)@)?(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@\s]+):([0-9]{1,5})/?"
)
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~\-]+):[ \t]*(.*?)[ \t\r]*", re.DOTALL)  # RFC 9110, 5.1
_DOMAIN = re.compile(r"(?:\*?\.)?([^/?#@:\s\[\]*]+|\[[0-9A-Fa-f:.]+\])((?::[0-9]{1,5})?)")
_FOLDS = [fold for fold in Fold if fold in FOLDS]
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def parse_login(text: str) -> Login | None:
    """Parse `user:password`; the password may contain colons."""
    if not text:
        return None
    user, colon, password = text.partition(":")
    if not user or not colon:
        raise UsageError(Given("login"), f" has no {'password' if user else 'user'}: write it as user:password")
    try:
        return Login(user, password)
    except InvalidLoginError as error:
        raise UsageError(Given("login"), f": {error}") from None


def parse_headers(text: str) -> tuple[Header, ...]:
    """Parse `Name: value` headers, one on each line."""
    return tuple(_header(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _header(number: int, line: str) -> Header:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise UsageError(Given("header"), f": line {number} has no name and colon; write it as Name: value")
    name, value = match.groups()
    if name.lower() in FORBIDDEN_HEADERS:
        raise UsageError(Given("header"), f" {name} can't be set: ", *FORBIDDEN_HEADERS[name.lower()])
    if not value or _CONTROL.search(value):
        raise UsageError(Given("header"), f" {name} has {'a control character in its' if value else 'no'} value")
    return name, value


def parse_proxy(text: str) -> Proxy | None:
    """Parse `SCHEME://user:password@host:port`; `none` is a proxy with an empty URL, which means a direct connection."""
    if not text:
        return None
    if text == NONE:
        return Proxy("")
    match = _PROXY.fullmatch(text)
    if match is None:
        raise UsageError(Given("proxy"), " is not a proxy URL: write it as http://host:port, or none")
    scheme, userinfo, host, port = match.groups()
    scheme = (scheme or PROXY_SCHEMES[0]).lower()
    if scheme not in PROXY_SCHEMES:
        raise UsageError(Given("proxy", f"{scheme}://..."), f" is unknown: use one of {', '.join(PROXY_SCHEMES)}")
    if not 0 < int(port) < 1 << 16:
        raise UsageError(Given("proxy"), f": there is no port {port}")
    user, _, password = (unquote(part) for part in (userinfo or "").partition(":"))
    try:
        return Proxy(f"{scheme}://{host}:{port}", Login(user, password) if userinfo else None)
    except InvalidLoginError as error:
        raise UsageError(Given("proxy"), f": {error}") from None


def parse_domains(name: str, text: str) -> tuple[str, ...]:
    """Parse a list of domains, each perhaps with a port. A leading dot or `*.`, as other programs want it, is left out.

    >>> parse_domains("also", "Example.COM, *.bücher.example,localhost:8000")
    ('example.com', 'xn--bcher-kva.example', 'localhost:8000')
    """
    return tuple(dict.fromkeys(_domain(name, part) for part in re.split(r"[,\s]+", text) if part))


def _domain(name: str, text: str) -> str:
    match = _DOMAIN.fullmatch(text)
    try:
        url = canonical(f"http://{match[1]}{match[2]}/") if match else ""
    except InvalidURLError:
        url = ""
    if not url or not match:
        raise UsageError(Given(name, text), " is not a domain: write it as example.com, several separated by commas")
    host = url.removeprefix("http://").rstrip("/")
    return host if host.endswith(match[2]) else host + match[2]  # a URL leaves the default port out


def parse_attributes(text: str) -> frozenset[str]:
    """Parse a list of names of attributes.

    >>> sorted(parse_attributes("data-zoom, Full"))
    ['data-zoom', 'full']
    """
    names = [part.lower() for part in re.split(r"[,\s]+", text) if part]
    wrong = next((name for name in names if not is_name(name)), None)
    if wrong is not None:
        raise UsageError(Given("attributes", wrong), " is not the name of an attribute, such as data-zoom")
    return frozenset(names)


def parse_http_version(text: str) -> str | None:
    """Check the highest HTTP version to use."""
    versions = OPTIONS["http"].value.split("|")
    if text and text not in versions:
        raise UsageError(Given("http", text), f" is unknown: use one of {', '.join(versions)}")
    return text or None


def parse_line(name: str, text: str) -> str | None:
    """Check that a text is a single line without control characters."""
    if _CONTROL.search(text):
        raise UsageError(Given(name), " contains a control character")
    return text.strip() or None


def parse_events(text: str) -> str | None:
    """Where to write events, as text: a Scrapy setting has it, too."""
    try:
        target = parse_target(text)
    except InvalidTargetError as error:
        raise UsageError(Given("events", text), str(error)) from None
    if target and not target.is_stdout:
        parse_path(target.path)
    return text or None


def parse_path(text: str) -> Path:
    """A path, with `~` and `~user` expanded."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{text}: this user has no home folder here; write the whole path") from error


def parse_choice(choices: type[Choice], name: str, text: str) -> Choice:
    """One of the values of an enum."""
    try:
        return choices(text)
    except ValueError:
        raise UsageError(Given(name, text), f" is unknown: use one of {', '.join(choices)}") from None


def parse_choices(choices: type[Choice], name: str, text: str) -> frozenset[Choice]:
    """Several values of an enum, separated by commas; `none` is the empty set."""
    if text == NONE:
        return frozenset()
    words = [part.strip() for part in text.split(",")]
    unknown = next((word for word in words if word not in {*choices}), None)
    if unknown is not None:
        raise UsageError(Given(name, unknown), f" is unknown: use {', '.join(choices)}, several of them, or {NONE}")
    return frozenset(choices(word) for word in words)


def parse_fold(text: str) -> frozenset[Fold]:
    """Which URLs are one resource: `all` or 1, `none` or 0, or several words.

    >>> sorted(parse_fold("www, scheme")), parse_fold("1") == FOLDS, parse_fold("none")
    ([<Fold.SCHEME: 'scheme'>, <Fold.WWW: 'www'>], True, frozenset())
    """
    if text in {"all", "1"}:
        return FOLDS
    if text in {NONE, "0"}:
        return frozenset()
    words = [part.strip() for part in text.split(",")]
    unknown = next((word for word in words if word not in FOLDS), None)
    if unknown is not None:
        words_ = ", ".join(_FOLDS)
        raise UsageError(
            Given("fold", unknown), f" is unknown: use all, {NONE}, or some of {words_}, separated by commas"
        )
    return frozenset(map(Fold, words))


def parse_regex(name: str, text: str) -> re.Pattern[str] | None:
    """Compile a regular expression."""
    try:
        return re.compile(text) if text else None
    except (re.error, OverflowError, RecursionError) as error:
        hint = f"; *{text[1:]} is written [.]{text[2:]}$" if text.startswith("*.") else ""
        raise UsageError(Given(name, text), f" is not a regular expression: {error}{hint}") from None


def parse_size(name: str, text: str) -> int:
    """A number of bytes. k, M, G and T are powers of 1000; Ki, Mi, Gi and Ti are powers of 1024.

    >>> parse_size("reserve", "100M"), parse_size("reserve", "1.5 GB"), parse_size("reserve", "0")
    (100000000, 1500000000, 0)
    >>> parse_size("max_file", "1GiB") == 1 << 30
    True
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*(?:([kMGT]?)|([KMGT])i)B?", text)
    if match is None:
        raise UsageError(Given(name, text), " is not a size: write it as 500000, 500k, 100M, 1.5G or 1GiB")
    if match[3]:
        return int(float(match[1]) * 1024 ** " KMGT".index(match[3]))
    return int(float(match[1]) * 1000 ** " kMGT".index(match[2] or " "))


def parse_optional_size(name: str, text: str) -> int | None:
    """A number of bytes, or `None` for an empty text."""
    return parse_size(name, text) if text else None


def parse_seconds(name: str, text: str, *, allow_zero: bool = True) -> float | None:
    """A number of seconds."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) or not (allow_zero or float(text)):
        raise UsageError(Given(name, text), " is not a number of seconds, such as 30 or 0.5")
    return float(text)


def parse_duration(name: str, text: str) -> timedelta | None:
    """A duration such as `12h` or `1d12h`."""
    try:
        return duration(text) if text else None
    except InvalidDurationError as error:
        raise UsageError(Given(name, text), f": {error}") from None


def parse_flag(name: str, text: str) -> bool:
    """Whether an option is on: `0` or `1`."""
    if text not in {"0", "1"}:
        raise UsageError(Given(name, text), " is neither 0 nor 1")
    return text == "1"


def parse_share(name: str, text: str) -> float:
    """A share from 0 to 1."""
    if not re.fullmatch(r"[01]|0?\.[0-9]{1,9}|1\.0{1,9}", text):
        raise UsageError(Given(name, text), " is not a share from 0 to 1, such as 0.5")
    return float(text)


def parse_workers(text: str) -> int | None:
    """How many worker processes there may be; `None`: as many as are fastest."""
    return None if text == AUTO else parse_number("workers", text, minimum=0)


def parse_number(name: str, text: str, *, minimum: int) -> int | None:
    """A whole number of at least `minimum`."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", text) or int(text) < minimum:
        raise UsageError(Given(name, text), f" is not a whole number of {minimum} or more")
    return int(text)
