"""The kinds of documents that have a text to search."""

from enum import StrEnum
from importlib.util import find_spec
from typing import Final


class Kind(StrEnum):
    """A kind of document, as `--type` names it."""

    HTML = "html"
    PDF = "pdf"
    TEXT = "text"


PDF: Final = "application/pdf"

KINDS: Final = {
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    PDF: Kind.PDF,
    "text/plain": Kind.TEXT,
    "text/markdown": Kind.TEXT,
}
"""Media type -> kind of document."""


def reads_pdf() -> bool:
    """Return whether the library that reads PDF files is installed."""
    return find_spec("pypdf") is not None


def readable_types() -> list[str]:
    """Return the media types whose text can be read here."""
    return [media_type for media_type, kind in KINDS.items() if kind is not Kind.PDF or reads_pdf()]
