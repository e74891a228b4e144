"""Pages that a server sends with status 404 or 410: an application that shows its route, or no more than "not found".

Static hosts (GitHub Pages, S3, `error_page` of nginx) send one document, `404.html`, for each URL that has no file. If it is an
application, its scripts look at the URL and show the page. This module doesn't know who asked for a URL
(`store.rules.error_pages`).
"""

import re
from typing import Final

from mirror.core.document import documents
from mirror.core.http.messages import GONE, Response
from mirror.core.policy.dynamic_pages import find_signs, has_little_text
from mirror.core.url import media_types
from mirror.core.url.media_types import Document

_LEADS_ON: Final = re.compile(
    r"<(?:a|area|link|img|i?frame|object|embed|video|base)\s[^<>]{0,2000}?\b(?:href|src|srcset|data)\s{0,3}=",
    re.IGNORECASE,
)


def is_page(response: Response) -> bool:
    """Whether an answer with status 404 or 410 has a page: HTML with a script, a link, an image or some text.

    The few words that servers send by themselves are no page.

    >>> def answer(body): return Response("http://h/", 404, [("Content-Type", "text/html")], body)
    >>> is_page(answer(b'<div id=root></div><script src="/app.js"></script>'))
    True
    >>> is_page(answer(b"<title>404 Not Found</title><center><h1>404 Not Found</h1></center><hr><center>nginx</center>"))
    False
    """
    text = _text(response) if response.status in GONE else None
    return text is not None and (
        bool(find_signs(text, response.url).signs) or bool(_LEADS_ON.search(text)) or not has_little_text(text)
    )


def run_the_same_scripts(page: Response, other: Response) -> bool:
    """Whether two pages have scripts, and the same ones: they are pages of one application."""
    first, second = [find_signs(_text(one) or "", page.url) for one in (page, other)]
    return bool(first.signs) and first.template == second.template


def _text(response: Response) -> str | None:
    """Return the text of HTML or XHTML; `None` if a response is neither, or too long to be read."""
    if response.spooled or media_types.DOCUMENTS.get(response.media_type) is not Document.HTML:
        return None
    document = documents.read(response, response.media_type)
    return document[1].text if document else None
