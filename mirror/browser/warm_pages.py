"""What a page stored, for other pages of its template: a reader opens them with it.

Loaders that keep modules in `localStorage` request other files on the second page that a reader opens than on the first.
Nothing here is stored: each run begins anew.
"""

from typing import TYPE_CHECKING

from mirror.browser import limits

if TYPE_CHECKING:
    from playwright.async_api import StorageState


class WarmPages:
    """What a run has kept: for each template, what its first page stored, and how many pages are still to be opened with it."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[StorageState, int]] = {}

    def take(self, template: str) -> "StorageState | None":
        """Return what to open a page of a template with, once more; `None` if there is nothing, or enough pages were opened."""
        storage, left = self._kept.get(template, (None, 0))
        if storage is None or not left:
            return None
        self._kept[template] = storage, left - 1
        return storage

    def keep(self, template: str, storage: "StorageState | None") -> None:
        """Keep what the first page of a template stored."""
        if storage and template not in self._kept and len(self._kept) < limits.MAX_TEMPLATES:
            self._kept[template] = storage, limits.WARM_PAGES
