"""The report on the links of a snapshot: reads all its documents, and judges every link. Asks no server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from mirror.core.links.problems import Problem
from mirror.store.archive_reader import ArchiveReader
from mirror.store.links.documents import Findings, is_document, read_documents
from mirror.store.links.findings import Collection
from mirror.store.links.targets import Targets
from mirror.store.manifest.history_records import ShownVersion, SnapshotInfo

Submit = Callable[[int, Callable[[], Findings]], Awaitable[Findings]]
"""Has a function called, maybe in another process, and returns its result. The number says how many bytes it will read."""

_BYTES: Final = 2 << 20
"""Bytes of documents that are read by one call."""

_AT_ONCE: Final = 8
"""Calls that wait for an answer: enough that no process ever waits for work."""


async def read_links(archive: ArchiveReader, snapshot: SnapshotInfo, collection: Collection, submit: Submit) -> None:
    """Read all documents of a snapshot into a collection."""
    running: set[asyncio.Future[Findings]] = set()
    for batch in _batches(archive, snapshot):
        pages = [one.resource for one in batch if one.resource.is_html]
        others = [one.resource for one in batch if not one.resource.is_html]
        collection.add_documents(pages, are_pages=True)
        collection.add_documents(others, are_pages=False)
        size = sum(one.resource.size for one in batch)
        call = partial(read_documents, str(archive.root), snapshot.id, batch)
        running.add(asyncio.ensure_future(submit(size, call)))
        if len(running) >= _AT_ONCE:
            running = await _take(running, collection)
    while running:
        running = await _take(running, collection)
    _judge_starts(archive, snapshot, collection)
    collection.finish()


async def _take(running: set[asyncio.Future[Findings]], collection: Collection) -> set[asyncio.Future[Findings]]:
    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        collection.add(one.result())
    return running


def _batches(archive: ArchiveReader, snapshot: SnapshotInfo) -> Iterator[list[ShownVersion]]:
    batch: list[ShownVersion] = []
    size = 0
    for shown in archive.history.at(snapshot.id):
        if is_document(shown.resource):
            batch.append(shown)
            size += shown.resource.size
            if size >= _BYTES:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _judge_starts(archive: ArchiveReader, snapshot: SnapshotInfo, collection: Collection) -> None:
    """Nobody has to link to a start, and one that fails is a problem of its own."""
    starts = archive.history.starts(snapshot.id)
    for url, end in Targets(archive, snapshot.id).ends(starts).items():
        collection.add_start(end.url_id)
        if end.problem and end.problem is not Problem.REDIRECT:
            collection.add_problems(
                [(end.problem, url, f"a start: {end.reason}", end.status, None, end.url_id, 0, 0, "")]
            )
