"""Answers that would replace the content of a good copy by nothing, or by a part of it.

Input: how much content the copy has, and the new answer. Output: the objection, in words for a user, or `None`. This module
doesn't judge an answer without an earlier one: a page that was always empty is empty.
"""

from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import Response, is_of_resource, status_text

EMPTY: Final = "empty where there was content"
CUT_SHORT: Final = "maybe cut short: shorter than before, and of no announced length"

_TAIL: Final = 1024
"""Bytes at the end of a document among which its last end tag is."""


def objection(size: int, now: Response) -> str | None:
    """Return why an answer must not replace a copy whose content has `size` bytes; `None` if it may.

    A redirect may: it has no content, but leads to some.
    """
    if not size or now.is_redirect:
        return None
    if not now.has_content:
        return EMPTY if now.is_success and is_of_resource(now.status) else status_text(now.status)
    is_doubtful = now.is_open_ended and now.size < size
    return CUT_SHORT if is_doubtful and not _is_ended(now) else None


def _is_ended(response: Response) -> bool:
    """Whether a document ends as HTML does, and so is whole. Of other payloads the end can't be seen."""
    text = None if response.spooled else documents.html_text(response)
    return text is not None and "</html>" in text[-_TAIL:].lower()
