"""How an answer becomes a version of a resource, and which path it gets in the tree."""

from collections.abc import Sequence

from mirror.core.document.header_edits import HEADERS
from mirror.core.http import messages
from mirror.core.http.messages import GONE, Response, header
from mirror.core.policy.scope import Role
from mirror.core.syntax.reference import Kind, Reference
from mirror.core.url.local_paths import Law
from mirror.store.manifest.records import Entry, Resource, Standing


def version(entry: Entry, response: Response, references: Sequence[Reference], now: str, law: Law) -> Resource:
    """Make the version of an answer, without its payload. An error gets no path in the tree, nor does a redirect to nowhere.

    The path is that by the law of names alone (`store.rules.naming`).
    """
    good = response.is_success or (response.is_redirect and any(ref.kind is Kind.REDIRECT for ref in references))
    error = messages.status_text(response.status) + (" without a valid target" if response.is_redirect else "")
    media_type = response.media_type if response.status else None
    shown = "text/html" if response.is_redirect else media_type or ""
    missing = Standing.GONE if response.status in GONE else Standing.FAILED
    return Resource(
        url_id=entry.id,
        url=entry.url,
        fetched=now,
        status=response.status,
        headers=messages.without_cookies(response.headers),
        digest=None,
        size=0,
        media_type=media_type,
        path=law.path(entry.url, shown) if good else None,
        discovered_from=entry.referrer_id,
        error=None if good else error,
        stale=good,
        standing=Standing.PRESENT if good else missing,
    )


def reads_alike(before: Resource, now: Resource) -> bool:
    """Return whether the files of two versions have the same content: that of the payload, and what only headers say."""
    return before.content == now.content and are_said_alike(before, now)


def are_said_alike(one: Resource, other: Resource) -> bool:
    """Return whether the headers of two versions say the same of their payloads."""
    return all(header(one.headers, name) == header(other.headers, name) for name in HEADERS)


def is_page(entry: Entry, resource: Resource) -> bool:
    """Return whether a resource is a page of the mirror: HTML that is wanted as a page."""
    return Role.PAGE in entry.roles and resource.is_html
