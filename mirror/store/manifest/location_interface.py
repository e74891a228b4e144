"""What a database offers about the paths of URLs in the tree: which a URL has, to which documents link, and who has which."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.local_paths import LocalPath
from mirror.store.manifest.records import Resource

Found = Sequence[tuple[int, Reference]]
"""The references of a document in document order, each with the id of its target URL."""

PathOf = Callable[[Resource, bool], LocalPath]
"""Returns the path of a version by some law of names; the second argument says whether it is crowded out."""


class Locations(Protocol):
    """The paths of URLs in the tree.

    The resolution of a URL is the path that published documents link to; without one they link to the absolute URL. The path
    of a URL is where its file is. While a run lasts the two may differ; `settle` brings them together.
    """

    def resolutions(self, resource: Resource, found: Found | None = None) -> dict[CanonicalURL, LocalPath]:
        """Return the resolutions of the URLs that a document refers to. URLs without a resolution are missing.

        `found`, if given: all references of the document, so that nothing has to be read about URLs that were met lately.
        """

    def expect(self, places: Sequence[tuple[int, LocalPath]]) -> None:
        """Set the resolution of those of these URLs that have neither a resolution nor a current version.

        The documents that refer to them become stale.
        """

    def settle(self, changed: Sequence[tuple[int, LocalPath | None]]) -> None:
        """Set the resolutions of these URLs. The documents that refer to them become stale."""

    def all_urls(self) -> Iterator[tuple[int, LocalPath | None, LocalPath | None, int | None]]:
        """Iterate over all URLs, by id: the id, the resolution, the path, and the id of the URL that this one leads to.

        The path is that of the current version; if that has none, the path of a file that is to leave the tree but is not
        released. A redirect leads to its target; a URL without a path leads to the URL that it is an alias of.
        """

    def unsettled(self) -> Iterator[tuple[int, str | None, LocalPath | None, int | None]]:
        """Iterate over the URLs whose resolution is not their path, and those that lead to another URL, as `all_urls` does.

        The resolution comes as it is stored, to be compared and not to be used as a path.
        """

    def place(self, url_id: int) -> tuple[LocalPath | None, int | None]:
        """Return the path of one URL, and the id of the URL that it leads to, as `all_urls` does."""

    # --- who has which path --------------------------------------------------------------------------------------------

    def holder(self, path: LocalPath, but: int) -> int | None:
        """Return the id of the URL whose current version has this path, if it is another one than `but`."""

    def is_folder(self, path: LocalPath) -> bool:
        """Return whether a current version, or a file that is to leave the tree, has a path below this one."""

    def holders_above(self, path: LocalPath) -> list[int]:
        """Return the ids of the URLs whose current versions have the path of a folder in which this path is."""

    def move(self, url_id: int, path: LocalPath) -> None:
        """Give the current version of a URL another path. It becomes stale."""

    def matching(self, pattern: str) -> list[int]:
        """Return the ids of the URLs whose current versions have a path that matches this pattern of `GLOB`."""

    def shared(self) -> list[list[int]]:
        """Return groups of URLs, by id, whose current versions have one path."""

    # --- another law of names ------------------------------------------------------------------------------------------

    def plan(self, path_of: PathOf, at: int | None = None) -> None:
        """Determine the paths of all versions by a law of names; with `at`, of those that this snapshot shows.

        Without `at`, it is called inside of the transaction that carries it out. A version is crowded out if another URL has
        its path, and goes before it by `Resource.precedence`; if the path is a folder of another one; or if it is the path of
        a version that was crowded out.
        """

    def planned(self, resource: Resource) -> LocalPath | None:
        """Return the path that `plan` determined for a version."""

    def carry_out(self) -> int:
        """Give all versions the paths of `plan`; return how many current files move.

        Their old files are to leave the tree. All documents become stale, and their earlier copies unknown.
        """
