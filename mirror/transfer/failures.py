"""Why a request failed, in words for a user: one table from exceptions to text; and whether the crawl is about to end.

After Ctrl-C no transfer begins any more; those that have begun are finished, unless a later run can resume them. When a limit
of the whole run is reached (`quota`), those that have begun are cut off too. Either way their entries stay in the frontier.
"""

from typing import Final

from scrapy import exceptions
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from mirror.core.policy.scope import Reason
from mirror.transfer.curl_errors import is_invalid

TEXTS: Final[dict[type[BaseException], str]] = {
    exceptions.CannotResolveHostError: "host does not resolve",
    exceptions.DownloadConnectionRefusedError: "connection refused",
    exceptions.DownloadTimeoutError: "timed out",
    exceptions.ResponseDataLossError: "cut short by the server",
    exceptions.UnsupportedURLSchemeError: "scheme not supported",
}


class Skipped(IgnoreRequest):
    """A request is not sent, for a reason that the manifest records. `rule`: the rule or address behind the reason."""

    def __init__(self, reason: Reason, rule: str | None = None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.rule = rule


def reason(error: BaseException) -> Reason | None:
    """Why the URL was skipped; `None` if the error is a failure."""
    if isinstance(error, Skipped):
        return error.reason
    return Reason.SIZE if isinstance(error, exceptions.DownloadCancelledError) else None


def rule(error: BaseException) -> str | None:
    """The rule that the URL was skipped by, such as a line of robots.txt; `None` if there is none."""
    return error.rule if isinstance(error, Skipped) else None


class InterruptedTransferError(exceptions.DownloadCancelledError):
    """The spider is closing. What was received of a long payload stays on the disk for the next run."""


def is_closing(crawler: Crawler) -> bool:
    """Whether the spider is closing, and waits only for the requests in flight. Scrapy has no public API for this."""
    slot = getattr(crawler.engine, "_slot", None)
    return is_cut(crawler) or (slot is not None and slot.closing is not None)


def is_cut(crawler: Crawler) -> bool:
    """Whether the spider does not wait for the requests in flight either."""
    return getattr(crawler.spider, "is_cut", False)


class BrokenAnswerError(Exception):
    """An answer that can't be read. The message is shown to users unchanged."""


class ShortRangeError(exceptions.ResponseDataLossError):
    """The server sent a shorter range than requested. `is_progress`: long enough to go on without using up a try."""

    def __init__(self, *, is_progress: bool) -> None:
        super().__init__("a shorter range than requested")
        self.is_progress = is_progress


class EndlessError(Exception):
    """An answer that does not end. The message is shown to users unchanged. No retry: the answer would be as long again."""


NO_ROBOTS: Final = "robots.txt can't be had: "
"""How the message begins of the error for a host that answers, but not with its robots.txt."""


class UnreachableError(Exception):
    """The robots.txt of a host can't be fetched, so nothing may be requested from the host.

    `status` is the status of the answer for robots.txt, `None` if there was none; `retry_after` are the seconds that it asks
    to wait.
    """

    def __init__(self, message: str, status: int | None, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def is_closed(self) -> bool:
        """Whether the host answers, so that only the rules of robots.txt close it."""
        return str(self).startswith(NO_ROBOTS)


def given_up(trouble: str, in_a_row: int) -> str:
    """The error of a URL that was not requested because its host was given up.

    >>> given_up("connection refused", 3), given_up("timed out", 1)
    ('host given up after connection refused 3 times in a row', 'host given up after timed out')
    """
    return f"host given up after {trouble}" + (f" {in_a_row} times in a row" if in_a_row > 1 else "")


def text(error: BaseException) -> str:
    """One line. Failures of one kind have the same text, so that they can be counted by it."""
    if isinstance(error, BrokenAnswerError | EndlessError | UnreachableError):
        return str(error)
    if notes := getattr(error, "__notes__", None):
        return str(notes[0])
    known = next((words for kind, words in TEXTS.items() if isinstance(error, kind)), None)
    if known:
        return known
    detail = str(error).strip().partition("\n")[0]
    if is_invalid(error):
        return detail
    if "certificate" in detail.lower():
        return "certificate not trusted"
    return "connection failed" if isinstance(error, exceptions.DownloadFailedError) else type(error).__name__
