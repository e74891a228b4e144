"""Naming: the law of names of an archive, and which of two files that want one place gets it.

`core.url.local_paths` has the laws. Two files may want one place: `a/` and `a/index.html`, a file and the folder of its name,
or `a@b` and `a%40b`. Then one of them is crowded out, and gets a path of its own:

- A file, if a file of another URL is in the folder of its name.
- Of several files, all but the first by `Resource.precedence`. While two have the same content, they share the file; at the end
  of the run, `aliases.fold` makes one of them an alias of the other.
- A file in whose place another one is that was crowded out.

So a name depends on the URLs that the archive has, not on the order in which they came.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from mirror.core.syntax.reference import Kind
from mirror.core.url.canonical import CanonicalURL, split
from mirror.core.url.local_paths import Law, LocalPath, Names, read_law
from mirror.store.disk.errors import StorageError
from mirror.store.disk.name_probe import keeps_names
from mirror.store.manifest.interface import Manifest
from mirror.store.manifest.records import Resource, Snapshot
from mirror.store.rules.answer_versions import are_said_alike

_LAW: Final = "law of names"
_MARKED: Final = {Names.EXACT: ("*~~*", "*/%~*"), Names.PORTABLE: ("*/index~a*",)}
"""Patterns that the paths of all files match that were crowded out."""

_MOST_FOLDERS: Final = 10_000


class Naming:
    """The names of the files of one archive."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._clear: set[str] = set()  # folders of files, in whose place no file is
        stored = manifest.decisions.fact(_LAW)
        kept = read_law(stored or "")
        self.law = kept or Law(Names.PORTABLE)
        self.is_kept = kept is not None
        """Whether the files of the tree have the names of this law. Else they were named by an earlier program."""
        self.is_bare_open = False
        """Whether the first answer is still to decide which scheme is the bare one."""
        self.snapshot: Snapshot | None = None
        """That of the run, if there is one: a file that moves is another version from then on."""
        self._moved: list[int] = []  # the URLs whose versions got another path

    def keep(self, law: Law, *, is_bare_open: bool = False) -> None:
        """Store the law, by which all paths are named from now on. Called inside a transaction."""
        self.law, self.is_kept, self.is_bare_open = law, True, is_bare_open
        if not is_bare_open:
            self._manifest.decisions.set_fact(_LAW, str(law))

    def choose(self, names: Names | None, starts: Sequence[CanonicalURL], folder: Path) -> int:
        """Choose the law that the user wants, and name all files by it; return how many files of the tree get another name.

        `names` are those that the user wants; `None`: those of the archive, or the best for the file system of `folder`.
        `starts` are those of the first run. Raises `StorageError` if that file system can't have such names.
        """
        wanted = names or (self.law.names if self.is_kept else None)
        can_be_exact = wanted is not Names.PORTABLE and keeps_names(folder)
        if wanted is Names.EXACT and not can_be_exact:
            raise StorageError(f"{folder}: this file system can't keep all names apart: use --names portable")
        wanted = Names.EXACT if can_be_exact else Names.PORTABLE
        if self.is_kept and wanted is self.law.names:
            return 0
        if next(self._manifest.resources.all(), None) is None:
            self.keep(Law(wanted), is_bare_open=bool(starts) and all(map(_is_http, starts)))
            return 0
        law = Law(wanted, self.law.bare if self.is_kept else self._first_scheme())
        self._manifest.locations.plan(lambda one, crowded: path_of(law, one, crowded))
        renamed = self._manifest.locations.carry_out()
        self.keep(law)
        return renamed

    def _first_scheme(self) -> str:
        """Return the scheme of the bare hosts of an archive that has none yet: that at which its first start was found."""
        starts = self._manifest.runs.starts()
        if not starts or not all(map(_is_http, starts)):
            return "https"
        ids = self._manifest.frontier.find(starts[:1])
        first = next(map(self._manifest.resources.current, ids.values()), None)
        links = self._manifest.links.of(first) if first and first.is_redirect else ()
        return bare_scheme(next((ref.url for _, ref in links if ref.kind is Kind.REDIRECT), starts[0]))

    def path(self, resource: Resource, crowded: bool = False) -> LocalPath:  # noqa: FBT001, FBT002 - it is a `PathOf`
        """Return the path of a version by the law alone."""
        return path_of(self.law, resource, crowded)

    def expected(self, url: CanonicalURL, media_type: str) -> LocalPath:
        """Return the path that an answer gets if nothing crowds it out."""
        law = replace(self.law, bare=bare_scheme(url)) if self.is_bare_open else self.law
        return law.path(url, media_type)

    def placed(self, resource: Resource, before: Resource | None, *, shares: bool = True) -> Resource:
        """Return a good version with its path. Whatever has to make room for it gets another path.

        `before` is the current version of the URL. `shares`: it may have the file of another URL with the same content.
        """
        path = self.path(resource)
        if before and before.path == path and before.is_redirect == resource.is_redirect and self._is_alone(before):
            return replace(resource, path=path)
        if self._manifest.locations.is_folder(path) or self._goes_behind(path, resource, shares=shares):
            path = self.path(resource, crowded=True)
            self._goes_behind(path, resource, shares=False)
        if path in self._clear:
            self._clear.clear()
        self._clear_folders(path)
        return replace(resource, path=path)

    def take_moved(self) -> list[Resource]:
        """Return the versions that got another path since the last call, and are still current."""
        moved, self._moved = self._moved, []
        found = map(self._manifest.resources.current, moved)
        return [one for one in found if one]

    def has_room(self, resource: Resource) -> bool:
        """Return whether no other file has to make room for that of a version."""
        path = self.path(resource)
        return not self._manifest.locations.holders_above(path) and not self._manifest.locations.holder(
            path, resource.url_id
        )

    def with_path(self, resource: Resource) -> Resource:
        """Return a good copy with its path in the tree, which the rules of an earlier run may have taken away."""
        return resource if resource.path is not None else replace(self.placed(resource, resource), stale=True)

    def review(self) -> None:
        """At the end of a run, give each file that was crowded out its own place again if nothing needs that any more."""
        for group in self._manifest.locations.shared():
            for url_id in group:
                self._place_again(url_id)
        for url_id in self._crowded_out():
            self._place_again(url_id)

    def twins(self) -> Iterator[tuple[Resource, Resource]]:
        """Iterate over pairs of an index page that was crowded out, and the page of its folder; neither is a redirect."""
        for url_id in self._crowded_out():
            known = self._manifest.resources.current(url_id)
            if known is None or known.path is None or known.path == self.path(known):
                continue
            other = self._manifest.locations.holder(self.path(known), url_id)
            page = other and self._manifest.resources.current(other)
            if page and page.url.endswith("/") and not known.is_redirect and not page.is_redirect:
                yield known, page

    def _crowded_out(self) -> Iterator[int]:
        for pattern in _MARKED[self.law.names]:
            yield from self._manifest.locations.matching(pattern)

    def _is_alone(self, resource: Resource) -> bool:
        return resource.path is not None and self._manifest.locations.holder(resource.path, resource.url_id) is None

    def _goes_behind(self, path: LocalPath, resource: Resource, *, shares: bool) -> bool:
        """Return whether another URL has this path, and goes before this one. If it goes behind, it makes room."""
        other_id = self._manifest.locations.holder(path, resource.url_id)
        other = None if other_id is None else self._manifest.resources.current(other_id)
        if other is None or (shares and _have_one_file(resource, other)):
            return False
        if self.path(resource, crowded=True) != path and (
            self.path(other, crowded=True) == path or other.precedence > resource.precedence
        ):
            return True
        self._crowd_out(other)
        return False

    def _clear_folders(self, path: LocalPath) -> None:
        """Crowd out the files in whose place there has to be a folder."""
        folder = path.rpartition("/")[0]
        if folder in self._clear:
            return
        for url_id in self._manifest.locations.holders_above(path):
            file = self._manifest.resources.current(url_id)
            if file:
                self._crowd_out(file)
        if len(self._clear) >= _MOST_FOLDERS:
            self._clear.clear()
        while folder and folder not in self._clear:
            self._clear.add(folder)
            folder = folder.rpartition("/")[0]

    def _crowd_out(self, file: Resource) -> None:
        self._move(file, self.path(file, crowded=True))

    def _place_again(self, url_id: int) -> None:
        known = self._manifest.resources.current(url_id)
        if known is None or known.path is None:
            return
        path = self.placed(known, known, shares=False).path
        if path is not None and path != known.path:
            self._manifest.departures.add(known.path, url_id, lost=False)
            self._move(known, path)

    def _move(self, resource: Resource, path: LocalPath) -> None:
        if resource.path == path:
            return
        if self.snapshot:
            moved = replace(resource, path=path, stale=True)
            self._manifest.resources.record(self.snapshot, resource, moved, None)
        else:
            self._manifest.locations.move(resource.url_id, path)
        self._moved.append(resource.url_id)


def path_of(law: Law, resource: Resource, crowded: bool = False) -> LocalPath:  # noqa: FBT001, FBT002
    """Return the path of a version by a law of names. A redirect is a small page."""
    shown = "text/html" if resource.is_redirect else resource.media_type or ""
    return law.path(resource.url, shown, crowded=crowded)


def _have_one_file(one: Resource, other: Resource) -> bool:
    """Return whether the files of two good versions have the same content. That of a redirect is where it leads."""
    if one.digest is None or one.digest != other.digest or one.is_redirect or other.is_redirect:
        return False
    return one.precedence[0] == other.precedence[0] > 0 and are_said_alike(one, other)


def _is_http(url: CanonicalURL) -> bool:
    return split(url).scheme == "http"


def bare_scheme(first: CanonicalURL) -> str:
    """Return the scheme whose hosts have bare folders, by the first URL that was not sent on."""
    return "http" if _is_http(first) else "https"
