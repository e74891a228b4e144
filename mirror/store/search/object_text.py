"""Reads the text of an object.

Input: an object, the kind of document that it is read as, and a version that shows it. Output: `PageText`.
"""

from typing import Final

from mirror.core.http.messages import MAX_READ, header
from mirror.core.search.page_text import PageText
from mirror.core.search.reading import MAX_TEXT, html_text, plain_text, xhtml_text
from mirror.core.syntax.character_encoding import decode
from mirror.store.disk.object_store import LocalObjectStore
from mirror.store.disk.objects import Digest
from mirror.store.manifest.records import Resource
from mirror.store.search.kinds import XHTML, Kind
from mirror.store.search.pdf_text import pdf_text

_UTF_8: Final = 4  # bytes of a character, at most
_DOM: Final = "text/html; charset=utf-8"


def read_text(objects: LocalObjectStore, digest: Digest, kind: Kind, shown: Resource | None) -> PageText | None:
    """Return the text of an object. `shown`: a version with it; `None` if it is the DOM that a browser made.

    `None` if it can't be read now: the object is missing, or the reading of a PDF was cut short. Raises `OSError` if the disk
    can't be read.
    """
    try:
        with objects.open(digest) as file:
            if kind is Kind.PDF:
                return pdf_text(file)
            payload = file.read(MAX_READ if kind is Kind.HTML else _UTF_8 * MAX_TEXT)
    except FileNotFoundError:
        return None
    text = decode(payload, header(shown.headers, "content-type") if shown else _DOM).text
    if kind is not Kind.HTML:
        return plain_text(text)
    return xhtml_text(text) if shown and shown.media_type == XHTML else html_text(text)
