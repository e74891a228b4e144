"""Rewrites the references of a document, and keeps every other byte.

Input: a document as text, its URL, and `resolve`, which gives the place of the copy of each resource. Output: the text with
`Edit`s made. Parsers only find places in the source (turbohtml reports the span of every attribute). Nothing is serialised, so
broken markup, quotes, entities and line ends stay as they are.

The law
-------
1. A reference to a saved resource becomes the relative reference that `resolve` gives. A reference to anything else becomes
   absolute, so that it works online. Fragments stay. A reference to the document itself stays if the document is its base.
2. An element whose reference became a local one loses `integrity` and `crossorigin`: the digest is of other bytes, and files
   on a disk have no origin.
3. `<base href>` names the document itself, so that no reference leads elsewhere because of it.
4. A Content-Security-Policy in the document (meta) forbids the same and allows the copies: `disk_policy` states that law.
5. These stay as they are: scripts (a guard may come before them, see `navigation_guard`), and structured data in them;
   documents in attributes that are nested deeper than `MAX_NESTED`; XML values with entities that the document declares, or
   with XSLT templates.
   What only the headers of the document said is added to it: `header_edits` states that law.
   Playlists name only the qualities of which there are copies: `hls_edits` and `dash_edits` state that law.
   One thing in scripts changes: in a classic script, or data, that stands in an HTML document, a literal that is one absolute
   URL and nothing else, of a saved file that pages load (by its extension: scripts, styles, fonts, media), becomes relative,
   because otherwise the copy would load it from the live site. Scripts stay whole if a policy may name their digests.

If copies are served at origins (`Rewriter.home`, see `core.replay.origins`) instead of read from a disk, these points differ:

6. A reference that leads to the right place from the copy's own URL stays as it is. Relative references do.
7. `<base href>` names the place of the base at its origin.
8. All elements lose `integrity`, because the bytes of a stylesheet may differ. `crossorigin` stays, because there are origins.
9. In data and scripts, a literal that is one absolute URL and nothing else becomes what `data` gives, because the documents
   beside them lead there too; so does an attribute of HTML in a literal. Everything else in scripts stays.

10. `<script type=speculationrules>` gets a type that browsers do not know.
11. A Content-Security-Policy in the document becomes empty, because the replay server sends its own.

If there is nothing to edit, the text is returned unchanged. The references of the rewritten document are the resolved
references of the original.
"""

import html
from collections.abc import Callable, Iterator
from typing import Final

from mirror.core.document.edits import Edit, apply, without_overlaps
from mirror.core.document.header_edits import Said
from mirror.core.document.hls_edits import hls_edits
from mirror.core.document.html_edits import html_edits
from mirror.core.document.replacements import Rewriter
from mirror.core.document.xml_edits import xml_edits
from mirror.core.syntax import embedded_urls
from mirror.core.url.media_types import Document


def rewrite(syntax: Document, text: str, rewriter: Rewriter, said: Said | None = None) -> str:
    """Return a document with its references replaced by what `rewriter` gives; see the law above.

    `said`: what its headers said, for HTML that will have none.
    """
    return apply(text, html_edits(text, rewriter, said) if syntax is Document.HTML else _EDITS[syntax](text, rewriter))


def edits(syntax: Document, text: str, rewriter: Rewriter) -> list[Edit]:
    """Return the edits of a document, sorted and without overlaps."""
    return without_overlaps(text, _EDITS[syntax](text, rewriter))


def _css_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.edits(embedded_urls.css_spans(text))


def _json_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    if rewriter.data:
        return rewriter.data_edits(embedded_urls.literal_spans(text))
    return rewriter.edits(embedded_urls.json_spans(text))


def _script_file_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.data_edits(embedded_urls.literal_spans(text, keys=True))


def redirect_page(target: str, *, is_here: bool = True) -> bytes:
    """Return the page that replaces a redirect in the tree: it leads to the target at once, without a script.

    If the copy does not have the target, the page says so instead: a reader gets to the live site by a click only.

    >>> b'url=../b~.html"' in redirect_page("../b~.html")
    True
    >>> b"refresh" in redirect_page("https://example.org/b", is_here=False)
    False
    """
    shown = html.escape(target, quote=True)
    if not is_here:
        return (
            "<!DOCTYPE html>\n"
            '<meta charset="utf-8">\n'
            "<title>Not in this copy</title>\n"
            f'<p>This URL redirects to <a href="{shown}">{shown}</a>, which this copy does not have.\n'
        ).encode()
    return (
        "<!DOCTYPE html>\n"
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="refresh" content="0; url={shown}">\n'
        f'<title>Moved</title>\n<p>Moved to <a href="{shown}">{shown}</a>\n'
    ).encode()


_EDITS: Final[dict[Document, Callable[[str, Rewriter], Iterator[Edit]]]] = {
    Document.HTML: html_edits,
    Document.XML: xml_edits,
    Document.CSS: _css_edits,
    Document.JSON: _json_edits,
    Document.JAVASCRIPT: _script_file_edits,
    Document.HLS: hls_edits,
}
