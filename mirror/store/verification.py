"""Verification: finds damage in an archive, and repairs what can be repaired without a server.

Input: an archive. Output: a `Damage` for everything that is missing or has the wrong content. Objects and copies are hashed. A
file of the tree is right if it is a hard link to its object or copy, or has the same content.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mirror.store import searching
from mirror.store.archive import Archive
from mirror.store.disk.layout import KEPT
from mirror.store.disk.object_store import LocalObjectStore
from mirror.store.disk.objects import Digest
from mirror.store.disk.symlink_guard import opener
from mirror.store.index_page import INDEX
from mirror.store.manifest.records import LOST_HERE, Outcome, Resource, Standing
from mirror.store.search.database import remove
from mirror.store.search.schema import FILES


class DamagedPart(StrEnum):
    """The part of an archive that is damaged."""

    MANIFEST = "manifest"
    OBJECT = "object"
    COPY = "copy"
    TREE = "tree"
    SEARCH = "search index"


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that is missing or has the wrong content. `resources` are the versions that use it, current ones first."""

    part: DamagedPart
    place: Path
    what: str
    digest: Digest | None = None
    resources: tuple[Resource, ...] = ()


def verify(archive: Archive) -> Iterator[Damage | None]:
    """Check everything; yields a `Damage` for each damaged thing, and `None` for each intact one."""
    found = archive.manifest.damage()
    if found:
        yield Damage(DamagedPart.MANIFEST, archive.manifest.path, found)
    sizes = archive.manifest.retention.sizes()
    for part, store, digests in (
        (DamagedPart.OBJECT, archive.objects, archive.manifest.retention.objects_in_use()),
        (DamagedPart.COPY, archive.copies, archive.manifest.retention.copies_in_use()),
    ):
        for digest in sorted(digests):
            size = sizes.get(digest) if part is DamagedPart.OBJECT else None
            yield None if store.is_whole(digest, size) else _stored(archive, part, store, digest)
    for resource in archive.manifest.resources.all():
        yield None if resource.stale else _published(archive, resource)
    if what := searching.damage(archive.root):
        yield Damage(DamagedPart.SEARCH, archive.root / KEPT / FILES[0], what)


def unknown_files(archive: Archive) -> Iterator[Path]:
    """Yield the files in the tree that the archive did not write."""
    own = {archive.root / str(resource.path) for resource in archive.manifest.resources.all()} | {archive.root / INDEX}
    own |= {archive.root / path for path in archive.manifest.departures.all()}
    for place in sorted(archive.root.rglob("*")):
        inside = place.relative_to(archive.root).parts[0] != KEPT
        if inside and place not in own and (place.is_symlink() or not place.is_dir()):
            yield place


def repair(archive: Archive, damages: Iterable[Damage]) -> list[Resource]:
    """Repair what can be repaired from the archive itself, and remove damaged objects and copies and a damaged search index.

    Returns what has to be fetched again: versions with lost objects that their servers may still have.
    """
    lost: list[Resource] = []
    for damage in damages:
        if damage.part is DamagedPart.TREE:
            with archive.manifest.transaction():
                archive.manifest.resources.mark_stale([resource.id for resource in damage.resources])
        elif damage.part is DamagedPart.SEARCH:
            remove(archive.root / KEPT)
        elif damage.digest and not (damage.part is DamagedPart.OBJECT and _rescue(archive, damage)):
            store = archive.objects if damage.part is DamagedPart.OBJECT else archive.copies
            store.remove(damage.digest)
            with archive.manifest.transaction():
                archive.manifest.resources.mark_lost([damage.digest])
            if damage.part is DamagedPart.OBJECT:
                lost += [resource for resource in damage.resources if _may_return(archive, resource)]
    return lost


def unanswered(archive: Archive, damages: Iterable[Damage]) -> list[Damage]:
    """Return the lost objects that a server may still have: their URLs got no answer that is final."""
    return [
        damage
        for damage in damages
        if damage.part is DamagedPart.OBJECT
        and damage.digest
        and not archive.objects.has(damage.digest)
        and any(_may_return(archive, resource) for resource in damage.resources)
    ]


def give_up(archive: Archive, damages: Iterable[Damage]) -> list[Resource]:
    """Record what is lost for good, except what is `unanswered`; return the versions that lost their payload.

    If the file of such a version is its copy, with links into the tree, it stays in the tree as a file that the archive does
    not know: it is all that is left. Any other file of it is removed.
    """
    damages = list(damages)
    waiting = {damage.digest for damage in unanswered(archive, damages)}
    gone = {damage.digest: damage for damage in damages if damage.part is DamagedPart.OBJECT and damage.digest}
    lost: list[Resource] = []
    for digest, damage in gone.items():
        if digest is not None and digest not in waiting and not archive.objects.has(digest):
            lost += damage.resources
            current = [
                one for one in archive.manifest.retention.users_of(digest) if one.path and _is_current(archive, one)
            ]
            broken = [one for one in current if not archive.manifest.resources.copy(one) or _published(archive, one)]
            with archive.manifest.transaction():
                archive.manifest.retention.give_up(digest)
            for resource in broken:
                assert resource.path is not None
                archive.tree.remove(resource.path)
    if lost:
        for _ in archive.settle():
            pass
        with archive.manifest.transaction():
            for snapshot in archive.history.snapshots():
                if snapshot.outcome is not Outcome.INCOMPLETE:
                    archive.history.count(snapshot.id, snapshot.numbers.noise)
        archive.back_up()
    return lost


def _is_current(archive: Archive, resource: Resource) -> bool:
    current = archive.manifest.resources.current(resource.url_id)
    return current is not None and current.id == resource.id


def _may_return(archive: Archive, resource: Resource) -> bool:
    """Whether a server may still have the payload: nothing replaced it, and the server has not said that it is gone.

    A server that is down, or refuses the request, says nothing about what it has.
    """
    current = archive.manifest.resources.current(resource.url_id)
    if current is None:
        return False
    if current.id == resource.id:
        return current.path is not None
    return current.standing is Standing.FAILED and current.error != LOST_HERE


def _stored(archive: Archive, part: DamagedPart, store: LocalObjectStore, digest: Digest) -> Damage:
    what = "its content has changed" if store.has(digest) else "it is missing"
    users = (
        archive.manifest.retention.users_of(digest)
        if part is DamagedPart.OBJECT
        else archive.manifest.retention.users_of_copy(digest)
    )
    return Damage(part, store.path(digest), what, digest, tuple(users))


def _published(archive: Archive, resource: Resource) -> Damage | None:
    assert resource.path is not None
    place = archive.root / resource.path
    copy = archive.manifest.resources.copy(resource)
    digest = copy or resource.digest
    assert digest is not None
    source = (archive.copies if copy else archive.objects).path(digest)
    with suppress(OSError):
        if place.samefile(source) and not place.is_symlink():
            return None  # damage of the object itself was reported already
    if place.is_symlink():
        return Damage(DamagedPart.TREE, place, "it is a symbolic link", None, (resource,))
    if not place.is_file():
        return Damage(DamagedPart.TREE, place, "it is missing", None, (resource,))
    if _digest(place) != digest:
        return Damage(DamagedPart.TREE, place, "its content has changed", None, (resource,))
    return None


def _rescue(archive: Archive, damage: Damage) -> bool:
    """Restore a lost object if a file of the tree still has its content; return whether there was one."""
    for resource in damage.resources:
        place = archive.root / (resource.path or "")
        if resource.path and place.is_file() and not place.is_symlink() and _digest(place) == damage.digest:
            archive.objects.remove(damage.digest)
            with archive.manifest.transaction():
                archive.manifest.resources.add_unsynced([archive.objects.put(_read(place))])
            return True
    return False


def _read(place: Path) -> bytes:
    with open(place, "rb", opener=opener) as file:
        return file.read()


def _digest(place: Path) -> str:
    with open(place, "rb", opener=opener) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
