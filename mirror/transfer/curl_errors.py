"""Errors of libcurl, and the exceptions of Scrapy that they become."""

from typing import Final

import pycurl
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

_EXCEPTIONS: Final[dict[int, type[Exception]]] = {
    pycurl.E_COULDNT_RESOLVE_HOST: CannotResolveHostError,
    pycurl.E_COULDNT_RESOLVE_PROXY: CannotResolveHostError,
    pycurl.E_COULDNT_CONNECT: DownloadConnectionRefusedError,
    pycurl.E_OPERATION_TIMEDOUT: DownloadTimeoutError,
    pycurl.E_PARTIAL_FILE: ResponseDataLossError,
}


class TransferError(Exception):
    """A transfer failed. Holds libcurl's error code (`pycurl.E_...`) and error message."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def scrapy_exception(error: TransferError) -> Exception:
    """The exception that Scrapy's own handlers raise in the same case."""
    kind = _EXCEPTIONS.get(error.code, DownloadFailedError)
    message = str(error).lower()
    if error.code == pycurl.E_COULDNT_CONNECT and "timed out" in message:
        kind = DownloadTimeoutError
    if error.code == pycurl.E_COULDNT_CONNECT and "tunnel" in message:  # the proxy answered, and refused
        kind = DownloadFailedError
    return kind(str(error))
