"""Finds recorded pages that may need a browser, and pages that don't work from a disk.

If the run has no browser, although the user did not decide against one, it looks for one page that needs it.
"""

from typing import TYPE_CHECKING, Final

from mirror.core.document import documents
from mirror.core.policy import dynamic_pages
from mirror.store.manifest.records import Resource
from mirror.store.run.context import RunContext

if TYPE_CHECKING:
    from mirror.core.url.canonical import CanonicalURL

LOOKS: Final = 100
"""How many pages with scripts a run without a browser looks at to find one that needs it. Each takes about a millisecond."""

MODULES: Final = "module scripts"
"""A reason why a page does not work from a disk; the browser finds others."""


class RenderingCandidates:
    """Looks at each recorded page, and adds those that may need a browser to the rendering queue."""

    def __init__(self, run: RunContext) -> None:
        self.in_need: CanonicalURL | None = None
        """A page that scripts build, in a run that misses a browser; `None` if none was seen."""
        self._run = run
        self._queue = run.renderings
        self._looks = LOOKS if run.misses_browser else 0

    def offer(self, resource: Resource, payload: bytes = b"") -> None:
        """Look at a recorded page. `payload` is the received payload; it may be empty if the page did not change."""
        if resource.digest is None:
            return
        may_be_in_need = self._looks > 0 and b"script" in payload
        has_modules = dynamic_pages.may_have_modules(payload)
        if self._queue is None and not may_be_in_need and not has_modules:
            return
        if payload and not dynamic_pages.may_have_scripts(payload):
            if self._queue:
                self._queue.add(resource, dynamic_pages.NOTHING)
            return
        text = documents.html_text(self._run.archive.response(resource, resource.digest)) or ""
        if has_modules and dynamic_pages.is_module_built(text):
            self._run.manifest.decisions.add_needs(resource.id, {MODULES})
        if may_be_in_need:
            self._look(resource, text)
        if self._queue:
            self._queue.add(resource, dynamic_pages.find_signs(text, resource.url))

    def _look(self, resource: Resource, text: str) -> None:
        self._looks -= 1
        is_short = dynamic_pages.has_little_text(text)
        if is_short and dynamic_pages.is_built_by_scripts(text, dynamic_pages.find_signs(text, resource.url)):
            self.in_need, self._looks = resource.url, 0
