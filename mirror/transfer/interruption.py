"""The end of a crawl before everything is fetched: which transfers still begin, and which go on.

After Ctrl-C no transfer begins any more; those that have begun are finished, unless a later run can resume them. When a limit
of the whole run is reached (`quota`), those that have begun are cut off too. Either way their entries stay in the frontier.
"""

from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError


class InterruptedTransferError(DownloadCancelledError):
    """The spider is closing. What was received of a long payload stays on the disk for the next run."""


def is_closing(crawler: Crawler) -> bool:
    """Whether the spider is closing, and waits only for the requests in flight. Scrapy has no public API for this."""
    slot = getattr(crawler.engine, "_slot", None)
    return is_cut(crawler) or (slot is not None and slot.closing is not None)


def is_cut(crawler: Crawler) -> bool:
    """Whether the spider does not wait for the requests in flight either."""
    return getattr(crawler.spider, "is_cut", False)
