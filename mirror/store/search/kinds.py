"""The kinds of documents that have a text to search."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A kind of document, as `--type` names it."""

    HTML = "html"
    TEXT = "text"


KINDS: Final = {
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "text/plain": Kind.TEXT,
    "text/markdown": Kind.TEXT,
}
"""Media type -> kind of document."""
