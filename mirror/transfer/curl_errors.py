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


_INVALID: Final = frozenset({1, 8, 61, 100})
"""CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING and CURLE_TOO_LARGE: what an answer that is
no HTTP, or has a very long header, causes."""


INVALID: Final = "invalid HTTP: "
"""How the message begins of the error for an answer that libcurl does not accept. The rest says what the server did wrong."""


_WORDS: Final[dict[int, str]] = {
    pycurl.E_COULDNT_RESOLVE_PROXY: "proxy does not resolve",
    pycurl.E_GOT_NOTHING: "connection closed by the server",
    pycurl.E_RECV_ERROR: "connection closed by the server",
    pycurl.E_SEND_ERROR: "connection closed by the server",
    pycurl.E_SSL_CONNECT_ERROR: "TLS handshake failed",
}
"""Errors whose exception tells less than a user can act on -> the words for the user."""


class TransferError(Exception):
    """A transfer failed. Holds libcurl's error code (`pycurl.E_...`) and error message."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def scrapy_exception(error: TransferError) -> Exception:
    """The exception that Scrapy's own handlers raise in the same case; its note, if it has one, is for the user."""
    kind = _EXCEPTIONS.get(error.code, DownloadFailedError)
    message = str(error).lower()
    if error.code == pycurl.E_COULDNT_CONNECT and "timed out" in message:
        kind = DownloadTimeoutError
    words = _WORDS.get(error.code)
    if error.code == pycurl.E_COULDNT_CONNECT and "tunnel" in message:  # the proxy answered, and refused
        kind, words = DownloadFailedError, "proxy refused the connection"
    detail = str(error) or "a header is too long"  # the one error of these that libcurl has no words for
    failure = kind(f"{INVALID}{detail}" if error.code in _INVALID else str(error))
    return with_words(failure, words) if words else failure


def with_words(error: Exception, words: str) -> Exception:
    """Note with an exception what a user is told instead of the name of its class."""
    error.add_note(words)
    return error


def is_invalid(error: BaseException) -> bool:
    """Whether the server answered, but libcurl does not accept the answer as HTTP."""
    return isinstance(error, DownloadFailedError) and str(error).startswith(INVALID)
