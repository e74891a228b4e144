"""Finds the chunks that bundlers' loaders load under composed names.

Input: the text of a script. Output: spans without a place, because scripts are not rewritten; each is a guess. This module
reads no more of the language than the shapes below. It also finds chunks that a page loads only after a click, which a browser
doesn't find.

The shapes
----------
webpack and Rspack compose the name of a chunk from its number, strings and tables, below the public path:

    r.p = "/"                                                        or relative to the script, with "../"
    r.u = e => "js/" + ({7: "about"}[e] || e) + "." + {7: "0a1b", 8: "2c3d"}[e] + ".js"      js/about.0a1b.js, js/8.2c3d.js
    r.u = e => "js/" + e + ".0a1b.js"; r.e(7)                        js/7.0a1b.js, if there is one chunk

Vite lists the files that its chunks need, relative to its output folder. Here that is taken to be the folder of the script:

    __vite__mapDeps = (i, m = ..., d = (m.f || (m.f = ["assets/About.js", "assets/About.css"])))

VitePress composes the name of a page's chunk from a table in the page, below its base:

    __VP_HASH_MAP__ = JSON.parse("{\\"guide_start.md\\": \\"0a1b\\"}")     /assets/guide_start.md.0a1b.js and .lean.js

docusaurus-search-local, a search for Docusaurus, loads an index from the root of the site, two folders above `assets/js`:

    "search-index{dir}.json?_=0a1b"                                  ../../search-index.json?_=0a1b
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Final

from mirror.core.syntax.embedded_urls import Span
from mirror.core.syntax.reference import Kind

MAX_TERMS: Final = 8
"""Terms that may follow the first in a sum that composes the name of a chunk."""

MAX_CHUNKS: Final = 50_000
"""Names that are read from the sums of a script. A hostile script could give any number."""

_STRING: Final = r"""(?:"[^"\\\n]{0,200}+"|'[^'\\\n]{0,200}+')"""
_PAIR: Final = rf"\s*+(?:[\w$]++|{_STRING})\s*+:\s*+{_STRING}\s*+,?+"
_TABLE: Final = rf"\{{(?:{_PAIR})++\s*+\}}\s*+\[\s*+[\w$]++\s*+\]"
_FIRST: Final = rf"(?:{_STRING}|\(\s*+{_TABLE}\s*+\|\|\s*+[\w$]++\s*+\)|{_TABLE})"
_SUM: Final = re.compile(rf"{_FIRST}(?:\s*+\+\s*+(?:{_FIRST}|[\w$]++)){{1,{MAX_TERMS}}}+")
_TERMS: Final = re.compile(
    rf"(?P<string>{_STRING})|\(\s*+(?P<named>{_TABLE})[^)]*+\)|(?P<table>{_TABLE})|(?P<name>[\w$]++)"
)
_ENTRIES: Final = re.compile(rf"(?P<key>[\w$]++|{_STRING})\s*+:\s*+(?P<value>{_STRING})")
_CHUNK: Final = re.compile(r"[^\s?#\\:]+\.(?:m?js|css)")
_PUBLIC_PATH: Final = re.compile(r"\.p\s*+=\s*+(?P<fixed>\"(?:[^\"\\\\\n]{0,200}/)?\")")
_FROM_SCRIPT: Final = re.compile(r"\.p\s*+=\s*+[\w$]++\s*+\+\s*+(?P<up>\"(?:\.\./){1,20}\")")
_NAMER: Final = re.compile(r"\.u\s*=\s*(?:\(?[\w$]+\)?\s*=>|function\s*\([\w$]+\)\s*\{\s*return)\s*\Z")
_NAMER_LENGTH: Final = 40
_LOADED: Final = re.compile(r"\.e\(\s*+([0-9]{1,9}|\"[^\"\\\n]{1,100}\")\s*+\)")
_EMPTY_STYLE: Final = "31d6cfe0d16ae931b73c"
"""The digest of an empty string: webpack lists it for a chunk without a style."""

_DEPENDENCIES: Final = re.compile(rf"__vite__mapDeps\b[^\[\]]{{0,200}}\[(?P<list>(?:\s*+{_STRING}\s*+,?+)++)\]")
_STRINGS: Final = re.compile(_STRING)

_HASHES: Final = re.compile(r"__VP_HASH_MAP__\s*+=\s*+JSON\.parse\((?P<text>\"(?:[^\"\\]++|\\.)*+\")\)")
_SEARCH: Final = re.compile(r"""["'](search-index)\{dir\}((?:-[0-9a-f]{1,64})?\.json(?:\?_=[0-9a-f]{1,64})?)["']""")
_BASE: Final = re.compile(r'\\"base\\":\\"(?P<base>/[^"\\]*+)\\"')


def chunk_spans(script: str) -> Iterator[Span]:
    """Find the chunks that a script can load, if its loader has one of the shapes above.

    >>> [span.url for span in chunk_spans('r.p="/";r.u=e=>"js/"+({7:"about"}[e]||e)+"."+{7:"0a1b",8:"2c3d"}[e]+".js"')]
    ['/js/about.0a1b.js', '/js/8.2c3d.js']
    """
    for url in (*_numbered(script), *_listed(script), *_hashed(script), *_searched(script)):
        yield Span(0, 0, url, Kind.REQUISITE, guess=True)


def _numbered(script: str) -> Iterator[str]:
    public, loaded = _public_path(script), dict.fromkeys(_unquoted(match[1]) for match in _LOADED.finditer(script))
    named = chain.from_iterable(_names(match[0], loaded) for match in _SUM.finditer(script) if _is_namer(match))
    for name in islice(named, MAX_CHUNKS):
        if _CHUNK.fullmatch(name) and _EMPTY_STYLE not in name:
            yield public + name


def _is_namer(match: re.Match[str]) -> bool:
    """Whether a sum names chunks: it contains a table, or the loader's function for names returns it."""
    place = max(match.start() - _NAMER_LENGTH, 0)
    return "{" in match[0] or _NAMER.search(match.string, place, match.start()) is not None


def _public_path(script: str) -> str:
    """Return the folder of the chunks that the script names, relative or not; "" means the folder of the script."""
    fixed = _PUBLIC_PATH.search(script)
    if fixed:
        return _unquoted(fixed["fixed"])
    relative = _FROM_SCRIPT.search(script)
    return _unquoted(relative["up"]) if relative else ""


def _names(text: str, loaded: Iterable[str]) -> Iterator[str]:
    """Return the names that a sum can give.

    There is one for each number that is in all tables without an alternative. If every table has an alternative, there is one
    for each number in a table, and for each in `loaded`: the numbers that the script loads.
    """
    terms = list(_TERMS.finditer(text))
    tables = {
        n: _entries(term["named"] or term["table"]) for n, term in enumerate(terms) if term["named"] or term["table"]
    }
    needed = [tables[n] for n, term in enumerate(terms) if term["table"]]
    keys = needed[0] if needed else dict.fromkeys(chain(*tables.values(), loaded))
    for key in keys:
        if all(key in table for table in needed):
            yield "".join(
                tables[n].get(key, key) if n in tables else _unquoted(term["string"]) if term["string"] else key
                for n, term in enumerate(terms)
            )


def _entries(table: str) -> dict[str, str]:
    return {_unquoted(entry["key"]): _unquoted(entry["value"]) for entry in _ENTRIES.finditer(table)}


def _unquoted(text: str) -> str:
    """Return the text of a literal, which has no escapes. A name stays as it is."""
    return text[1:-1] if text[0] in "\"'" else text


def _listed(script: str) -> Iterator[str]:
    for match in _DEPENDENCIES.finditer(script):
        for literal in _STRINGS.findall(match["list"]):
            name = _unquoted(literal)
            if _CHUNK.fullmatch(name) and not name.startswith((".", "/")):
                yield "../" * name.count("/") + name


def _hashed(script: str) -> Iterator[str]:
    match = _HASHES.search(script)
    if match is None:
        return
    base = _BASE.search(script)
    try:
        pages = json.loads(json.loads(match["text"]))
    except (ValueError, RecursionError):
        return
    for page, digest in pages.items() if isinstance(pages, dict) else ():
        name = f"{base['base'] if base else '/'}assets/{page}.{digest}"
        yield from (name + end for end in (".js", ".lean.js") if _CHUNK.fullmatch(name + end))


def _searched(script: str) -> Iterator[str]:
    if "search-index{dir}" in script:  # few scripts have it, and the expression is slow to find out
        yield from (f"../../{match[1]}{match[2]}" for match in _SEARCH.finditer(script))
