"""Answers that would replace the content of a good copy by nothing, or by a part of it.

Input: how much content the copy has, and the new answer. Output: the objection, in words for a user, or `None`. This module
doesn't judge an answer without an earlier one: a page that was always empty is empty.
"""

import re
from html import unescape
from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import Response, is_of_resource, status_text

EMPTY: Final = "empty where there was content"
CUT_SHORT: Final = "maybe cut short: shorter than before, and of no announced length"

_MAX_BLANK: Final = 2048
"""Bytes below which a document may be judged to be blank."""

_INVISIBLE: Final = (
    "\0\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{WORD JOINER}\ufeff"
)
_PLAIN_MARKUP: Final = re.compile(
    r"""<!--.*?(?:-->|\Z)|<!doctype[^>]*>|<meta\b(?![^>]*refresh)[^>]*>"""
    r"""|</?(?:html|head|title|body|main|div|center|p|pre|span|br)"""
    r"""(?:\s+(?:lang|xml:lang|xmlns|dir|class|id)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))*\s*/?>""",
    re.IGNORECASE | re.DOTALL,
)
"""Comments, and tags that show nothing by themselves."""

_TAIL: Final = 1024
"""Bytes at the end of a document among which its last end tag is."""


def objection(size: int, now: Response) -> str | None:
    """Return why an answer must not replace a copy whose content has `size` bytes; `None` if it may.

    A redirect may: it has no content, but leads to some.
    """
    if not size or now.is_redirect:
        return None
    if not now.has_content or is_blank(now):
        return EMPTY if now.is_success and is_of_resource(now.status) else status_text(now.status)
    is_doubtful = now.is_open_ended and now.size < size
    return CUT_SHORT if is_doubtful and not _is_ended(now) else None


def is_blank(response: Response) -> bool:
    """Whether a short HTML document shows nothing, and leads nowhere: its few plain tags have neither text nor a title in them.

    In doubt it isn't blank: any other element may show something, such as an image or a script.
    """
    text = documents.html_text(response) if response.size < _MAX_BLANK else None
    return text is not None and all(map(_is_invisible, unescape(_PLAIN_MARKUP.sub("", text))))


def _is_invisible(character: str) -> bool:
    return character.isspace() or character in _INVISIBLE


def _is_ended(response: Response) -> bool:
    """Whether a document ends as HTML does, and so is whole. Of other payloads the end can't be seen."""
    text = None if response.spooled else documents.html_text(response)
    return text is not None and "</html>" in text[-_TAIL:].lower()
