"""Why no answer came, in words for a user: one table from exceptions to text."""

from typing import Final

from scrapy import exceptions
from scrapy.exceptions import IgnoreRequest

from mirror.core.policy.scope import Reason

TEXTS: Final[dict[type[BaseException], str]] = {
    exceptions.CannotResolveHostError: "host does not resolve",
    exceptions.DownloadConnectionRefusedError: "connection refused",
    exceptions.DownloadTimeoutError: "timed out",
    exceptions.ResponseDataLossError: "cut short by the server",
    exceptions.UnsupportedURLSchemeError: "scheme not supported",
}


class Skipped(IgnoreRequest):
    """A request that is not made, for a reason that the manifest keeps."""

    def __init__(self, reason: Reason, rule: str | None = None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.rule = rule


def reason(error: BaseException) -> Reason | None:
    """By which rule of the user's an answer is not wanted; `None`: it is one that failed."""
    if isinstance(error, Skipped):
        return error.reason
    return Reason.SIZE if isinstance(error, exceptions.DownloadCancelledError) else None


def rule(error: BaseException) -> str | None:
    """The words of the host that it is not wanted for, if there are any."""
    return error.rule if isinstance(error, Skipped) else None


class BrokenAnswerError(Exception):
    """An answer that came but can't be read; the message is the whole of what a user reads."""


class EndlessError(Exception):
    """An answer that would not end; the message is the whole of what a user reads. To ask again would bring the same."""


class UnreachableError(Exception):
    """A host does not say what its rules are, and so is not to be asked for anything. `status` is what it said instead."""

    def __init__(self, message: str, status: int | None, retry_after: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def text(error: BaseException) -> str:
    """One line, the same for the same kind of failure, so that failures can be counted by it."""
    if isinstance(error, BrokenAnswerError | EndlessError | UnreachableError):
        return str(error)
    known = next((words for kind, words in TEXTS.items() if isinstance(error, kind)), None)
    if known:
        return known
    detail = str(error).strip().partition("\n")[0]
    if "certificate" in detail.lower():
        return "certificate not trusted"
    return "connection failed" if isinstance(error, exceptions.DownloadFailedError) else type(error).__name__
