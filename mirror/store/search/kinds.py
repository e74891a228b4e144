"""The kinds of documents that have a text to search."""

from collections.abc import Collection
from enum import StrEnum
from importlib.util import find_spec
from typing import Final


class Kind(StrEnum):
    """A kind of document, as `--type` names it."""

    HTML = "html"
    PDF = "pdf"
    TEXT = "text"


PDF: Final = "application/pdf"
XHTML: Final = "application/xhtml+xml"

KINDS: Final = {
    "text/html": Kind.HTML,
    XHTML: Kind.HTML,
    PDF: Kind.PDF,
    "text/plain": Kind.TEXT,
    "text/markdown": Kind.TEXT,
}
"""Media type -> kind of document."""


def media_types(kinds: Collection[str]) -> list[str]:
    """Return the media types of some kinds; of none, all."""
    return [media_type for media_type, kind in KINDS.items() if kind in kinds or not kinds]


def reads_pdf() -> bool:
    """Return whether the library that reads PDF files is installed."""
    return find_spec("pypdf") is not None


def readable_types() -> list[str]:
    """Return the media types whose text can be read here."""
    return [media_type for media_type, kind in KINDS.items() if kind is not Kind.PDF or reads_pdf()]
