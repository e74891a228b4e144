"""An archive on the disk: objects, manifest and tree together, and how the tree follows from the other two.

Owns the target folder. `.mirror/` holds what is kept, all else is derived: `publish_all` makes it again, byte for byte.

Published documents always say what the column `urls.resolution` says, also while a crawl runs: a reference to something that
is still to be fetched leads to where it is expected. `settle` compares that with what came, and publishes again only the
documents that are wrong now. So a tree can be browsed at any time, and after `settle` it is right.
"""

import html
from collections.abc import Callable, Iterator
from pathlib import Path

from mirror.core import documents, paths, rewrite
from mirror.core.documents import Response
from mirror.core.paths import LocalPath
from mirror.core.spans import Kind
from mirror.core.urls import CanonicalURL
from mirror.store.errors import StorageError, storing
from mirror.store.lock import Lock
from mirror.store.manifest import Manifest, Resource
from mirror.store.objects import Objects
from mirror.store.tree import Tree

KEPT = ".mirror"
INDEX = "index.html"
_MOST_HOPS = 20
_BATCH = 200


class Archive:
    """What stands below `root`, for one process at a time. Raises `StorageError` where it can't be read or written."""

    def __init__(self, root: Path, *, create: bool = True) -> None:
        self.root = root
        kept = root / KEPT
        with storing(root):
            if not kept.is_dir():
                if not create:
                    raise StorageError(f"{root} is no archive: it has no folder {KEPT}")
                if (root / INDEX).exists():
                    raise StorageError(f"{root / INDEX} is not ours: choose a folder without one, or move it away")
                kept.mkdir(parents=True)
            self._lock = Lock(kept / "lock")
            self.objects = Objects(kept / "objects")
            self.tree = Tree(root, kept / "new")
            self.manifest = Manifest(kept / "manifest.sqlite")

    def close(self) -> None:
        self.manifest.close()
        self._lock.release()

    def publish(self, resource: Resource, payload: bytes | None = None) -> None:
        """Put a resource into the tree, its references led to where `urls.resolution` says."""
        assert resource.path is not None
        assert resource.digest is not None
        known = self.manifest.resolutions(resource)

        def resolve(url: CanonicalURL) -> str | None:
            return paths.href(known[url], place) if url in known else None

        place = resource.path
        response = Response(resource.url, resource.status or 0, resource.headers, b"")
        if response.is_redirect:
            self.tree.write(place, self._redirect_page(resource, resolve))
            return
        if not documents.may_refer(resource.media_type or ""):
            self.tree.link(place, self.objects.path(resource.digest))
            return
        payload = self.objects.get(resource.digest) if payload is None else payload
        response = Response(resource.url, resource.status or 0, resource.headers, payload)
        copy = documents.local_copy(response, resource.media_type or "", place.rpartition("/")[2], resolve)
        if copy is payload:
            self.tree.link(place, self.objects.path(resource.digest))
        else:
            self.tree.write(place, copy)

    def settle(self) -> Iterator[None]:
        """Publish again what leads somewhere else by now; yields often, so that a caller can do something beside it."""
        changed = []
        for url_id, resolution, path, redirect in self.manifest.all_urls():
            place = path if redirect is None else self._final_place(redirect)
            if place != resolution:
                changed.append((url_id, place))
            if len(changed) >= _BATCH:
                self._settle(changed)
                changed.clear()
                yield
        self._settle(changed)
        for resource in self.manifest.resources(stale=True):
            with self.manifest.transaction():
                self.publish(resource)
                self.manifest.published([resource.id])
            yield
        self.write_index()

    def publish_all(self) -> Iterator[Resource]:
        """Make the whole tree again; yields each resource once it stands there."""
        for _ in self.settle():
            pass
        for resource in self.manifest.resources():
            self.publish(resource)
            yield resource

    def write_index(self) -> None:
        """The page at the root: the mirrored starts, each with a link to its copy."""
        entries: dict[LocalPath, CanonicalURL] = {}
        starts = self.manifest.starts()
        ids = self.manifest.known(starts)
        for start in starts:
            place = self._final_place(ids[start]) if start in ids else None
            if place is not None:
                entries.setdefault(place, start)
        items = "".join(
            f'<li><a href="{html.escape(paths.href(place, LocalPath(INDEX)))}">{html.escape(start)}</a>\n'
            for place, start in entries.items()
        )
        self.tree.write(INDEX, _INDEX_PAGE.format(items=items or "<li>Nothing yet.\n").encode())

    def start_place(self) -> Path:
        """What to open: the only start's copy, or the page that lists them."""
        starts = self.manifest.starts()
        ids = self.manifest.known(starts)
        places = {self._final_place(ids[start]) for start in starts if start in ids} - {None}
        return self.root / (str(places.pop()) if len(places) == 1 else INDEX)

    def _settle(self, changed: list[tuple[int, LocalPath | None]]) -> None:
        with self.manifest.transaction():
            self.manifest.settle(changed)

    def _final_place(self, url_id: int) -> LocalPath | None:
        """Where a chain of redirects ends in the tree."""
        for _ in range(_MOST_HOPS):
            path, redirect = self.manifest.place(url_id)
            if redirect is None:
                return path
            url_id = redirect
        return None

    def _redirect_page(self, resource: Resource, resolve: Callable[[CanonicalURL], str | None]) -> bytes:
        target = next(ref.url for _, ref in self.manifest.references(resource) if ref.kind is Kind.REDIRECT)
        return rewrite.redirect_page(resolve(target) or target)


_INDEX_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="Websucker">
<title>Mirrored sites</title>
<style>body {{ font: 1.1em/1.6 system-ui, sans-serif; margin: 3em auto; max-width: 40em; padding: 0 1em }}</style>
<h1>Mirrored sites</h1>
<ul>
{items}</ul>
</html>
"""
