"""The download handler: turns requests of Scrapy's into transfers of libcurl's, and what they receive into responses.

It keeps to the settings, meta keys, signals and exceptions of Scrapy's own handlers, and works in any project:

    DOWNLOAD_HANDLERS = dict.fromkeys(("http", "https"), "mirror.transfer.download_handler.CurlHandler")

It differs in three ways. `download_timeout` limits how long the server may be silent, not how long the transfer takes, so that
large files get the time they need. The handler undoes content-codings itself, block by block. If the spider has `spools` (a
folder for long payloads), payloads that no parser needs, or that are too long for one, go to the disk, so that memory does not
grow with them; a transfer that was cut off resumes where it ended.
"""

import asyncio
import logging
from base64 import b64decode
from functools import lru_cache
from time import monotonic
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import pycurl
from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, UnsupportedURLSchemeError
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.internet.ssl import Certificate

from mirror.core.http.lenient_answers import InvalidAnswerError
from mirror.core.http.protection_spaces import ProtectionSpaces
from mirror.core.policy.private_addresses import Reach
from mirror.core.policy.scope import Reason
from mirror.store.disk.spool import PartialDownload, Spools
from mirror.transfer import file_transfer, raw_connection
from mirror.transfer.connections import Connections, has_begun
from mirror.transfer.curl_errors import TransferError, is_invalid
from mirror.transfer.curl_multi import Multi
from mirror.transfer.curl_operation import (
    CERTIFICATE,
    LOGIN,
    TIME,
    AskAgainError,
    CurlOperation,
    LoginRefusedError,
    PayloadChangedError,
    UnconfirmedError,
    UnseenEndError,
    open_socket,
    url_of,
)
from mirror.transfer.failures import EndlessError, InterruptedTransferError, Skipped, is_closing, is_cut
from mirror.transfer.http_transfer import HTTPTransfer
from mirror.transfer.rate_limit import RateLimiter

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_BUFFER: Final = 512 << 10
_CHECK_INTERVAL: Final = 0.25
_SCHEMES: Final = ("http", "https", *file_transfer.SCHEMES)
_SUPPORTED: Final = frozenset(_SCHEMES) & frozenset(pycurl.version_info()[8])
_SUPPRESS_CONNECT_HEADERS: Final = 265  # pycurl has no name for it
_TLS: Final = {"TLSv1.0": 4, "TLSv1.1": 5, "TLSv1.2": 6, "TLSv1.3": 7}
_VERSIONS: Final = {
    "1.1": pycurl.CURL_HTTP_VERSION_1_1,
    "2": pycurl.CURL_HTTP_VERSION_2TLS,
    "3": pycurl.CURL_HTTP_VERSION_3,
}


class CurlHandler(BaseDownloadHandler):
    """Downloads with libcurl. All transfers of a scheme share connections, DNS answers and TLS sessions."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout: float = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.max_size = settings.getint("DOWNLOAD_MAXSIZE")
        self.warn_size = settings.getint("DOWNLOAD_WARNSIZE")
        self.max_endless_size = settings.getint("MIRROR_ENDLESS_SIZE")
        self._max_endless_time = settings.getfloat("MIRROR_ENDLESS_TIME")
        self._min_rate = 0.0 if settings.getint("MIRROR_RATE") else settings.getfloat("MIRROR_LEAST_RATE")
        self.counts = settings.getint("MIRROR_QUOTA") > 0
        self.fails_on_loss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self.verifies = settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        self.rate_limiter = RateLimiter.shared(crawler, settings.getint("MIRROR_RATE"))
        self._bind_address = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._common = self._common_options()
        self._client_certificate = _client_certificate(settings)
        self._certificates: dict[str, Certificate] = {}
        self._free: list[pycurl.Curl] = []
        self._connections = Connections()
        self._multi: Multi | None = None
        self.spaces = ProtectionSpaces()
        self._running: set[CurlOperation[Any]] = set()
        self._checker: asyncio.TimerHandle | None = None
        self._has_warned_of_loss = False
        self._unseen_ends: set[str] = set()
        """The servers that sent a payload without a sign of its end: `host:port`."""

    @property
    def spools(self) -> Spools | None:
        """Where long payloads go; `None` if they stay in memory."""
        return getattr(self.crawler.spider, "spools", None)

    @property
    def is_cut(self) -> bool:
        """Whether the run ends without waiting for the operations that have begun."""
        return is_cut(self.crawler)

    @property
    def reach(self) -> Reach | None:
        """Which addresses may be connected to; `None` if all may."""
        return getattr(self.crawler.spider, "reach", None)

    async def download_request(self, request: Request) -> Response:
        """Raises the exceptions of `scrapy.exceptions` that Scrapy's own handlers raise."""
        scheme = request.url.partition(":")[0]
        if scheme not in _SUPPORTED:
            raise UnsupportedURLSchemeError(f"this libcurl does not support {scheme}")
        part, is_conditional, is_early = await self._part(request), True, True
        while True:
            try:
                return await self._download(scheme, request, part, is_conditional=is_conditional, is_early=is_early)
            except AskAgainError as error:
                if part and isinstance(error, PayloadChangedError):
                    assert self.spools is not None
                    self.spools.forget(part.promise.url)
                if isinstance(error, UnseenEndError):
                    self._unseen_ends.add(_netloc(request.url))
                elif isinstance(error, UnconfirmedError):
                    is_conditional = False
                elif isinstance(error, LoginRefusedError):
                    is_early = False
                else:
                    part = None

    async def _download(
        self, scheme: str, request: Request, part: PartialDownload | None, *, is_conditional: bool, is_early: bool
    ) -> Response:
        if scheme in file_transfer.SCHEMES:
            return await file_transfer.download(self, request, part)
        transfer = HTTPTransfer(self, request, part, is_conditional=is_conditional, is_early=is_early)
        try:
            return await self.run(transfer)
        except DownloadFailedError as error:
            if not is_invalid(error) or not raw_connection.may_help(request):
                raise
            return await self._read_leniently(HTTPTransfer(self, request, None, is_conditional=is_conditional), error)

    async def _read_leniently(self, transfer: HTTPTransfer, error: DownloadFailedError) -> Response:
        """Request again what libcurl did not accept. If that is of no use either, raise the first error."""
        easy = transfer.easy = self._easy(fresh=True)
        self._set_options(easy, transfer)
        try:
            response = await raw_connection.perform(
                transfer, lambda: self._reason_to_end(transfer, monotonic(), is_closing=is_closing(self.crawler))
            )
        except (TransferError, InvalidAnswerError):
            raise error from None
        finally:
            transfer.close()
            easy.close()
        logger.info("%s is no valid HTTP, and was read as browsers read it (%s)", transfer.url, error)
        return response

    async def close(self) -> None:
        if self._checker:
            self._checker.cancel()
        if self._multi:
            self._multi.close()
        for easy in self._free:
            easy.close()

    async def _part(self, request: Request) -> PartialDownload | None:
        """What an earlier transfer left of this payload. A thread reads it."""
        spools, url = self.spools, url_of(request)
        if spools is None or request.method != "GET" or not spools.may_have(url):
            return None
        return await asyncio.to_thread(spools.part, url)

    async def run(self, operation: CurlOperation[Result]) -> Result:
        """Run an operation on a handle, and return its result."""
        if is_closing(self.crawler):
            raise InterruptedTransferError(operation.url)
        if self._multi is None:
            self._multi = Multi()
        easy = operation.easy = self._easy(fresh=LOGIN in operation.request.meta)
        is_special = self._set_options(easy, operation)
        self._running.add(operation)
        self._check_later()
        try:
            kept = await self._multi.perform(easy)
            self._connections.ended(easy, operation.url, kept)
            return operation.result()
        except TransferError as error:
            if operation.barred_address:
                raise Skipped(Reason.PRIVATE, operation.barred_address) from error
            return operation.failed(error)
        finally:
            self._running.discard(operation)
            operation.is_paused = False
            operation.close()
            if is_special:
                easy.close()
            else:
                self._free.append(easy)

    def end(self, operation: CurlOperation[Any], error: TransferError) -> None:
        """End an operation from outside of libcurl's callbacks."""
        assert self._multi is not None
        self._multi.fail(operation.easy, error)

    # --- options of libcurl --------------------------------------------------------------------------------------------

    def _easy(self, *, fresh: bool) -> pycurl.Curl:
        """A handle. `fresh`: a new one, which remembers no authentication challenge of another request."""
        if self._free and not fresh:
            return self._free.pop()
        easy = pycurl.Curl()
        for option, value in self._common:
            easy.setopt(option, value)
        return easy

    def _common_options(self) -> list[tuple[int, Any]]:
        """The options that are the same for all transfers."""
        settings = self.crawler.settings
        verify = self.verifies
        return [
            (pycurl.NOSIGNAL, 1),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.PROTOCOLS, sum(getattr(pycurl, f"PROTO_{scheme.upper()}") for scheme in _SCHEMES)),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.HTTP09_ALLOWED, 0),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.BUFFERSIZE, self.rate_limiter.block if self.rate_limiter else _BUFFER),
            (pycurl.USERAGENT, ""),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.SSL_VERIFYPEER, int(verify)),
            (pycurl.SSL_VERIFYHOST, 2 * verify),
            (pycurl.PROXY_SSL_VERIFYPEER, int(verify)),
            (pycurl.PROXY_SSL_VERIFYHOST, 2 * verify),
            (pycurl.HTTP_VERSION, _VERSIONS[str(settings.get("MIRROR_HTTP_VERSION") or "2")]),
            (pycurl.PROXY, ""),  # Scrapy's middleware reads the environment; it knows NO_PROXY too
            (pycurl.OPT_FILETIME, 1),
            (pycurl.FTP_SKIP_PASV_IP, 1),
            *([] if settings.getbool("DNSCACHE_ENABLED") else [(pycurl.DNS_CACHE_TIMEOUT, 0)]),
            *_tls_options(settings),
        ]

    def _set_options(self, easy: pycurl.Curl, operation: CurlOperation[Any]) -> bool:
        """Set the options of one operation. Returns whether they make the handle unfit for others."""
        request = operation.request
        operation.timeout = float(request.meta.get("download_timeout", self.timeout))
        easy.setopt(pycurl.URL, request.url.partition("#")[0])
        easy.setopt(pycurl.HEADERFUNCTION, operation.on_header)
        easy.setopt(pycurl.WRITEFUNCTION, operation.on_body)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, operation.open_socket)
        self._connections.prepare(easy, operation.url)
        is_special = _set_proxy(easy, request) | _set_login(easy, request) | self._set_bind_address(easy, request)
        return operation.set_options(easy) | is_special | self._set_client_certificate(easy, request)

    def _set_client_certificate(self, easy: pycurl.Curl, request: Request) -> bool:
        """Present the user's certificate, but only to the hosts that it is for."""
        if not self._client_certificate or not request.meta.get(CERTIFICATE, True):
            return False
        for option, path in self._client_certificate:
            easy.setopt(option, path)
        return True

    def _set_bind_address(self, easy: pycurl.Curl, request: Request) -> bool:
        bind = request.meta.get("bindaddress") or self._bind_address
        if not bind:
            return False
        host, port = (bind, 0) if isinstance(bind, str) else bind
        easy.setopt(pycurl.INTERFACE, f"host!{host}")
        easy.setopt(pycurl.LOCALPORT, port)
        return True

    # --- what operations ask for ----------------------------------------------------------------------------------------

    def certificate(self, easy: pycurl.Curl, netloc: str) -> Certificate | None:
        """The certificate of the server at `host:port`. libcurl gives it only to the transfer that made the connection."""
        if netloc not in self._certificates:
            others = (operation.easy for operation in self._running if urlsplit(operation.request.url).netloc == netloc)
            pem = next((pem for each in (easy, *others) if (pem := _pem(each))), None)
            if pem is None:
                return None
            self._certificates[netloc] = _certificate(pem)
        return self._certificates[netloc]

    def must_see_end(self, url: str) -> bool:
        return bool(self._unseen_ends) and _netloc(url) in self._unseen_ends

    def warn_of_loss(self, request: Request) -> None:
        if not self._has_warned_of_loss:
            self._has_warned_of_loss = True
            logger.warning(
                "Got data loss in %s. To process incomplete responses, set DOWNLOAD_FAIL_ON_DATALOSS=0. "
                "This message is shown once",
                request.url,
            )

    # --- transfers that take too long ----------------------------------------------------------------------------------

    def _check_later(self) -> None:
        if self._checker is None:
            self._checker = asyncio.get_running_loop().call_later(_CHECK_INTERVAL, self._check_running)

    def _check_running(self) -> None:
        """End the transfers that are silent, too slow or endless, and those that the next run does if this one ends."""
        self._checker = None
        assert self._multi is not None
        now, is_ending = monotonic(), is_closing(self.crawler)
        for operation in list(self._running):
            if operation.is_paused:
                operation.last_activity = now
            error = self._reason_to_end(operation, now, is_closing=is_ending)
            if error:
                self._multi.fail(operation.easy, error)
        self._connections.relieve(self._running, now)
        if self._running:
            self._check_later()

    def _reason_to_end(self, operation: CurlOperation[Any], now: float, *, is_closing: bool) -> Exception | None:
        url, timeout = operation.request.url, operation.timeout
        if timeout and now - operation.last_activity > timeout:
            return TransferError(pycurl.E_OPERATION_TIMEDOUT, f"No data from {url} for {timeout:g} seconds.")
        if self._min_rate and operation.is_too_slow(now, self._min_rate):
            return TransferError(pycurl.E_OPERATION_TIMEDOUT, f"Too little data from {url} for {timeout:g} seconds.")
        longest = operation.request.meta.get(TIME)
        if longest and now - operation.started > longest:
            return TransferError(pycurl.E_OPERATION_TIMEDOUT, f"{url} did not arrive within {longest:g} seconds.")
        if 0 < self._max_endless_time < now - operation.started and operation.has_unknown_length:
            return EndlessError(f"endless: no length was told, and it came for {self._max_endless_time:g} seconds")
        if is_closing and (self.is_cut or operation.can_be_resumed or not has_begun(operation.easy)):
            return InterruptedTransferError(url)
        return None


def _netloc(url: str) -> str:
    return urlsplit(url).netloc


def _tls_options(settings: BaseSettings) -> list[tuple[int, Any]]:
    options: list[tuple[int, Any]] = []
    lowest, highest = (settings.get(f"DOWNLOAD_TLS_{bound}_VERSION") for bound in ("MIN", "MAX"))
    if lowest or highest:
        options.append((pycurl.SSLVERSION, _TLS.get(lowest or "", 0) | _TLS.get(highest or "", 0) << 16))
    if settings.get("MIRROR_CA_FILE"):
        options.append((pycurl.CAINFO, str(settings["MIRROR_CA_FILE"])))
    ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
    if ciphers and ciphers != "DEFAULT":
        options.append((pycurl.SSL_CIPHER_LIST, ciphers))
    return options


def _client_certificate(settings: BaseSettings) -> list[tuple[int, str]]:
    files = (("MIRROR_CLIENT_CERTIFICATE", pycurl.SSLCERT), ("MIRROR_CLIENT_KEY", pycurl.SSLKEY))
    return [(option, str(settings[name])) for name, option in files if settings.get(name)]


def _set_proxy(easy: pycurl.Curl, request: Request) -> bool:
    proxy = request.meta.get("proxy")
    if not proxy:
        return False
    easy.setopt(pycurl.PROXY, proxy.removeprefix("//"))
    easy.setopt(pycurl.OPENSOCKETFUNCTION, open_socket)  # the user chose the proxy, so any address is allowed
    authorization = request.headers.get("Proxy-Authorization")
    if authorization and authorization.lower().startswith(b"basic "):
        easy.setopt(pycurl.PROXYUSERPWD, b64decode(authorization[6:]))
        easy.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_ANY)
    easy.setopt(pycurl.HTTPPROXYTUNNEL, int(not request.url.startswith("http:")))
    return True


def _set_login(easy: pycurl.Curl, request: Request) -> bool:
    login = request.meta.get(LOGIN)
    if not login:
        return False
    user, password = login
    easy.setopt(pycurl.USERNAME, user.encode())  # RFC 7617, 2.1
    easy.setopt(pycurl.PASSWORD, password.encode())
    easy.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_ANY)
    return True


def _pem(easy: pycurl.Curl) -> str | None:
    """The certificate of the server, if this transfer has it."""
    chain = cast("list[list[tuple[str, str]]]", easy.getinfo(pycurl.INFO_CERTINFO))
    return next((value for key, value in chain[0] if key == "Cert"), None) if chain else None


@lru_cache(maxsize=256)
def _certificate(pem: str) -> Certificate:
    return Certificate.loadPEM(pem.encode("ascii"))
