"""Aliases: several URLs of one resource.

Enters: URLs. Leaves: the one that stands for them. Never here: a look at what is behind them; whoever asks about names alone
(`same_place`) has to know that the content is the same.

The law
-------
1. Parameters that only tell where a reader came from make no second resource: `utm_*`, and the click ids of `TRACKING`.
   They are taken out; nothing else of the query changes, neither its order nor its escapes.
2. Neither do session ids, where a name and a value that looks like chance say that it is one: what Heritrix and the Wayback
   Machine take out (`StripSessionIDs`, `StripSessionCFIDs`), and a few more. A `sid` of six letters is none.
3. http and https, with `www.` and without, are one place where the path and the query are the same. Of such names the one that
   a start has stands for the others, else https before http, and the shorter before the longer: no order of fetching decides.

>>> plain(CanonicalURL("http://example.org/a?utm_source=x&id=7"))
'http://example.org/a?id=7'
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from mirror.core.url.canonical import CanonicalURL, is_web, origin

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
"""Parameters of which no server makes another page, in small letters."""

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
_HINTS: Final = re.compile(r"[?;]|/\(")


def plain(url: CanonicalURL) -> CanonicalURL:
    """The URL without what tells where a reader came from, and without session ids; most are this already."""
    return without_sessions(without_tracking(url))


def without_tracking(url: CanonicalURL) -> CanonicalURL:
    """The URL without the parameters of point 1."""
    return _without(url, _TRACKING) if "?" in url and is_web(url) else url


def without_sessions(url: CanonicalURL) -> CanonicalURL:
    """The URL without the session ids of point 2.

    >>> without_sessions(CanonicalURL("http://example.org/a;jsessionid=0123456789ABCDEF?b"))
    'http://example.org/a?b'
    """
    if not _HINTS.search(url) or not is_web(url):
        return url
    before, mark, query = url.partition("?")
    place = origin(url)
    path = _IN_PATH.sub("", before[len(place) :])
    return _without(CanonicalURL(f"{place}{path or '/'}{mark}{query}"), _SESSION)


def _without(url: CanonicalURL, parameter: re.Pattern[str]) -> CanonicalURL:
    before, mark, query = url.partition("?")
    if not query:
        return url
    parts = query.split("&")
    kept = [part for part in parts if not parameter.fullmatch(part)]
    if len(kept) == len(parts):
        return url
    return CanonicalURL(before + mark + "&".join(kept) if kept else before)


def same_place(url: CanonicalURL) -> str:
    """What the names of one place have in common: host without `www.`, path and query. Another port is another place.

    >>> same_place(CanonicalURL("https://www.example.org/a?b"))
    'example.org/a?b'
    """
    return url.partition("://")[2].removeprefix("www.")


def preferred(urls: Iterable[CanonicalURL], starts: Sequence[CanonicalURL]) -> CanonicalURL:
    """Of the names of one place the one that stands for the others."""
    places = {origin(start): -n for n, start in enumerate(reversed(starts), 1)}
    return min(urls, key=lambda url: (places.get(origin(url), 1), not url.startswith("https:"), len(url), url))
