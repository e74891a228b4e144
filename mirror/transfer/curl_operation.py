"""The base of everything that a libcurl handle does: an operation, and what it needs of the download handler.

A `CurlOperation` sets the options of a handle, receives what libcurl delivers in callbacks, and returns a result. The result is
a response for `base_transfer`, and the entries of a folder for the listings of `file_transfer`.
"""

import re
from abc import ABC, abstractmethod
from socket import socket
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

import pycurl
from scrapy import Request
from scrapy.crawler import Crawler
from twisted.internet.ssl import Certificate

from mirror.core.http.protection_spaces import ProtectionSpaces
from mirror.core.policy.private_addresses import Reach
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import Spools
from mirror.transfer.curl_errors import TransferError
from mirror.transfer.rate_limit import RateLimiter

Result = TypeVar("Result")

# --- keys of Request.meta -------------------------------------------------------------------------------------------------

STATUS: Final = "download_status"
"""The status, while `headers_received` is sent: the signal does not carry it."""

OFFSET: Final = "download_offset"
"""How many bytes of the payload an earlier transfer received, while `headers_received` is sent."""

IN_MEMORY: Final = "download_in_memory"
"""How many bytes of the payload may stay in memory, whatever its media type."""

BEGINNING: Final = "download_beginning"
"""Whether the first `download_maxsize` bytes of a longer payload are enough. The transfer ends there, and does not fail."""

_NO_PATH: Final = re.compile(r"[^:/?#]++://[^/?#]++(?![^?#])")

TIME: Final = "download_time"
"""Seconds that the whole transfer may take, however much arrives."""

SPELLED: Final = "download_spelled"
"""The URL as it goes to the server, with other escapes than that of the request."""

LOGIN: Final = "download_login"
"""(user, password), sent by the authentication scheme that the server asks for, and never after a redirect."""

CERTIFICATE: Final = "download_certificate"
"""Whether to present the user's client certificate if the server asks for one; the default is true."""


class AskAgainError(Exception):
    """The answer is of no use, for a reason that another request for the same URL does not have.

    The handler sends that request at once. Each of the subclasses can be raised once only.
    """


class PayloadChangedError(AskAgainError):
    """The rest of a payload was requested, but the server now has another payload: request the whole."""


class RangeRefusedError(AskAgainError):
    """The rest of a payload was requested, and an error came, which only the range may explain: request the whole."""


class UnconfirmedError(AskAgainError):
    """The conditions of the request were answered for another payload than the one that they name: request without them."""


class LoginRefusedError(AskAgainError):
    """The server refuses the login that it was sent at once: it asks for it in another way."""


class UnseenEndError(AskAgainError):
    """By this version of HTTP the end of the payload can't be seen: request it in a way that shows it (see `stream_end`)."""


class Handler(Protocol):
    """The parts of the download handler that an operation uses. All sizes are in bytes; 0 means no limit."""

    crawler: Crawler
    max_size: int
    warn_size: int
    max_endless_size: int
    counts: bool
    """Whether each block counts as soon as it arrives, because the run ends at a number of bytes."""
    fails_on_loss: bool
    verifies: bool
    spaces: ProtectionSpaces
    """Where servers have asked for a login."""
    rate_limiter: RateLimiter | None

    @property
    def spools(self) -> Spools | None:
        """Where long payloads go; `None` if they stay in memory."""

    @property
    def reach(self) -> Reach | None:
        """Which addresses may be connected to; `None` if all may."""

    async def run(self, operation: "CurlOperation[Result]") -> Result:
        """Run an operation on a handle, and return its result."""

    def end(self, operation: "CurlOperation[Any]", error: TransferError) -> None:
        """End an operation from outside of libcurl's callbacks."""

    @property
    def is_cut(self) -> bool:
        """Whether the run ends without waiting for the operations that have begun."""

    def certificate(self, easy: pycurl.Curl, netloc: str) -> Certificate | None:
        """The certificate of the server at `host:port`; `None` if unknown."""

    def must_see_end(self, url: str) -> bool:
        """Whether the server sends payloads whose end can only be seen in a special way (see `stream_end`)."""

    def warn_of_loss(self, request: Request) -> None:
        """Warn of the first response that was cut short."""


def url_of(request: Request) -> CanonicalURL:
    """The URL of a request as `core` expects URLs. Those of this crawl are canonical; other projects may leave out the path.

    >>> url_of(Request("http://example.org?a")), url_of(Request("http://example.org/a"))
    ('http://example.org/?a', 'http://example.org/a')
    >>> url_of(Request("http://example.org/http://example.org"))
    'http://example.org/http://example.org'
    """
    url = request.url
    pathless = _NO_PATH.match(url)
    return CanonicalURL(f"{pathless[0]}/{url[pathless.end() :]}" if pathless else url)


class CurlOperation(ABC, Generic[Result]):
    """One use of a libcurl handle, and its result."""

    easy: pycurl.Curl

    def __init__(self, handler: Handler, request: Request) -> None:
        self.request = request
        self.url = url_of(request)
        self._handler = handler
        self.timeout = 0.0
        self.started = self.last_activity = monotonic()
        """`last_activity` is when the server last sent something."""
        self.received = 0
        """Bytes received in the current window of `is_too_slow`."""
        self.window_start = 0.0
        """When that window began; 0 before the first byte."""
        self.is_paused = False
        self.barred_address = ""
        """The address of the host that policy forbids to connect to, with the reason; else empty."""

    def open_socket(self, purpose: int, address: pycurl.CurlSockAddr) -> socket | int:
        """Open a socket, if policy allows its address. If it does not, libcurl tries the next address of the host."""
        reach = self._handler.reach
        reason = reach and reach.blocks_address(self.url, str(address.addr[0]))
        self.barred_address = f"{address.addr[0]} is {reason}" if reason else ""
        return pycurl.SOCKET_BAD if reason else open_socket(purpose, address)

    @property
    def has_unknown_length(self) -> bool:
        """Whether a body without an announced length is being received."""
        return False

    def is_too_slow(self, now: float, min_rate: float) -> bool:
        """Whether fewer than `min_rate` bytes a second arrived in the last `timeout` seconds. To be called repeatedly."""
        if not self.window_start and self.received:
            self.window_start = now
        if not self.window_start or not self.timeout or now - self.window_start < self.timeout:
            return False
        is_slow = self.received < min_rate * (now - self.window_start)
        self.window_start, self.received = now, 0
        return is_slow

    @property
    def can_be_resumed(self) -> bool:
        """Whether a later transfer can continue this one if it ends now."""
        return False

    @abstractmethod
    def set_options(self, easy: pycurl.Curl) -> bool:
        """Set the options of this operation. Returns whether they make the handle unfit for others."""

    def wake(self) -> None:
        """Continue after a pause."""
        self.is_paused = False
        try:
            self.easy.pause(pycurl.PAUSE_CONT)
        except pycurl.error as error:  # libcurl delivered held data at once, and the callback refused it
            self._handler.end(self, TransferError(*error.args))

    @abstractmethod
    def on_header(self, line: bytes) -> int | None:
        """Receive a header line. Returns -1 to end the transfer."""

    @abstractmethod
    def on_body(self, block: bytes) -> int | None:
        """Receive a block of the body. Returns -1 to end the transfer, `WRITEFUNC_PAUSE` to get the block again later."""

    @abstractmethod
    def result(self) -> Result:
        """The result of an operation that libcurl completed."""

    @abstractmethod
    def failed(self, error: TransferError) -> Result:
        """The result of an operation that ended early: raises the exception with the reason, or returns the usable part."""

    def close(self) -> None:
        """Release the resources of the operation. The handler always calls this."""


class _Socket(socket):
    """A socket that closes quietly. pycurl duplicates its descriptor and drops the object."""

    def __del__(self) -> None:
        self.close()


def open_socket(_purpose: int, address: pycurl.CurlSockAddr) -> socket:
    """Open the socket that libcurl would open itself."""
    return _Socket(address.family, address.socktype, address.protocol)
