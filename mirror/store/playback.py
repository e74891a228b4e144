"""Lookups for replay: which snapshots an archive has, and what each has of a URL.

Input: canonical URLs and ids of snapshots. Output: versions, each with the file of its object. Nothing is looked up by path:
the manifest maps a URL to a version, and the version names its object by digest.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mirror.core.document import documents
from mirror.core.http import messages
from mirror.core.http.messages import Response
from mirror.core.replay.first_script import milliseconds, with_first_script
from mirror.core.replay.near_match import NearMatch, beginning, near_match
from mirror.core.replay.origins import ReplayOrigin, Server, digested, host_of, read_label
from mirror.core.replay.variant_match import Asked, exact_match, near_variant
from mirror.core.url.canonical import CanonicalURL, origin
from mirror.core.url.media_types import Document
from mirror.core.url.tombstones import covers
from mirror.store.archive import Archive
from mirror.store.disk.errors import StorageError
from mirror.store.disk.objects import Digest
from mirror.store.manifest.history_records import Origin, SnapshotInfo, UrlHistory
from mirror.store.manifest.records import Resource

_MAX_NEAR: Final = 1000
"""URLs of one path among which a near match is looked for."""

_XHTML: Final = "application/xhtml+xml"
_PREFERRED: Final = ("https://{}", "http://{}")


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version with the digest and the file of its payload."""

    resource: Resource
    digest: Digest
    file: Path


class Playback:
    """An archive that is replayed. It is only read, so that a crawl may run meanwhile."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._history = archive.history
        self._digested: dict[str, str] = {}

    # --- snapshots and origins -----------------------------------------------------------------------------------------

    def snapshots(self) -> list[SnapshotInfo]:
        """Return all snapshots, the newest first."""
        return self._history.snapshots()[::-1]

    def on(self, date: str) -> SnapshotInfo | None:
        """Return the newest snapshot whose time begins with `date`; for "", the newest complete one, else the newest."""
        return self._history.find(date or "latest") or (None if date else next(iter(self.snapshots()), None))

    def has_snapshot(self, number: int) -> bool:
        return self._history.has(number)

    def origins(self, snapshot: int) -> list[Origin]:
        """Return the origins of a snapshot: first those of the starts, in their order, then the others by name."""
        starts = {origin(start): n for n, start in enumerate(self._history.starts(snapshot))}
        return sorted(self._history.origins(snapshot), key=lambda one: (starts.get(one.name, len(starts)), one.name))

    def starts(self, snapshot: int) -> list[tuple[CanonicalURL, str]]:
        """Return the starts of all runs up to a snapshot that have a version in it, each with its hash route, if any."""
        routes = self._archive.manifest.runs.routes()
        starts = [start for start in self._history.starts(snapshot) if self._history.version(start, snapshot)]
        return [(start, route) for start in starts for route in routes.get(start, [""])]

    def origin_of(self, host: str, snapshot: int) -> str | None:
        """Return the origin to replay for a host: https, http, or else any in the snapshot; `None` if there is none."""
        for form in _PREFERRED:
            if self._history.has_origin(form.format(host), snapshot):
                return form.format(host)
        return next((one.name for one in self.origins(snapshot) if host_of(one.name) == host), None)

    def home(self, label: str) -> ReplayOrigin | None:
        """Return the origin and snapshot that a label of a replay host name stands for; `None` if it stands for none."""
        return read_label(label, self._digested_origin)

    def _digested_origin(self, name: str) -> str | None:
        if name not in self._digested:
            self._digested = {digested(one): one for one in self._history.met_origins()}
        return self._digested.get(name)

    # --- one URL -------------------------------------------------------------------------------------------------------

    def find(self, url: CanonicalURL, snapshot: int) -> StoredVersion | None:
        """Return what a snapshot has of a URL, or of the URL that it is an alias of; `None` if it has nothing.

        Raises `StorageError` if the object is missing or not a file of the object store.
        """
        resource = self._archive.shown(url, snapshot)
        if resource is None or resource.path is None or resource.digest is None:
            return None
        return StoredVersion(resource, resource.digest, self._file(resource.digest))

    def find_variant(self, url: CanonicalURL, asked: Asked, snapshot: int) -> StoredVersion | None:
        """Return what a snapshot has for a request that is more than a URL; `None` if it has nothing for exactly this one."""
        found = exact_match(asked, self._history.beginning_with(f"{url}#", snapshot, _MAX_NEAR))
        return self.find(found, snapshot) if found else None

    def any_question(self, url: CanonicalURL, snapshot: int) -> StoredVersion | None:
        """Return what a snapshot has of some POST to a URL; `None` if it has nothing."""
        found = self._history.beginning_with(f"{url}#POST", snapshot, 1)
        return self.find(found[0], snapshot) if found else None

    def has(self, url: CanonicalURL, snapshot: int) -> bool:
        found = self._archive.shown(url, snapshot)
        return found is not None and found.path is not None

    def near(self, url: CanonicalURL, asked: Asked, snapshot: int) -> tuple[StoredVersion, NearMatch] | None:
        """Return what a snapshot has for another request that answers this one.

        `core.replay.near_match` and `core.replay.variant_match` have the rules.
        """
        plain = CanonicalURL(url.partition("?")[0])
        stored = self._history.beginning_with(beginning(url), snapshot, _MAX_NEAR)
        variants = [
            *(one for one in stored if "#" in one),
            *self._history.beginning_with(f"{plain}#", snapshot, _MAX_NEAR),
        ]
        match = near_variant(url, asked, variants)
        if match is None and asked.method != "POST":
            known = [plain] if plain != url and self.has(plain, snapshot) else []
            match = near_match(url, known + [one for one in stored if "#" not in one])
        found = self.find(match.url, snapshot) if match else None
        return (found, match) if found and match else None

    def _file(self, digest: Digest) -> Path:
        place = self._archive.objects.file(digest)
        if place is None:
            raise StorageError(f"the payload {digest[:64]!r} is missing: `verify --repair` fetches it again")
        return place

    def payload(self, found: StoredVersion) -> bytes:
        """Return a payload that is short enough to be read."""
        return self._archive.objects.get(found.digest)

    def copy(self, found: StoredVersion, server: Server, snapshot: int, *, is_page: bool = False) -> bytes | None:
        """Return the document as the replay server sends it; `None` if nothing in it has to be rewritten.

        `is_page`: it is shown in a window or a frame, so the script of `core.replay.first_script` runs in it.
        """
        resource = found.resource
        media_type = resource.media_type or ""
        if not documents.may_differ_at_origin(media_type) or resource.size > messages.MAX_READ:
            return None
        shown: dict[str, bool] = {}

        def place(url: CanonicalURL) -> str:
            return server.place(url, snapshot)

        def data(url: CanonicalURL) -> str | None:
            name = origin(url)
            if name not in shown:
                shown[name] = self._history.has_origin(name, snapshot)
            return place(url) if shown[name] else None

        def has(url: CanonicalURL) -> bool:
            return self.has(url, snapshot)

        def begin(text: str, kind: Document) -> str:
            if kind is Document.HTML or resource.media_type == _XHTML:
                return with_first_script(text, self.clock(resource), is_xml=kind is Document.XML)
            return text

        payload = self._archive.objects.get(found.digest)
        response = Response(resource.url, resource.status or 0, resource.headers, payload)
        home = place(resource.url)
        start = begin if is_page else None
        copy = documents.copy_at_origin(
            response, media_type, home, place, data, has=has, begin=start, extra=self._archive.attributes
        )
        return None if copy is payload else copy

    def clock(self, resource: Resource) -> int:
        """Return the time at which the clock of a page starts, as when it was rendered (`core.replay.first_script`)."""
        return milliseconds(self._history.started(resource.since) or resource.fetched)

    def account(self, url: CanonicalURL) -> tuple[UrlHistory | None, list[str]]:
        """Return everything that the archive knows about a URL, and the tombstones that cover it."""
        return self._history.account(url), [
            one for one in self._archive.manifest.decisions.tombstones() if covers(one, url)
        ]
