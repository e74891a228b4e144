"""The tables of links: where they read other URLs than before, archives have to be read again."""

import hashlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

from mirror.core.document import documents
from mirror.core.document.link_attributes import LINK_RELS, META_NAMES, TABLE, XML_ATTRIBUTES, XML_TEXT, XSLT_ATTRIBUTES
from mirror.core.syntax import style_script_urls

RECORDED: Final = {
    4: "863635c2f9ca86ee",
    5: "917d5067b5c726f0",
    6: "917d5067b5c726f0",  # playlists, which are no tables
    7: "917d5067b5c726f0",  # the guard of copies, which is no table
    8: "917d5067b5c726f0",  # literals in scripts of pages, which are no tables
}
"""`documents.VERSION` -> the digest of what the tables read in that version. The last entry is today's."""

VALUES: Final = (
    "",
    "#x",
    " a.png ",
    "a.png 1x, b.png 2x",
    "a.jar b.jar",
    "fill: url(a.png)",
    "javascript:open('/a.html')",
    "0; url=a.html",
    "name=a;action-uri=/a;icon-uri=/a.ico",
)
"""One value for each syntax that an attribute may have; each row of the tables reads all of them."""

TEXTS: Final = (
    "a { background: url(a.png) }",
    "import('/a.js'); fetch('/a.json')",
    'r.p="/";r.u=e=>"js/"+({7:"about"}[e]||e)+"."+{7:"0a1b",8:"2c3d"}[e]+".js"',
    '{"imports": {"a": "/a.js"}}',
    '{"@type": "Thing", "image": "/a.png"}',
)
"""One text for each syntax that a style or a script may have."""

TYPES: Final = (
    "",
    "module",
    "text/javascript",
    "application/json",
    "importmap",
    "application/ld+json",
    "text/template",
)


def attributes_read() -> Iterator[tuple[object, ...]]:
    """Each row of the tables of attributes, and what it reads in each value."""
    of_links = [{"rel": rel} for rel in LINK_RELS]
    of_metas = [{"name": name} for name in META_NAMES] + [{"http-equiv": "refresh"}]
    for number, table in enumerate((TABLE, XML_ATTRIBUTES, XSLT_ATTRIBUTES)):
        for (element, attribute), rule in sorted(table.items()):
            others = {"link": of_links, "meta": of_metas}.get(element, [{}])
            for given in others:
                spans = [list(map(tuple, rule.spans(value, given))) for value in VALUES]
                yield number, element, attribute, sorted(given.items()), spans


def texts_read() -> Iterator[tuple[object, ...]]:
    """Each row of the table of texts, and what is read in each text of a style or a script."""
    yield from sorted(XML_TEXT.items())
    for element in ("style", "script"):
        for kind in TYPES:
            spans = [
                list(map(tuple, style_script_urls.raw_text_spans(element, text, {"type": kind}))) for text in TEXTS
            ]
            yield element, kind, spans


def test_what_the_tables_read_changes_with_the_version_alone() -> None:
    read = hashlib.sha256()
    for row in chain(attributes_read(), texts_read()):
        read.update(f"{row!r}\n".encode())
    assert RECORDED.get(documents.VERSION) == read.hexdigest()[:16], (
        "The tables, or the functions that read values, find other URLs than before. Add one to documents.VERSION, so that "
        f"archives are read again, and record here: {{version}}: {read.hexdigest()[:16]!r}"
    )
