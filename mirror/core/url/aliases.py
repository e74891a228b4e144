"""Aliases: several URLs of one resource.

Input: URLs. Output: the one that represents them. This module never looks at contents. Call `same_place` only for URLs whose
contents are known to be the same.

The law
-------
1. Parameters that only tell where a reader came from don't make another resource: `utm_*`, and the click ids in `TRACKING`.
   They are removed. Nothing else in the query changes, neither its order nor its escapes.
2. Nor do session ids. A parameter is one if its name says so and its value looks random: the rules are those of Heritrix and
   the Wayback Machine (`StripSessionIDs`, `StripSessionCFIDs`), and a few more. A `sid` of six letters is no session id.
3. Nor does a parameter that holds the URL itself, as on login pages that link to themselves: `/login?next=/login%3Fnext%3D/a`,
   escaped once more each time. The URL inside represents the others. Nor does it matter what is between: of pages that link to
   each other, `/login?next=/signup%3Fnext%3D/a` is `/login?next=/a`.
4. Nor does the order in which a server lists a folder: the query is exactly one of those by which Apache, nginx (fancyindex),
   Tomcat, Jetty and Caddy sort their listings, and the path ends in a slash.
5. Points 1 to 4 are guesses. Each is a `Claim`, to be believed only once a server has shown that it is true there
   (`core.policy.alias_evidence`). A name that programs use for other things too is claimed for one path only.
6. If the user says so, nor does the case of the letters of a path. The path in small letters represents the others. That is no
   guess.
7. http and https, with `www.` and without, are one place if the path and the query are the same; so are a folder and its index
   page (`INDEX_NAMES`), and paths that differ in needless escapes. Of such URLs, one whose origin is that of a start represents
   the others; else https goes before http, and the shorter URL before the longer. The order of fetching doesn't matter.

The user chooses which points hold (`Fold`).

>>> plain_url(CanonicalURL("http://example.org/a?utm_source=x&id=7"))
'http://example.org/a?id=7'
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import unquote

from mirror.core.url.canonical import CanonicalURL, is_web, origin, resolve


class Fold(StrEnum):
    """What may make several URLs one resource. `CANONICAL` is what pages say (`store.rules.aliases`)."""

    TRACKING = "tracking"
    SESSIONS = "sessions"
    NESTED = "nested"
    SORTINGS = "sortings"
    CANONICAL = "canonical"
    WWW = "www"
    SCHEME = "scheme"
    INDEX = "index"
    CASE = "case"


FOLDS: Final = frozenset(Fold) - {Fold.CASE}
"""What holds unless the user says otherwise."""

TRACKING: Final = frozenset(
    {
        "_branch_match_id",
        "_ga",
        "_gl",
        "_hsenc",
        "_hsmi",
        "_openstat",
        "__hsfp",
        "__hssc",
        "__hstc",
        "dclid",
        "dicbo",
        "epik",
        "fbclid",
        "gad_source",
        "gbraid",
        "gclid",
        "gclsrc",
        "hsctatracking",
        "igsh",
        "igshid",
        "irclickid",
        "li_fat_id",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "msclkid",
        "oly_anon_id",
        "oly_enc_id",
        "rb_clickid",
        "s_kwcid",
        "srsltid",
        "ttclid",
        "twclid",
        "vero_conv",
        "vero_id",
        "wbraid",
        "wickedid",
        "yclid",
        "ysclid",
    }
)
"""Parameters for which no server returns another page, in lower case."""

_TRACKING: Final = re.compile(
    rf"(?:utm_[a-z0-9_\-]+|{'|'.join(map(re.escape, sorted(TRACKING)))})(?:=.*)?", re.IGNORECASE
)
_SESSION: Final = re.compile(
    r"(?:jsessionid|phpsessid|aspsessionid[a-z]{8}|oscsid|zenid)=[0-9a-z.!_\-,]{8,}"
    r"|(?:sid|s)=[0-9a-z]{32}|sess(?:ion)?_?id=(?=[a-z]*[0-9])[0-9a-z\-]{16,}|cfid=[0-9]+|cftoken=[0-9a-z\-]{4,}",
    re.IGNORECASE,
)
_IN_PATH: Final = re.compile(
    r";jsessionid=[0-9a-z.!_\-]{8,}(?=[/;]|$)|(?<=/)\((?:[a-z]\([0-9a-z]{24}\))+\)/", re.IGNORECASE
)
INDEX_NAMES: Final = (
    *(
        f"index.{ext}"
        for ext in ("html", "htm", "shtml", "xhtml", "php", "php5", "phtml", "asp", "aspx", "jsp", "cgi", "pl", "cfm")
    ),
    *(f"default.{ext}" for ext in ("html", "htm", "asp", "aspx")),
    "welcome.html",
)
"""Names of the page of a folder, as servers are configured (Apache's DirectoryIndex, the default documents of IIS)."""

_INDEX: Final = re.compile(rf"/(?:{'|'.join(map(re.escape, INDEX_NAMES))})(?=\?|$)", re.IGNORECASE)
_NEEDLESS: Final = re.compile("%(?:2[1467-9A-C]|3[ABD]|40|5[BD]|7C)")
"""Escapes of characters that mean the same in a path without (WHATWG URL): servers write either in their listings."""

_HINTS: Final = re.compile(r"[?;]|/\(")
_NESTING: Final = ("/", "http://", "https://")
_SORTING: Final = re.compile(
    r"C=[NMSD][;&]O=[AD]|[NMSD]=[AD]|(?P<caddy>sort=(?:name|namedirfirst|size|time)&order=(?:asc|desc))"
)
_ORDER: Final = "order of a listing"
_EQUIVOCAL: Final = frozenset({"sid", "s", "sessid", "sess_id", "sessionid", "session_id", "cfid", "cftoken"})
"""Names of session ids that may as well be those of songs or signatures."""


class Claim(NamedTuple):
    """That a parameter makes no other resource on a server. `path`: it is claimed for this path only."""

    origin: str
    name: str
    path: str = ""


def claims(url: CanonicalURL, folds: frozenset[Fold] = FOLDS) -> list[Claim]:
    """Return what is claimed by taking `plain_url` for the same resource.

    >>> [claim.name for claim in claims(CanonicalURL("http://example.org/a;jsessionid=0123456789?utm_source=x&fbclid=y&id=7"))]
    ['jsessionid', 'utm', 'fbclid']
    """
    place = origin(url)
    before, _, query = url.partition("?")
    path = before[len(place) :]
    if Fold.NESTED in folds and (nested := _nested(url)):
        return [Claim(place, f"{nested[0]}=", path)]
    if Fold.SORTINGS in folds and (sorting := _sorting(url)):
        return [Claim(place, _ORDER, path if sorting["caddy"] else "")]
    names: list[str] = []
    if Fold.SESSIONS in folds:
        names += ["jsessionid" if match[0].startswith(";") else "()" for match in _IN_PATH.finditer(path)]
    for part in query.split("&"):
        name = part.partition("=")[0].lower()
        if Fold.TRACKING in folds and _TRACKING.fullmatch(part):
            names.append("utm" if name.startswith("utm_") else name)
        elif Fold.SESSIONS in folds and _SESSION.fullmatch(part):
            names.append(name)
    plain = plain_url(url, folds).partition("?")[0][len(place) :]
    return [Claim(place, name, plain if name in _EQUIVOCAL else "") for name in dict.fromkeys(names)]


def plain_url(url: CanonicalURL, folds: frozenset[Fold] = FOLDS) -> CanonicalURL:
    """Return the URL that represents those of points 1 to 6. Most URLs represent themselves."""
    if Fold.CASE not in folds and all_are_plain((url,)):
        return url
    for fold, plain in _PLAIN:
        if fold in folds:
            url = plain(url)
    return url


def all_are_plain(urls: Iterable[CanonicalURL]) -> bool:
    """Return whether all of these URLs represent themselves by points 1 to 5. False: some may not.

    >>> all_are_plain([CanonicalURL("http://example.org/a"), CanonicalURL("http://example.org/b/")])
    True
    """
    text = "\n".join(urls)
    return not ("?" in text or ";" in text or "/(" in text)  # the hints of `_HINTS`, found faster


def without_nesting(url: CanonicalURL) -> CanonicalURL:
    """Return the innermost URL of those of point 3.

    >>> without_nesting(CanonicalURL("http://example.org/login?next=/login%3Fnext%3D/login%253Fnext%253D/a"))
    'http://example.org/login?next=/a'
    >>> without_nesting(CanonicalURL("http://example.org/login?x&next=/signup%3Fnext%3D/a%253Fb"))
    'http://example.org/login?x&next=/a%3Fb'
    """
    while inner := _nested(url):
        url = inner[1]
    return url


def _nested(url: CanonicalURL) -> tuple[str, CanonicalURL] | None:
    """Return the name of a parameter that holds a nested URL, and the shorter URL that represents this; else `None`.

    A nested URL has the path of this one, or a URL in a parameter of the same name.
    """
    before, mark, query = url.partition("?")
    if not mark or not is_web(url):
        return None
    path = before[len(origin(url)) :]
    parts = query.split("&")
    for place, part in enumerate(parts):
        name, _, value = part.partition("=")
        text = unquote(value)
        if path in text:  # few values hold the path
            inner = resolve(text, url)
            if inner and inner.url.partition("?")[0] == before and len(inner.url) < len(url) and text[:1] in "/h":
                return name.lower(), inner.url
        between = _between(name, text, url)
        if between:
            shorter = CanonicalURL(f"{before}?{'&'.join([*parts[:place], f'{name}={between}', *parts[place + 1 :]])}")
            return (name.lower(), shorter) if len(shorter) < len(url) else None
    return None


def _between(name: str, text: str, url: CanonicalURL) -> str | None:
    """Return the value of the parameter of this name in a URL that a parameter of the same name holds, if it is a URL, too."""
    if "?" not in text or name not in text or not text.startswith(_NESTING):
        return None
    inner = resolve(text, url)
    if inner is None or origin(inner.url) != origin(url):
        return None
    for part in inner.url.partition("?")[2].split("&"):
        other, _, value = part.partition("=")
        if other == name and unquote(value).startswith(_NESTING):
            return value
    return None


def without_sorting(url: CanonicalURL) -> CanonicalURL:
    """Return the URL of a folder without the order of its listing (point 4).

    >>> without_sorting(CanonicalURL("http://example.org/pub/?C=M;O=D")), without_sorting(CanonicalURL("http://example.org/?C=x"))
    ('http://example.org/pub/', 'http://example.org/?C=x')
    """
    return CanonicalURL(url.partition("?")[0]) if _sorting(url) else url


def _sorting(url: CanonicalURL) -> re.Match[str] | None:
    before, _, query = url.partition("?")
    return _SORTING.fullmatch(query) if before.endswith("/") and is_web(url) else None


def in_small_letters(url: CanonicalURL) -> CanonicalURL:
    """Return the URL with its path in small letters, except for its escapes (point 6).

    >>> in_small_letters(CanonicalURL("http://example.org/A%C3%84/B.ASPX?C=D"))
    'http://example.org/a%C3%84/b.aspx?C=D'
    """
    if not is_web(url):
        return url
    before, mark, query = url.partition("?")
    return CanonicalURL(_CAPITALS.sub(lambda match: match[0].lower(), before) + mark + query)


def without_tracking(url: CanonicalURL) -> CanonicalURL:
    """Return the URL without the parameters of point 1."""
    return _without(url, _TRACKING) if "?" in url and is_web(url) else url


def without_sessions(url: CanonicalURL) -> CanonicalURL:
    """Return the URL without the session ids of point 2.

    >>> without_sessions(CanonicalURL("http://example.org/a;jsessionid=0123456789ABCDEF?b"))
    'http://example.org/a?b'
    """
    if not _HINTS.search(url) or not is_web(url):
        return url
    before, mark, query = url.partition("?")
    place = origin(url)
    path = _IN_PATH.sub("", before[len(place) :])
    return _without(CanonicalURL(f"{place}{path or '/'}{mark}{query}"), _SESSION)


def session_values(url: CanonicalURL) -> dict[str, str]:
    """Return the session ids in a URL, by the name of their parameter in lower case.

    >>> session_values(CanonicalURL("http://example.org/a;jsessionid=0123456789ABCDEF?b"))
    {'jsessionid': '0123456789ABCDEF'}
    """
    if not _HINTS.search(url) or not is_web(url):
        return {}
    before, _, query = url.partition("?")
    texts = [match[0].strip(";/") for match in _IN_PATH.finditer(before)]
    texts += [part for part in query.split("&") if _SESSION.fullmatch(part)]
    return {name.lower(): value for name, _, value in (text.partition("=") for text in texts)}


def _without(url: CanonicalURL, parameter: re.Pattern[str]) -> CanonicalURL:
    before, mark, query = url.partition("?")
    if not query:
        return url
    parts = query.split("&")
    kept = [part for part in parts if not parameter.fullmatch(part)]
    if len(kept) == len(parts):
        return url
    return CanonicalURL(before + mark + "&".join(kept) if kept else before)


_CAPITALS: Final = re.compile(r"(?<!%)(?<!%[0-9A-F])[A-Z]+")
_PLAIN: Final = (
    (Fold.NESTED, without_nesting),
    (Fold.TRACKING, without_tracking),
    (Fold.SESSIONS, without_sessions),
    (Fold.SORTINGS, without_sorting),
    (Fold.CASE, in_small_letters),
)


def same_place(url: CanonicalURL, folds: frozenset[Fold] = FOLDS) -> str:
    """Return what the URLs of one place share: host without `www.`, path and query. Another port is another place.

    >>> same_place(CanonicalURL("https://www.example.org/a?b")), same_place(CanonicalURL("http://example.org/a%40/Default.aspx"))
    ('example.org/a?b', 'example.org/a@/')
    """
    scheme, mark, place = url.partition("://")
    place = place.removeprefix("www.") if Fold.WWW in folds else place
    if Fold.INDEX in folds:
        path, query_mark, query = place.partition("?")
        plain = _NEEDLESS.sub(lambda escape: unquote(escape[0]), path)
        place = _INDEX.sub("/", plain, count=1) + query_mark + query
    return place if Fold.SCHEME in folds else f"{scheme}{mark}{place}"


def preferred(urls: Iterable[CanonicalURL], starts: Sequence[CanonicalURL]) -> CanonicalURL:
    """Return the URL that represents all URLs of one place."""
    ranks = {origin(start): -n for n, start in enumerate(reversed(starts), 1)}
    return min(urls, key=lambda url: (ranks.get(origin(url), 1), not url.startswith("https:"), len(url), url))
