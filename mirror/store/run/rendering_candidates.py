"""Finds recorded pages that may need a browser, and pages that don't work from a disk."""

from typing import Final

from mirror.core.document import documents
from mirror.core.policy import dynamic_pages
from mirror.store.manifest.records import Resource
from mirror.store.run.context import RunContext

MODULES: Final = "module scripts"
"""A reason why a page does not work from a disk; the browser finds others."""


class RenderingCandidates:
    """Looks at each recorded page, and adds those that may need a browser to the rendering queue."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._queue = run.renderings

    def offer(self, resource: Resource, payload: bytes = b"") -> None:
        """Look at a recorded page. `payload` is the received payload; it may be empty if the page did not change."""
        if resource.digest is None:
            return
        may_have_modules = b"module" in payload
        if self._queue is None and not may_have_modules:
            return
        text = documents.html_text(self._run.archive.response(resource, resource.digest)) or ""
        if may_have_modules and dynamic_pages.is_module_built(text):
            self._run.manifest.decisions.add_needs(resource.id, {MODULES})
        if self._queue:
            self._queue.add(resource, dynamic_pages.find_signs(text, resource.url))
