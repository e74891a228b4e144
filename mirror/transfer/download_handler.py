"""The download handler: requests of Scrapy's become transfers of libcurl's, and what comes becomes responses.

It keeps to what Scrapy's own handlers do with settings, `Request.meta`, signals and errors, and may be used in any project:

    DOWNLOAD_HANDLERS = dict.fromkeys(("http", "https"), "mirror.transfer.download_handler.CurlHandler")

What is different: `download_timeout` is the time in which nothing comes, not that of the whole transfer, so that a large file
may take its time; content-codings are undone here, block by block; and where the spider has `spools` (a place on the disk), a
payload that is not to be read, or too long for that, goes there, so that memory does not grow with it. One that was cut off
goes on where it ended.
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
from scrapy.exceptions import UnsupportedURLSchemeError
from scrapy.http import Response
from scrapy.utils._download_handlers import get_dataloss_msg
from twisted.internet.ssl import Certificate

from mirror.core.policy.private_addresses import Reach
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL
from mirror.store.disk.spool import Part, Spools
from mirror.transfer import file_transfer
from mirror.transfer.curl_multi import Multi, Throttle, TransferError
from mirror.transfer.failures import EndlessError, Skipped
from mirror.transfer.http_transfer import (
    CERTIFICATE,
    LOGIN,
    Exchange,
    InterruptedTransferError,
    NoLongerThatError,
    Transfer,
    opened,
)

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_BUFFER: Final = 512 << 10
_SWEPT_EVERY: Final = 0.25
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
    """Downloads by libcurl. All transfers of a scheme share connections, names and TLS sessions."""

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.timeout: float = settings.getfloat("DOWNLOAD_TIMEOUT")
        self.most = settings.getint("DOWNLOAD_MAXSIZE")
        self.warned = settings.getint("DOWNLOAD_WARNSIZE")
        self.endless = settings.getint("MIRROR_ENDLESS_SIZE")
        self._endless_for = settings.getfloat("MIRROR_ENDLESS_TIME")
        self._least_rate = 0.0 if settings.getint("MIRROR_RATE") else settings.getfloat("MIRROR_LEAST_RATE")
        self.fails_on_loss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self.verifies = settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES")
        self._bind = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._certificates: dict[str, Certificate] = {}
        self._free: list[pycurl.Curl] = []
        self._multi: Multi | None = None
        self._running: set[Exchange[Any]] = set()
        self.throttle = Throttle.of(crawler, settings.getint("MIRROR_RATE"))
        self._sweeper: asyncio.TimerHandle | None = None
        self._common = self._common_options()
        self._client = [
            (option, str(settings[name]))
            for name, option in (
                ("MIRROR_CLIENT_CERTIFICATE", pycurl.SSLCERT),
                ("MIRROR_CLIENT_KEY", pycurl.SSLKEY),
            )
            if settings.get(name)
        ]
        self._told_loss = False

    @property
    def spools(self) -> Spools | None:
        """Where long payloads go; `None`: to memory."""
        return getattr(self.crawler.spider, "spools", None)

    @property
    def reach(self) -> Reach | None:
        """Which addresses may be connected to; `None`: all."""
        return getattr(self.crawler.spider, "reach", None)

    async def download_request(self, request: Request) -> Response:
        """Raises the exceptions of `scrapy.exceptions` that Scrapy's own handlers raise."""
        scheme = request.url.partition(":")[0]
        if scheme not in _SUPPORTED:
            raise UnsupportedURLSchemeError(f"this libcurl has no {scheme}")
        part = self.part(request)
        if part:
            try:
                return await self._download(scheme, request, part)
            except NoLongerThatError:
                assert self.spools is not None
                self.spools.forget(part.promise.url)
        return await self._download(scheme, request, None)

    async def _download(self, scheme: str, request: Request, part: Part | None) -> Response:
        if scheme in file_transfer.SCHEMES:
            return await file_transfer.download(self, request, part)
        return await self.run(Transfer(self, request, part))

    async def close(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
        if self._multi:
            self._multi.close()
        for easy in self._free:
            easy.close()

    def part(self, request: Request) -> Part | None:
        if self.spools is None or request.method != "GET":
            return None
        return self.spools.part(CanonicalURL(request.url))

    async def run(self, exchange: Exchange[Result]) -> Result:
        """Lend a handle to an exchange until it is over."""
        if self._multi is None:
            self._multi = Multi()
        easy = exchange.easy = self._easy(fresh=LOGIN in exchange.request.meta)
        special = self._set(easy, exchange)
        self._running.add(exchange)
        self._sweep_later()
        try:
            await self._multi.perform(easy)
            return exchange.result()
        except TransferError as error:
            if exchange.barred:
                raise Skipped(Reason.PRIVATE, exchange.barred) from error
            return exchange.failed(error)
        finally:
            self._running.discard(exchange)
            exchange.is_paused = False
            exchange.close()
            if special:
                easy.close()
            else:
                self._free.append(easy)

    def end(self, exchange: Exchange[Any], error: TransferError) -> None:
        """End an exchange from outside of libcurl's calls."""
        assert self._multi is not None
        self._multi.fail(exchange.easy, error)

    # --- options of libcurl --------------------------------------------------------------------------------------------

    def _easy(self, *, fresh: bool) -> pycurl.Curl:
        """A handle; where somebody is to log in, one that remembers no other challenge."""
        if self._free and not fresh:
            return self._free.pop()
        easy = pycurl.Curl()
        for option, value in self._common:
            easy.setopt(option, value)
        return easy

    def _common_options(self) -> list[tuple[int, Any]]:
        """What is the same for all transfers."""
        settings = self.crawler.settings
        verify = self.verifies
        found: list[tuple[int, Any]] = [
            (pycurl.NOSIGNAL, 1),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.PROTOCOLS, sum(getattr(pycurl, f"PROTO_{scheme.upper()}") for scheme in _SCHEMES)),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.HTTP09_ALLOWED, 0),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.BUFFERSIZE, self.throttle.block if self.throttle else _BUFFER),
            (pycurl.USERAGENT, ""),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.SSL_VERIFYPEER, int(verify)),
            (pycurl.SSL_VERIFYHOST, 2 * verify),
            (pycurl.PROXY_SSL_VERIFYPEER, int(verify)),
            (pycurl.PROXY_SSL_VERIFYHOST, 2 * verify),
            (pycurl.HTTP_VERSION, _VERSIONS[str(settings.get("MIRROR_HTTP_VERSION") or "2")]),
            (pycurl.PIPEWAIT, 1),
            (pycurl.PROXY, ""),  # the environment is read by Scrapy's middleware, which knows NO_PROXY too
            (pycurl.OPT_FILETIME, 1),
            (pycurl.FTP_SKIP_PASV_IP, 1),
            *([] if settings.getbool("DNSCACHE_ENABLED") else [(pycurl.DNS_CACHE_TIMEOUT, 0)]),
        ]
        least, most = (settings.get(f"DOWNLOAD_TLS_{bound}_VERSION") for bound in ("MIN", "MAX"))
        if least or most:
            found.append((pycurl.SSLVERSION, _TLS.get(least or "", 0) | _TLS.get(most or "", 0) << 16))
        if settings.get("MIRROR_CA_FILE"):
            found.append((pycurl.CAINFO, str(settings["MIRROR_CA_FILE"])))
        ciphers = settings.get("DOWNLOADER_CLIENT_TLS_CIPHERS")
        if ciphers and ciphers != "DEFAULT":
            found.append((pycurl.SSL_CIPHER_LIST, ciphers))
        return found

    def _set(self, easy: pycurl.Curl, exchange: Exchange[Any]) -> bool:
        """The options of one exchange; whether they make the handle unfit for others."""
        request = exchange.request
        exchange.timeout = float(request.meta.get("download_timeout", self.timeout))
        easy.setopt(pycurl.URL, request.url.partition("#")[0])
        easy.setopt(pycurl.HEADERFUNCTION, exchange.header)
        easy.setopt(pycurl.WRITEFUNCTION, exchange.body)
        easy.setopt(pycurl.OPENSOCKETFUNCTION, exchange.open_socket)
        special = self._set_proxy(easy, request) | self._set_login(easy, request) | self._set_bind(easy, request)
        return exchange.set(easy) | special | self._set_client(easy, request)

    def _set_proxy(self, easy: pycurl.Curl, request: Request) -> bool:
        proxy = request.meta.get("proxy")
        if not proxy:
            return False
        easy.setopt(pycurl.PROXY, proxy.removeprefix("//"))
        easy.setopt(pycurl.OPENSOCKETFUNCTION, opened)  # its address is the user's affair
        authorization = request.headers.get("Proxy-Authorization")
        if authorization and authorization.lower().startswith(b"basic "):
            easy.setopt(pycurl.PROXYUSERPWD, b64decode(authorization[6:]))
            easy.setopt(pycurl.PROXYAUTH, pycurl.HTTPAUTH_ANY)
        easy.setopt(pycurl.HTTPPROXYTUNNEL, int(not request.url.startswith("http:")))
        return True

    def _set_login(self, easy: pycurl.Curl, request: Request) -> bool:
        login = request.meta.get(LOGIN)
        if not login:
            return False
        user, password = login
        easy.setopt(pycurl.USERNAME, user.encode())  # RFC 7617, 2.1
        easy.setopt(pycurl.PASSWORD, password.encode())
        easy.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_ANY)
        return True

    def _set_client(self, easy: pycurl.Curl, request: Request) -> bool:
        """The certificate by which the user is known, for whom it is meant."""
        if not self._client or not request.meta.get(CERTIFICATE, True):
            return False
        for option, path in self._client:
            easy.setopt(option, path)
        return True

    def _set_bind(self, easy: pycurl.Curl, request: Request) -> bool:
        bind = request.meta.get("bindaddress") or self._bind
        if not bind:
            return False
        host, port = (bind, 0) if isinstance(bind, str) else bind
        easy.setopt(pycurl.INTERFACE, f"host!{host}")
        easy.setopt(pycurl.LOCALPORT, port)
        return True

    # --- what is told of a connection ----------------------------------------------------------------------------------

    def certificate(self, easy: pycurl.Curl, place: str) -> Certificate | None:
        """The certificate of the server at `host:port`. libcurl tells it to the transfer that made the connection."""
        if place not in self._certificates:
            others = (exchange.easy for exchange in self._running if urlsplit(exchange.request.url).netloc == place)
            pem = next((pem for each in (easy, *others) if (pem := _pem(each))), None)
            if pem is None:
                return None
            self._certificates[place] = _certificate(pem)
        return self._certificates[place]

    def tell_loss(self, request: Request) -> None:
        if not self._told_loss:
            self._told_loss = True
            logger.warning(get_dataloss_msg(request.url))

    # --- silence -------------------------------------------------------------------------------------------------------

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEPT_EVERY, self._sweep)

    def _sweep(self) -> None:
        """End the transfers of which nothing was heard for too long."""
        self._sweeper = None
        assert self._multi is not None
        now = monotonic()
        is_closing = self._is_closing()
        for transfer in list(self._running):
            if transfer.is_paused:
                transfer.heard = now
            if transfer.timeout and now - transfer.heard > transfer.timeout:
                words = f"Nothing came of {transfer.request.url} for {transfer.timeout:g} seconds."
                self._multi.fail(transfer.easy, TransferError(pycurl.E_OPERATION_TIMEDOUT, words))
            elif self._least_rate and transfer.trickles(now, self._least_rate):
                words = f"Next to nothing came of {transfer.request.url} for {transfer.timeout:g} seconds."
                self._multi.fail(transfer.easy, TransferError(pycurl.E_OPERATION_TIMEDOUT, words))
            elif 0 < self._endless_for < now - transfer.begun and transfer.is_endless:
                words = f"endless: no length was told, and it came for {self._endless_for:g} seconds"
                self._multi.fail(transfer.easy, EndlessError(words))
            elif is_closing and transfer.can_be_resumed:
                self._multi.fail(transfer.easy, InterruptedTransferError(transfer.request.url))
        if self._running:
            self._sweep_later()

    def _is_closing(self) -> bool:
        """Whether the spider is being closed and waits for nothing but what is in flight; Scrapy has no public word for it."""
        slot = getattr(self.crawler.engine, "_slot", None)
        return slot is not None and slot.closing is not None


def _pem(easy: pycurl.Curl) -> str | None:
    """The certificate of the server, if this transfer knows."""
    chain = cast("list[list[tuple[str, str]]]", easy.getinfo(pycurl.INFO_CERTINFO))
    return next((value for key, value in chain[0] if key == "Cert"), None) if chain else None


@lru_cache(maxsize=256)
def _certificate(pem: str) -> Certificate:
    return Certificate.loadPEM(pem.encode("ascii"))
