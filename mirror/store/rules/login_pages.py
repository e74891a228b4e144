"""Which URLs of a run end on a login page instead of what they name: the user may want to give cookies.

Only a hint of the summary and the exit code depend on it. A login page is kept as any other page.
"""

from collections.abc import Iterator, Sequence

from mirror.core.document import documents
from mirror.core.policy.scope import Role
from mirror.core.policy.soft_errors import is_login_page, leads_to_login
from mirror.core.url.canonical import CanonicalURL, is_web
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Entry, LoginPages, State
from mirror.store.rules.error_pages import Received

_TEMPORARY = 302


def login_pages(manifest: Manifest, starts: Sequence[CanonicalURL], received: Received) -> LoginPages | None:
    """Return how many URLs end on a login page; `None` if none does. A start that names a login page does not count."""
    found = [*_redirects(manifest), *_starts(manifest, starts, received)]
    if not found:
        return None
    first = next((url for url in found if url in starts), found[0])
    return LoginPages(len(found), first, are_starts=first in starts)


def _redirects(manifest: Manifest) -> Iterator[CanonicalURL]:
    """Yield the pages that redirect to a login page, unless that sends the visitor on, as for a single sign-on."""
    for entry in manifest.frontier.redirects():
        target = _target(manifest, entry)
        resource = manifest.resources.current(entry.id)
        if target is None or resource is None or Role.PAGE not in entry.roles:
            continue
        login = manifest.resources.current(target.id)
        is_end = target.state is not State.DONE or login is None or not login.is_redirect
        if is_end and leads_to_login(entry.url, resource.status or 0, target.url):
            yield entry.url


def _target(manifest: Manifest, redirect: Entry) -> Entry | None:
    target = manifest.locations.place(redirect.id)[1]
    return None if target is None else manifest.frontier.entries([target]).get(target)


def _starts(manifest: Manifest, starts: Sequence[CanonicalURL], received: Received) -> Iterator[CanonicalURL]:
    """Yield the starts that are answered with a login page at once."""
    for url_id in manifest.frontier.find([url for url in starts if is_web(url)]).values():
        page = manifest.resources.current(url_id)
        if page is None or page.digest is None or not page.is_html or leads_to_login(page.url, _TEMPORARY, page.url):
            continue
        if is_login_page(documents.html_text(received(page, page.digest)) or ""):
            yield page.url
