"""Answers to the requests of a page, as the browser gets them: a stored response, or an error."""

from typing import TYPE_CHECKING, Final

from mirror.browser.records import Document
from mirror.core.http.request_variants import MAX_BODY, PLAIN, Variant, variant

if TYPE_CHECKING:
    from playwright.async_api import Request, Route

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "content-encoding",  # the payload is decoded already
        "content-length",
        "keep-alive",
        "transfer-encoding",
        "strict-transport-security",  # would make the browser request https: URLs where the page has http:
        "alt-svc",
        "report-to",
        "nel",
        "reporting-endpoints",
        "clear-site-data",
        "set-cookie",  # cookies are the crawl's; those in the browser are from scripts
    }
)
"""Response headers that the browser does not receive."""


_SCRIPTS: Final = frozenset({"fetch", "xhr"})
"""Resource types of requests that scripts make."""


async def fulfill(route: "Route", document: Document, *, has_body: bool = True) -> None:
    """Answer a request with a document, without the headers that the browser does not receive."""
    headers: dict[str, str] = {}
    for name, value in document.headers:
        key = name.lower()
        if key not in _HOP_BY_HOP:
            headers[key] = value
    await route.fulfill(status=document.status, headers=headers, body=document.body if has_body else b"")


def other_origin(request: "Request", url: str) -> str | None:
    """The origin of the page, if it would read a response of another one."""
    named = request.headers.get("origin")
    return named if named and not url.startswith(f"{named}/") else None


def asked_variant(request: "Request") -> Variant:
    """What a script sends besides the URL; nothing, if the browser itself makes the request."""
    if request.resource_type not in _SCRIPTS:
        return PLAIN
    method = "GET" if request.method == "HEAD" else request.method
    return variant(method, request.headers, request.post_data_buffer or b"")


def is_question(request: "Request") -> bool:
    """Whether a script sends a body that is short enough to be kept with the answer."""
    body = request.post_data_buffer or b""
    return request.method == "POST" and request.resource_type in _SCRIPTS and len(body) <= MAX_BODY


def abort_code(request: "Request") -> str:
    """The error of a failed request. With "aborted" a navigation leaves the page or frame as it is."""
    return "aborted" if request.is_navigation_request() else "failed"
