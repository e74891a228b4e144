"""Rewriting: a document whose URLs lead somewhere else, and every other byte as it was.

Enters: a document as text, its URL, and `resolve`, which says where a resource stands now. Leaves: the text with `Edit`s
made. The parser only finds places in the source (turbohtml gives the span of every attribute); nothing is serialised, so
broken markup, quotes, entities and line ends stay.

The law
-------
1. A reference to what was saved becomes the relative one that `resolve` gives; what was not saved becomes absolute, so that
   it works online. Fragments are kept. A reference to the document itself stays if its base is the document.
2. An element whose reference became a local one loses `integrity` and `crossorigin`: the digest is of other bytes, and a
   disk has no origins.
3. `<base href>` names the document itself, so that it leads nothing astray.
4. A Content-Security-Policy of the document (meta) is emptied: `'self'` means nothing on a disk.
5. Scripts stay as they are, structured data in them too; so do documents in attributes below `MAX_NESTED` others, and XML
   values with entities that the document declares, or with templates of XSLT.

Where copies stand at origins (`Rewriter.home`, see `replaying`) and not on a disk, the law is another one in four points:

6. A reference that leads from the copy's own URL to where it should stays as it is: what is relative does.
7. `<base href>` names the base's own place there.
8. `integrity` goes from all elements, since a stylesheet may be of other bytes; `crossorigin` stays, since there are origins.
9. Absolute URLs in data and scripts, where a literal is nothing else, become what `data` gives: the documents beside them lead
   there too. All else in scripts stays.

With no edit to make, the text is the same; the references of the rewritten document are the resolved ones of the original.
"""

import html
from collections.abc import Callable, Iterator
from typing import Final

from mirror.core.document.edits import Edit, apart, apply
from mirror.core.document.html_edits import html_edits
from mirror.core.document.replacements import Rewriter
from mirror.core.document.xml_edits import xml_edits
from mirror.core.syntax import embedded_urls
from mirror.core.url.media_types import Document


def rewrite(syntax: Document, text: str, rewriter: Rewriter) -> str:
    """A document with its references led to where `rewriter.resolve` says; see the law above."""
    return apply(text, _EDITS[syntax](text, rewriter))


def edits(syntax: Document, text: str, rewriter: Rewriter) -> list[Edit]:
    """What there is to change in a document, in order and apart."""
    return list(apart(text, _EDITS[syntax](text, rewriter)))


def _css_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.edits(embedded_urls.css_spans(text))


def _json_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    if rewriter.data:
        return rewriter.data_edits(embedded_urls.literal_spans(text))
    return rewriter.edits(embedded_urls.json_spans(text))


def _script_file_edits(text: str, rewriter: Rewriter) -> Iterator[Edit]:
    return rewriter.data_edits(embedded_urls.literal_spans(text, keys=True))


def redirect_page(target: str) -> bytes:
    """The file that stands where a redirect was: it leads on at once, without a script.

    >>> b'url=../b~.html"' in redirect_page("../b~.html")
    True
    """
    shown = html.escape(target, quote=True)
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
}
