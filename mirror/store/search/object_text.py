"""Reads the text of an object.

Input: an object, the kind of document that it is read as, and its Content-Type. Output: `PageText`.
"""

from typing import Final

from mirror.core.http.messages import MAX_READ
from mirror.core.search.page_text import PageText
from mirror.core.search.reading import MAX_TEXT, html_text, plain_text
from mirror.core.syntax.character_encoding import decode
from mirror.store.disk.object_store import LocalObjectStore
from mirror.store.disk.objects import Digest
from mirror.store.search.kinds import Kind
from mirror.store.search.pdf_text import pdf_text

_UTF_8: Final = 4  # bytes of a character, at most


def read_text(objects: LocalObjectStore, digest: Digest, kind: Kind, content_type: str | None) -> PageText | None:
    """Return the text of an object; `None` if the object is missing. Raises `OSError` if the disk can't be read."""
    try:
        with objects.open(digest) as file:
            if kind is Kind.PDF:
                return pdf_text(file)
            payload = file.read(MAX_READ if kind is Kind.HTML else _UTF_8 * MAX_TEXT)
    except FileNotFoundError:
        return None
    text = decode(payload, content_type).text
    return html_text(text) if kind is Kind.HTML else plain_text(text)
