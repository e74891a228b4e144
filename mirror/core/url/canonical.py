"""Canonical URLs: when two references name the same resource.

Input: a reference as its author wrote it, and the URL of the document that contains it. Output: a `Target`, which is a
`CanonicalURL` and the fragment; or `None` for what can't be fetched. This module uses no network and no disk, and doesn't
decide whether to fetch a URL (`scope` does).

The law of canonical URLs
-------------------------
1. A reference is resolved as browsers do it: by the WHATWG URL Standard, with Ada (https://url.spec.whatwg.org/).
2. The fragment, the user name and the password are not part of a resource's URL.
3. Percent-escapes of unreserved characters are decoded; the others are written in capitals (RFC 3986, 6.2.2). A percent sign
   that begins no escape is written `%25`.
4. Files have no query, whether on an FTP or SSH server or on a disk. In a page, the text after the question mark doesn't name
   another file (browsers request none). In a URL from the user, and in FTP itself (RFC 1738, 3.2), `?` is a character like
   any other.
5. Browsers don't know ftps and sftp. URLs with these schemes are read like those of ftp. The file scheme has no host, or
   `localhost`.
6. The URL of a file contains nothing that no file name contains: neither an escaped NUL or line end, after which some servers
   read another command, nor an escaped slash, which would lead out of a folder. But `ftp://host/%2Fa` is `/a` of that server,
   not `a` in the folder in which users start (RFC 1738, 3.2.2).
7. Nothing else changes: URLs that differ in the order of the query, in an empty query or in a doubled slash name different
   resources.

Canonical form is idempotent: the canonical form of a canonical URL is itself.
"""

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, NewType, TypeAlias, cast
from urllib.parse import quote

import ada_url

if TYPE_CHECKING:
    from collections.abc import Callable

CanonicalURL = NewType("CanonicalURL", str)
"""An absolute URL that obeys the law above. It is ASCII, without credentials.

It has no fragment, unless it names a variant of the request for a URL (`core.http.request_variants`).
"""

DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22, "file": 0}
SCHEMES = frozenset(DEFAULT_PORTS)
WEB = frozenset({"http", "https"})
"""The schemes of web servers. A URL with another scheme is that of a file in a tree; see `is_web`."""

MAX_REFERER = 4096
"""Characters of the longest URL that a Referer tells."""

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

_ESCAPE = re.compile(r"%(?:[0-9A-Fa-f]{2})?")
_SPLIT = re.compile(
    r"(https?|ftps?|sftp|file)://(?:[^/?#@]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?",
    re.DOTALL,
)
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*):")
_USER = re.compile(r"[\x00-\x20]*(?:https?|ftps?|sftp):[/\\\s]*+[^/\\?#]*@", re.IGNORECASE)
_NO_NAME = re.compile(r"%(?:00|0A|0D|2F)", re.IGNORECASE)
_LETTER = r"[A-Za-z0-9_~\-!$&()*+,=@]"
_PLAIN_REFERENCE = re.compile(
    rf"""(?P<start> (?:\.\./)++ | / | (?={_LETTER}) )
        (?P<rest>(?:{_LETTER}(?:{_LETTER}|\.)*+/)*+ (?:{_LETTER}(?:{_LETTER}|\.)*+)?+ (?:\?(?:{_LETTER}|[.:;/?])*+)?+)
        (?:\#(?P<fragment>(?:{_LETTER}|[.:;/?%])*+))?+""",
    re.ASCII | re.VERBOSE,
)
"""A path, a query and a fragment that need no escapes. Only the first segments may be dots."""

_PLAIN_NAME = re.compile(rf"{_LETTER}(?:{_LETTER}|\.)*+", re.ASCII)
"""The name of a file, which may stand in any folder."""

_UP = "../"

_AUTHORITY = re.compile(r"[^:]*+:[/\\\s]*+[^/\\?]*+\??")
"""The part in front of a path, and a question mark directly after it."""

_ROOT = re.compile(r"^ftps?://[^/]+/%2F")
_PLAIN_FRAGMENT = re.compile(r"[\w\-.~!$&()*+,;=:@/?%]*", re.ASCII)
_SURROGATES = re.compile("[\ud800-\udfff]")
_ESCAPED_CONTROLS = {chr(code): f"%{code:02X}" for code in range(0x80, 0xA0)}
"""Characters that only encodings of Windows lack in Python, but have in browsers. Each is the byte of the same number."""

_NOT_ASCII = re.compile("[^\\x00-\\x7f]+")
_NO_BASE = "about:blank"
_NO_BREAKS = str.maketrans("", "", "\t\n\r")
_READ_AS_FTP = frozenset({"ftps", "sftp"})
_CARRIERS = ("ftp", "http")
"""Schemes that Ada reads alike, except that each omits its own default port."""

_PLAIN_IN_QUERY = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"#<>'")
"""Characters outside of WHATWG's special-query percent-encode set. Trail bytes of legacy encodings may be among them."""


Resolver: TypeAlias = "Callable[[str], tuple[CanonicalURL, str | None] | None]"
"""Reference -> the URL and the fragment of a `Target`; `None` as in `resolve`."""


class InvalidURLError(ValueError):
    """The caller gave a URL that can't be a start; the message says what is wrong with it."""


class Target(NamedTuple):
    """The resource that a reference leads to, and the place in it (`None`: no fragment, "": an empty one)."""

    url: CanonicalURL
    fragment: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a canonical URL; `query` is `None` if there is no question mark."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None


def resolve(reference: str, base: str, encoding: str = "utf-8") -> Target | None:
    """Resolve a reference against its base; `None` if it leads to nothing that can be fetched.

    `encoding` is the codec of the document, as in `character_encoding.Text`. Browsers use it for the query alone (WHATWG URL,
    5.3). A name for which Python has no codec means UTF-8.

    >>> resolve("../b%7e?x#top", "http://Example.ORG:80/a/")
    Target(url='http://example.org/b~?x', fragment='top')
    >>> resolve("mailto:guido@example.org", "http://example.org/") is None
    True
    """
    found = resolver(base, encoding)(reference)
    return found and Target(*found)


@lru_cache(maxsize=256)  # a document has many references
def resolver(base: str, encoding: str = "utf-8") -> "Resolver":
    """Return a function that resolves references against one base, as `resolve` does, to plain tuples."""
    place = _place(base)
    if place is None:
        return partial(_resolve_any, base=base, encoding=encoding)
    origin, folder = place
    folders = {"/": f"{origin}/"} | {_UP * levels: _above(origin, folder, levels) for levels in range(4)}
    plain_reference = _PLAIN_REFERENCE.fullmatch

    def resolved(reference: str) -> tuple[str, str | None] | None:
        plain = plain_reference(reference)
        if plain is None:
            return _resolve_any(reference, base, encoding)
        start, rest, fragment = plain.groups()  # appending it to a folder takes a fraction of the time that Ada needs
        above = folders.get(start) or _above(origin, folder, len(start) // len(_UP))
        return above + rest, fragment

    return cast("Resolver", resolved)


def _resolve_any(reference: str, base: str, encoding: str) -> Target | None:
    """Resolve a reference that may need escapes."""
    scheme = _SCHEME.match(reference)
    if scheme and scheme[1].lower() not in SCHEMES:
        return None
    if not reference.isascii():
        reference = _encode_query(_SURROGATES.sub("\ufffd", reference), encoding)
    place = None if scheme or reference[:1] <= " " or reference[0] in "?#" else _place(base)
    if place:
        base = place[1]  # other pages share the folder, so the cache has it more often
    before, hash_, fragment = reference.partition("#")
    # Ada trims white space at the end of a URL, but not before a fragment.
    is_trimmed = before != "" and before[-1] <= " "
    if hash_ and not is_trimmed and _PLAIN_FRAGMENT.fullmatch(fragment):  # resolve a page once for all its fragments
        target = _resolve(before, base)
        return target and Target(target.url, fragment)
    return _resolve(reference, base)


def as_written(reference: str, base: str) -> str | None:
    """Return the absolute URL of a reference as browsers request it, without points 2 to 4 of the law; `None` if it is none.

    >>> as_written("/%7euser/#top", "http://example.org/"), as_written("http://", "http://example.org/")
    ('http://example.org/%7euser/', None)
    """
    try:
        return str(ada_url.join_url(base, reference)).partition("#")[0]
    except ValueError:
        return None


def without_fragment(reference: str) -> str:
    """Remove the fragment of a reference if it has one for certain. What may be a script stays as it is.

    >>> without_fragment("../a.html#b"), without_fragment("#b"), without_fragment("javascript:go('#b')")
    ('../a.html', '#b', "javascript:go('#b')")
    """
    before, hash_, _ = reference.partition("#")
    is_plain = hash_ and before and before[-1] > " " and ":" not in before
    return before if is_plain else reference


def canonical(url: str) -> CanonicalURL:
    """Return the canonical form of an absolute URL that a user wrote; raises `InvalidURLError` with a message for the user.

    >>> canonical("HTTP://example.org"), canonical("ftp://example.org/what?")
    ('http://example.org/', 'ftp://example.org/what%3F')
    """
    match = _SCHEME.match(url)
    scheme, rest = (match[1].lower(), url[match.end() :]) if match else ("", "")
    if scheme not in SCHEMES and not rest.startswith("/"):
        raise InvalidURLError(f"{url!r} is not a URL: it should begin with http:// or https://")
    if scheme not in SCHEMES:
        raise InvalidURLError(
            f"{url!r}: the scheme {scheme!r} is not supported, only http, https, ftp, ftps, sftp and file are"
        )
    if scheme == "file" and not _is_absolute_path(rest):
        raise InvalidURLError(f"{url!r} has no absolute path: it should begin with file:///")
    if scheme != "file" and not rest.strip("/\\"):
        raise InvalidURLError(f"{url!r} has no host")
    target = resolve(url if scheme in WEB else _without_query_mark(url), _NO_BASE)
    if target is None:
        raise InvalidURLError(f"{url!r} {_why_nothing(url, scheme)}")
    return target.url


def is_web(url: CanonicalURL) -> bool:
    """Whether a URL is that of a web server, not of a tree of files.

    >>> is_web(CanonicalURL("https://example.org/")), is_web(CanonicalURL("ftp://example.org/"))
    (True, False)
    """
    return url.startswith(("http://", "https://"))


def origin(url: CanonicalURL) -> str:
    """Return scheme, host and port; a default port is omitted.

    >>> origin(CanonicalURL("ftp://example.org:2121/a/b")), origin(CanonicalURL("file:///srv/www/"))
    ('ftp://example.org:2121', 'file://')
    """
    return url[: url.index("/", url.index("://") + 3)]


def referer(page: CanonicalURL, target: CanonicalURL) -> str | None:
    """Return the Referer of a request for `target` that was found on `page` (`strict-origin-when-cross-origin`).

    There is none if the page is a file, and none for servers of files (WHATWG Fetch, Referrer Policy 8.3). Of a long URL it is
    the origin only (Referrer Policy 8.4, step 6), because servers refuse long headers.

    >>> referer(CanonicalURL("https://example.org/a"), CanonicalURL("https://cdn.example.com/b"))
    'https://example.org/'
    """
    if not (is_web(page) and is_web(target)):
        return None
    here, there = split(page), split(target)
    if here.scheme == "https" and there.scheme == "http":
        return None
    is_same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    if is_same and len(page) <= MAX_REFERER:
        return page
    return page[: len(page) - len(page.partition("://")[2].partition("/")[2])]


def has_credentials(url: str) -> bool:
    """Whether the text of a URL contains a user name, in any spelling that browsers accept (`http:user@host` too).

    >>> has_credentials("http://guido@example.org/"), has_credentials("http://example.org/@guido")
    (True, False)
    """
    return bool(_USER.match(url))


def split(url: CanonicalURL) -> Parts:
    """Split a canonical URL into its parts. The port is always a number. A file on a disk has no host, and port 0.

    >>> split(canonical("https://example.org/a?b"))
    Parts(scheme='https', host='example.org', port=443, path='/a', query='b')
    """
    match = _SPLIT.fullmatch(url)
    if match is None:
        raise InvalidURLError(f"{url!r} is not a canonical URL")
    scheme, host, port, path, query, _ = match.groups()
    return Parts(scheme, host, int(port) if port else DEFAULT_PORTS[scheme], path, query)


def with_fragment(text: str, fragment: str | None) -> str:
    """Append a fragment to a URL or a relative reference."""
    return text if fragment is None else f"{text}#{fragment}"


@lru_cache(maxsize=256)  # pages share their folders
def _above(origin: str, folder: str, levels: int) -> str:
    """Return the folder so many levels above another one. Above the root is the root."""
    for _ in range(levels):
        folder = folder[: max(folder.rindex("/", 0, -1), len(origin)) + 1]
    return folder


@lru_cache(maxsize=16384)  # a page, and others in its folder, are rewritten soon after they are read
def _resolve(reference: str, base: str) -> Target | None:
    try:
        absolute = _join(base, reference)
    except ValueError:
        return None
    absolute, hash_, fragment = absolute.partition("#")
    match = _SPLIT.fullmatch(absolute)
    if match is None or bool(match[2]) is (match[1] == "file"):
        return None
    if "@" in absolute:
        absolute = _without_credentials(absolute, match)
    if match[1] not in WEB:
        absolute = absolute.partition("?")[0]
    if "%" in absolute:
        absolute = _ESCAPE.sub(_normal_escape, absolute)
        if match[1] == "file":  # decoding "%43|" may have produced a drive letter of Windows
            absolute = ada_url.join_url(_NO_BASE, absolute)
        if match[1] not in WEB and _NO_NAME.search(_ROOT.sub("", absolute)):
            return None
    return Target(CanonicalURL(absolute), fragment if hash_ else None)


@lru_cache(maxsize=256)
def _place(base: str) -> tuple[str, str] | None:
    """Return the origin and the folder of a base, if it is a canonical URL of a web server."""
    folder, _, name = base.rpartition("/")
    return _folder_place(f"{folder}/" if _PLAIN_NAME.fullmatch(name) else base)


@lru_cache(maxsize=256)  # pages share their folders
def _folder_place(base: str) -> tuple[str, str] | None:
    """Do the same for a base without a plain name at its end."""
    try:
        is_known = canonical(base) == base and is_web(CanonicalURL(base))
    except InvalidURLError:
        return None
    if not is_known:
        return None
    path = base.partition("?")[0]
    return origin(CanonicalURL(base)), path[: path.rindex("/") + 1]


def _join(base: str, reference: str) -> str:
    """Return the absolute URL of a reference, as Ada resolves it; raises `ValueError`."""
    match = _SCHEME.match(reference.translate(_NO_BREAKS)) or _SCHEME.match(base)
    scheme = match[1].lower() if match else ""
    return _join_as_ftp(scheme, base, reference) if scheme in _READ_AS_FTP else ada_url.join_url(base, reference)


def _join_as_ftp(scheme: str, base: str, reference: str) -> str:
    """Do the same for a scheme that browsers don't know. Of the two readings, the longer one has the port, if there is one."""
    base = base if base.lower().startswith(f"{scheme}:") else _NO_BASE
    readings = [
        ada_url.join_url(_with_scheme(base, scheme, carrier), _with_scheme(reference, scheme, carrier))
        for carrier in _CARRIERS
    ]
    found = max((f"{scheme}:{reading.partition(':')[2]}" for reading in readings), key=len)
    match = _SPLIT.fullmatch(found)
    if match is None or match[3] != str(DEFAULT_PORTS[scheme]):
        return found
    return found[: match.start(3) - 1] + found[match.end(3) :]


def _with_scheme(text: str, scheme: str, carrier: str) -> str:
    """Replace the scheme of a reference; a relative one stays as it is."""
    text = text.translate(_NO_BREAKS)
    match = _SCHEME.match(text)
    return f"{carrier}:{text[match.end() :]}" if match and match[1].lower() == scheme else text


def _is_absolute_path(rest: str) -> bool:
    """Whether a path follows `file:`, if only the root. `file:` and `file://` have none."""
    path = rest.strip().replace("\\", "/")
    return path.startswith("/") and path != "//"


def _why_nothing(url: str, scheme: str) -> str:
    if scheme not in WEB and _NO_NAME.search(url):
        return "contains an escaped slash, NUL or line end, which no file name contains"
    return "names another machine" if scheme == "file" else "has no valid host"


def _without_query_mark(url: str) -> str:
    before, hash_, fragment = url.partition("#")
    match = _AUTHORITY.match(before)
    end = match.end() if match else 0
    return before[:end] + before[end:].replace("?", "%3F") + hash_ + fragment


def _without_credentials(url: str, match: re.Match[str]) -> str:
    return f"{match[1]}://{url[match.start(2) :]}"


def _normal_escape(match: re.Match[str]) -> str:
    if match[0] == "%":
        return "%25"
    character = chr(int(match[0][1:], 16))
    return character if character in UNRESERVED else match[0].upper()


def _encode_query(reference: str, encoding: str) -> str:
    """Percent-encode the query of a reference in the encoding of its document. Characters that this lacks become `&#N;`."""
    before, mark, rest = reference.partition("?")
    if not mark or "#" in before or encoding.lower().startswith("utf"):  # Ada encodes it in UTF-8
        return reference
    query, hash_, fragment = rest.partition("#")
    try:
        encoded = _NOT_ASCII.sub(lambda run: quote(run[0].encode(encoding, _NUMERIC), safe=_PLAIN_IN_QUERY), query)
    except (LookupError, UnicodeError):  # some of Python's codecs don't encode text
        return reference
    return f"{before}?{encoded}{hash_}{fragment}"


def _numeric_reference(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    return "".join(_ESCAPED_CONTROLS.get(c) or f"%26%23{ord(c)}%3B" for c in lost), error.end


_NUMERIC = "mirror.core.url.canonical.numeric_reference"
codecs.register_error(_NUMERIC, _numeric_reference)
