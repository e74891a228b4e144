"""Error files: the answers of pages that failed, kept as files because the user wants them (`keep_errors`).

They stay failures, in the counts and in the exit code, and their links are not followed. Where there was a page before, its
last good copy stays, and a page that is gone (404, 410) leaves the tree as in every run. The decision is made at the end of a
run, when it is known which URLs are pages, so that the order of answers does not matter.
"""

import sys
from dataclasses import replace

from mirror.core.policy.scope import Role
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Resource, Snapshot, Standing
from mirror.store.rules.naming import Naming

_PAGES = frozenset({Role.PAGE, Role.FRAME})


def keep_errors(manifest: Manifest, naming: Naming, snapshot: Snapshot) -> None:
    """Give the answers of pages that failed in a run a path in the tree."""
    lost = {page.url_id for page in manifest.departures.changed_pages()}
    failed = [url for url, _, _ in manifest.runs.failures(sys.maxsize)]
    for entry in manifest.frontier.entries(manifest.frontier.find(failed).values()).values():
        known = manifest.resources.current(entry.id)
        wanted = known is not None and entry.roles & _PAGES and entry.id not in lost
        if known and wanted and _has_body(known) and naming.has_room(known):
            manifest.resources.record(snapshot, known, error_file(known, naming), None)


def error_file(failed: Resource, naming: Naming) -> Resource:
    """Return the version of a failure whose answer is kept as a file."""
    return replace(naming.with_path(failed), standing=Standing.ERROR)


def _has_body(resource: Resource) -> bool:
    return resource.standing in {Standing.GONE, Standing.FAILED} and resource.digest is not None and resource.size > 0
