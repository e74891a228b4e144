"""Closing the crawl from within: for a reason, or because the archive can't be read or written."""

import asyncio
from typing import Final
from weakref import WeakSet

from scrapy.crawler import Crawler

from mirror.store.disk.errors import StorageError

_TASKS: Final[set[asyncio.Task[None]]] = set()
"""Running tasks. Without a reference a task may be garbage-collected before it is done."""

_FAILED: Final[WeakSet[Crawler]] = WeakSet()


def has_failed(crawler: Crawler) -> bool:
    """Return whether the local storage failed, so that nothing more can be recorded."""
    return crawler in _FAILED


def stop(crawler: Crawler, error: StorageError) -> None:
    """Close the spider because the local storage failed. The user sees the first error only."""
    assert crawler.stats is not None
    if not has_failed(crawler):
        _FAILED.add(crawler)
        crawler.stats.set_value("mirror/storage_error", str(error))
        close(crawler, "storage")


def close(crawler: Crawler, reason: str) -> None:
    """Close the spider. Scrapy waits for the requests in flight."""
    assert crawler.engine is not None
    task = asyncio.get_running_loop().create_task(crawler.engine.close_spider_async(reason=reason))
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
