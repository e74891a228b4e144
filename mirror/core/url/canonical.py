"""Canonical URLs: what makes two references one resource.

Enters: the text of a reference as an author wrote it, and the URL of the document it stands in.
Leaves: a `Target`, that is a `CanonicalURL` and the fragment, or `None` for what can't be fetched.
Never here: a network, a disk, an opinion on whether the URL should be fetched (that is `scope`).

The law of canonical URLs
-------------------------
1. A reference is resolved as a browser does it: WHATWG URL Standard, by Ada (https://url.spec.whatwg.org/).
2. The fragment and the user's name and password are no part of a resource's name.
3. Percent-escapes of unreserved characters are decoded, the others are written in capitals (RFC 3986, 6.2.2);
   a percent sign that begins no escape is written `%25`.
4. Files have no query, be they on an FTP or SSH server or on a disk: what a page writes behind the question mark names no
   other file (browsers ask for none); in what a user writes, and in FTP itself (RFC 1738, 3.2), `?` is a letter like others.
5. Browsers know no ftps and no sftp: these are read as they read ftp. The file scheme has no host, or `localhost`.
6. What no file can be called is in no URL of one: an escaped NUL or end of a line, behind which some servers see another
   command, and an escaped slash, which would lead out of a folder. But `ftp://host/%2Fa` is the `/a` of that server, and not
   that of the folder to which users are brought (RFC 1738, 3.2.2).
7. Nothing else changes: the order of a query, an empty query, a doubled slash each make another resource.

Canonical is idempotent: the canonical form of a canonical URL is itself.
"""

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, NewType
from urllib.parse import quote

import ada_url

CanonicalURL = NewType("CanonicalURL", str)
"""An absolute URL that obeys the law above. Pure ASCII, without fragment and credentials."""

DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22, "file": 0}
SCHEMES = frozenset(DEFAULT_PORTS)
WEB = frozenset({"http", "https"})
"""The schemes of pages that strangers write. What has another one is a file of a tree: `is_web` tells the two apart."""

UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

_ESCAPE = re.compile(r"%(?:[0-9A-Fa-f]{2})?")
_SPLIT = re.compile(
    r"(https?|ftps?|sftp|file)://(?:[^/?#@]*@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?",
    re.DOTALL,
)
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*):")
_USER = re.compile(r"[\x00-\x20]*(?:https?|ftps?|sftp):[/\\\s]*+[^/\\?#]*@", re.IGNORECASE)
_NO_NAME = re.compile(r"%(?:00|0A|0D|2F)", re.IGNORECASE)
_LETTER = r"[\w~\-!$&()*+,=@]"
_PLAIN_REFERENCE = re.compile(
    rf"""(?: (?P<up>(?:\.\./)++) | (?P<root>/) | (?={_LETTER}) )
        (?P<rest>(?:{_LETTER}(?:{_LETTER}|\.)*+/)*+ (?:{_LETTER}(?:{_LETTER}|\.)*+)?+ (?:\?(?:{_LETTER}|[.:;/?])*+)?+)
        (?:\#(?P<fragment>(?:{_LETTER}|[.:;/?%])*+))?+""",
    re.ASCII | re.VERBOSE,
)
"""A path, a query and a fragment in which nothing needs an escape, and no segment is a dot but those that it begins with."""
_AUTHORITY = re.compile(r"[^:]*+:[/\\\s]*+[^/\\?]*+\??")
"""What is in front of a path, and the question mark that would end it there."""
_ROOT = re.compile(r"^ftps?://[^/]+/%2F")
_PLAIN_FRAGMENT = re.compile(r"[\w\-.~!$&()*+,;=:@/?%]*", re.ASCII)
_SURROGATES = re.compile("[\ud800-\udfff]")
_NOT_ASCII = re.compile("[^\\x00-\\x7f]+")
_NO_BASE = "about:blank"
_NO_BREAKS = str.maketrans("", "", "\t\n\r")
_READ_AS_FTP = frozenset({"ftps", "sftp"})
_CARRIERS = ("ftp", "http")
"""Schemes that Ada reads alike, but for the port of its own that each leaves out."""

_PLAIN_IN_QUERY = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "\"#<>'")
"""What WHATWG's special-query percent-encode set leaves alone: trail bytes of legacy encodings too."""


class InvalidURLError(ValueError):
    """The caller gave a URL that can't be a start: the message says what is wrong with it."""


class Target(NamedTuple):
    """Where a reference leads: the resource, and the place in it (`None`: no fragment at all, "": an empty one)."""

    url: CanonicalURL
    fragment: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """The pieces of a canonical URL; `query` is `None` where there is no question mark."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None


def resolve(reference: str, base: str, encoding: str = "utf-8") -> Target | None:
    """Resolve a reference against its base; `None` where nothing is meant that can be fetched.

    `encoding` is the codec of the document (`encoding.decode` names it), which browsers use for the query alone
    (WHATWG URL, 5.3); a name that Python has no codec for means UTF-8.

    >>> resolve("../b%7e?x#top", "http://Example.ORG:80/a/")
    Target(url='http://example.org/b~?x', fragment='top')
    >>> resolve("mailto:guido@example.org", "http://example.org/") is None
    True
    """
    plain = _PLAIN_REFERENCE.fullmatch(reference)
    place = _place(base) if plain else None
    if plain and place:  # it only has to be put behind the folder: a tenth of what Ada takes
        return _plain_target(plain, *place)
    scheme = _SCHEME.match(reference)
    if scheme and scheme[1].lower() not in SCHEMES:
        return None
    if not reference.isascii():
        reference = _encode_query(_SURROGATES.sub("\ufffd", reference), encoding)
    place = None if scheme or reference[:1] <= " " or reference[0] in "?#" else _place(base)
    if place:
        base = place[1]  # which other pages have too
    before, hash_, fragment = reference.partition("#")
    is_trimmed = before != "" and before[-1] <= " "  # it would be at the end of a URL, and is not before a fragment
    if hash_ and not is_trimmed and _PLAIN_FRAGMENT.fullmatch(fragment):  # many places of one page are resolved once
        target = _resolve(before, base)
        return target and Target(target.url, fragment)
    return _resolve(reference, base)


def without_fragment(reference: str) -> str:
    """A reference to the same resource, as a rule without its fragment. What may be a script stays as it is.

    >>> without_fragment("../a.html#b"), without_fragment("#b"), without_fragment("javascript:go('#b')")
    ('../a.html', '#b', "javascript:go('#b')")
    """
    before, hash_, _ = reference.partition("#")
    is_plain = hash_ and before and before[-1] > " " and ":" not in before
    return before if is_plain else reference


def canonical(url: str) -> CanonicalURL:
    """The canonical form of an absolute URL as a user writes it; raises `InvalidURLError` with a sentence for the user.

    >>> canonical("HTTP://example.org"), canonical("ftp://example.org/what?")
    ('http://example.org/', 'ftp://example.org/what%3F')
    """
    match = _SCHEME.match(url)
    scheme, rest = (match[1].lower(), url[match.end() :]) if match else ("", "")
    if scheme not in SCHEMES and not rest.startswith("/"):
        raise InvalidURLError(f"{url!r} is no URL: it should begin with http:// or https://")
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
    """Whether a server of the web gives it, and not a tree of files.

    >>> is_web(CanonicalURL("https://example.org/")), is_web(CanonicalURL("ftp://example.org/"))
    (True, False)
    """
    return url.startswith(("http://", "https://"))


def origin(url: CanonicalURL) -> str:
    """Scheme, host and port, a default port left out.

    >>> origin(CanonicalURL("ftp://example.org:2121/a/b")), origin(CanonicalURL("file:///srv/www/"))
    ('ftp://example.org:2121', 'file://')
    """
    return url[: url.index("/", url.index("://") + 3)]


def referer(page: CanonicalURL, target: CanonicalURL) -> str | None:
    """What a request for `target` tells of the page it was found on (`strict-origin-when-cross-origin`).

    Of files nobody is told anything, and neither are the servers of files (WHATWG Fetch, Referrer Policy 8.3).

    >>> referer(CanonicalURL("https://example.org/a"), CanonicalURL("https://cdn.example.com/b"))
    'https://example.org/'
    """
    if not (is_web(page) and is_web(target)):
        return None
    here, there = split(page), split(target)
    if here.scheme == "https" and there.scheme == "http":
        return None
    if (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port):
        return page
    return page[: len(page) - len(page.partition("://")[2].partition("/")[2])]


def has_credentials(url: str) -> bool:
    """Whether the text of a URL names a user, in any spelling that browsers take (`http:user@host` too).

    >>> has_credentials("http://guido@example.org/"), has_credentials("http://example.org/@guido")
    (True, False)
    """
    return bool(_USER.match(url))


def split(url: CanonicalURL) -> Parts:
    """Take a canonical URL apart; the port is always a number. A file on the disk has no host, and port 0.

    >>> split(canonical("https://example.org/a?b"))
    Parts(scheme='https', host='example.org', port=443, path='/a', query='b')
    """
    match = _SPLIT.fullmatch(url)
    if match is None:
        raise InvalidURLError(f"{url!r} is not a canonical URL")
    scheme, host, port, path, query, _ = match.groups()
    return Parts(scheme, host, int(port) if port else DEFAULT_PORTS[scheme], path, query)


def with_fragment(text: str, fragment: str | None) -> str:
    """Put a fragment back behind a URL or a relative reference."""
    return text if fragment is None else f"{text}#{fragment}"


def _plain_target(plain: re.Match[str], origin: str, folder: str) -> Target:
    """The target of a plain reference from a document in a folder; above the root there is the root."""
    up, root, rest, fragment = plain.groups()
    if root:
        return Target(CanonicalURL(f"{origin}/{rest}"), fragment)
    for _ in range(len(up or "") // len("../")):
        folder = folder[: max(folder.rindex("/", 0, -1), len(origin)) + 1]
    return Target(CanonicalURL(folder + rest), fragment)


@lru_cache(maxsize=16384)  # a page is read, and not much later rewritten; so are others of its folder
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
        if match[1] == "file":  # "%43|" may have become a drive of Windows
            absolute = ada_url.join_url(_NO_BASE, absolute)
        if match[1] not in WEB and _NO_NAME.search(_ROOT.sub("", absolute)):
            return None
    return Target(CanonicalURL(absolute), fragment if hash_ else None)


@lru_cache(maxsize=256)
def _place(base: str) -> tuple[str, str] | None:
    """The origin and the folder of a base, if it is a canonical URL of the web."""
    try:
        is_known = canonical(base) == base and is_web(CanonicalURL(base))
    except InvalidURLError:
        return None
    if not is_known:
        return None
    path = base.partition("?")[0]
    return origin(CanonicalURL(base)), path[: path.rindex("/") + 1]


def _join(base: str, reference: str) -> str:
    """The absolute URL of a reference, as Ada resolves it; raises `ValueError`."""
    match = _SCHEME.match(reference.translate(_NO_BREAKS)) or _SCHEME.match(base)
    scheme = match[1].lower() if match else ""
    return _join_as_ftp(scheme, base, reference) if scheme in _READ_AS_FTP else ada_url.join_url(base, reference)


def _join_as_ftp(scheme: str, base: str, reference: str) -> str:
    """The same for a scheme that is none to a browser. The longer of two readings has the port, unless that is the default."""
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
    """A reference with one scheme for another; without one as it was."""
    text = text.translate(_NO_BREAKS)
    match = _SCHEME.match(text)
    return f"{carrier}:{text[match.end() :]}" if match and match[1].lower() == scheme else text


def _is_absolute_path(rest: str) -> bool:
    """Whether there is a path behind `file:`, be it the root alone; of `file:` and `file://` nobody knows."""
    path = rest.strip().replace("\\", "/")
    return path.startswith("/") and path != "//"


def _why_nothing(url: str, scheme: str) -> str:
    if scheme not in WEB and _NO_NAME.search(url):
        return "has an escaped slash, NUL or end of a line, which no name of a file has"
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
    """Percent-encode the query of a reference in the encoding of its document; what that lacks becomes `&#N;`."""
    before, mark, rest = reference.partition("?")
    if not mark or "#" in before or encoding.lower().startswith("utf"):  # in UTF-8, Ada does it
        return reference
    query, hash_, fragment = rest.partition("#")
    try:
        encoded = _NOT_ASCII.sub(lambda run: quote(run[0].encode(encoding, _NUMERIC), safe=_PLAIN_IN_QUERY), query)
    except (LookupError, UnicodeError):  # some of Python's codecs are no encodings of text
        return reference
    return f"{before}?{encoded}{hash_}{fragment}"


def _numeric_reference(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(f"%26%23{ord(c)}%3B" for c in error.object[error.start : error.end]), error.end


_NUMERIC = "mirror.core.url.canonical.numeric_reference"
codecs.register_error(_NUMERIC, _numeric_reference)
