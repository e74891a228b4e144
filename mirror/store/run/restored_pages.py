"""Restoring pages: if a run is held, pages whose content is lost get back their last good version.

Only pages that have another file now need this, such as those that became redirects, and aliases. The file of a page that is
gone is still in the tree, and waits there for the user to decide.
"""

from collections.abc import Sequence
from dataclasses import replace

from mirror.core.document import documents
from mirror.core.http.messages import status_text
from mirror.store.manifest.records import BUT_HELD, ChangedPage, Standing
from mirror.store.rules.loss_check import is_folded
from mirror.store.rules.unvisited import add_departure
from mirror.store.run.context import RunContext


def restore(run: RunContext, pages: Sequence[ChangedPage]) -> None:
    """Record the version of the newest complete snapshot as KEPT for each page that has another file or is an alias now."""
    for page in pages:
        now = run.manifest.resources.current(page.url_id)
        if now is not None and (now.path is not None or is_folded(page)) and run.archive.objects.has(page.content):
            if is_folded(page):
                run.manifest.decisions.set_aliases([(page.url_id, None)])
                run.manifest.frontier.set_reason(page.url_id, None)
            _restore(run, page)


def _restore(run: RunContext, page: ChangedPage) -> None:
    manifest = run.manifest
    now, before = manifest.resources.current(page.url_id), manifest.resources.reopen(page.url_id)
    if now is None or before is None:
        return
    found = documents.find_references(run.archive.response(before, page.content), extra=run.archive.attributes)
    error = f"{status_text(now.status or 0)}, {BUT_HELD}"
    kept = replace(
        run.archive.naming.with_path(before), standing=Standing.KEPT, error=error, checked=now.checked, stale=True
    )
    kept = manifest.resources.record(run.snapshot, before, kept, manifest.frontier.with_ids(found))
    add_departure(manifest, now, kept)
