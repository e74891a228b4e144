"""Which answers with status 404 or 410 are kept as pages.

The law
-------
1. An answer counts if it has a page (`core.policy.error_pages`), and somebody asked for it:
   - the user: it is a start, or a start redirects to it;
   - a script: a page gave itself this address (`history.pushState`), or went there (`location`);
   - in documents nothing links to it, but a browser saw a link on a page, and it runs the same scripts as that page: it is a
     view of that application. A string in a script is no link, and does not matter.
2. It doesn't replace what the server had at the URL before: that page is gone. It replaces an earlier page of this kind.
3. Links in documents ask for nothing. If there is nothing behind one, it is broken.

Only 404 and 410 speak of the URL. A page with 401, 403, 429 or 5xx is about the visitor or the moment, so it is a failure, and
the summary says what may help.
"""

from collections.abc import Callable, Iterator

from mirror.core.http.messages import MAX_REDIRECTS, Response
from mirror.core.policy import error_pages
from mirror.core.policy.scope import Role
from mirror.store.disk.objects import Digest
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, Resource, Standing

_MAX_PAGES = 5

Received = Callable[[Resource, Digest], Response]
"""Returns the answer of a version as it was received."""


def counts(manifest: Manifest, entry: Entry, response: Response, received: Received) -> bool:
    """Return whether an answer with status 404 or 410 is kept as a page; see the law above."""
    before = manifest.resources.current(entry.id)
    had_page = before is not None and before.path is not None and before.standing is not Standing.ERROR
    if before and had_page and not before.is_error_page:
        return False
    return error_pages.is_page(response) and (
        had_page
        or any(_is_asked_for(manifest, one) for one in _with_redirects(manifest, entry))
        or _is_view(manifest, entry, response, received)
    )


def _is_asked_for(manifest: Manifest, entry: Entry) -> bool:
    return Role.PAGE in entry.roles and (entry.depth == 0 or manifest.links.is_route(entry.id))


def _with_redirects(manifest: Manifest, entry: Entry) -> Iterator[Entry]:
    """Yield an entry, and the redirects that led to it, the nearest first."""
    for _ in range(MAX_REDIRECTS):
        yield entry
        referrer = entry.referrer_id
        if referrer is None or manifest.locations.place(referrer)[1] != entry.id:
            return
        entry = manifest.frontier.entries([referrer])[referrer]


def _is_view(manifest: Manifest, entry: Entry, response: Response, received: Received) -> bool:
    """Whether only scripts link to a URL, and its page is one of the same application as the page that does."""
    if Role.PAGE not in entry.roles or not manifest.links.is_seen_only(entry.id):
        return False
    pages = [manifest.resources.current(page_id) for page_id in manifest.links.seen_on(entry.id, _MAX_PAGES)]
    return any(
        error_pages.run_the_same_scripts(received(page, page.digest), response)
        for page in pages
        if page and page.digest and page.is_html
    )
