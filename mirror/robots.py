"""The downloader middleware that obeys robots.txt: it asks each host once a day, and says which line forbids a URL.

`core.policy.robots_txt` says what an answer means. Here is the asking: past redirects, once for all who wait for it, and again
after `MIRROR_ROBOTS_FRESH` seconds, because a crawl may take days. Where a host can't be asked, its requests fail for that, and
are tried again as what else fails; what was known in this run holds on.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, NotConfigured, ResponseDataLossError
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from mirror.core.document.references import Reference, header_references
from mirror.core.http import messages
from mirror.core.http.messages import status_text
from mirror.core.policy import robots_txt
from mirror.core.policy.robots_txt import Robots as Rules
from mirror.core.policy.scope import Reason
from mirror.core.url.canonical import CanonicalURL, is_web
from mirror.items import Answer, Failure, answered
from mirror.pacing import Hosts
from mirror.pipelines import Store
from mirror.terminal.console import tell
from mirror.transfer import failures
from mirror.transfer.exchange import IN_MEMORY
from mirror.transfer.failures import BrokenAnswerError, Skipped, UnreachableError

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

MOST_RECEIVED: Final = 4 << 20
"""Bytes of a robots.txt up to which it is received at all."""

MOST_KEPT: Final = 200_000
"""Rules of all hosts that are kept in memory: more, and the oldest are asked for again."""

AGAIN_AFTER: Final = 60 * 60
"""Seconds after which a host is asked again whose rules are older than a day because it could not be asked."""


@dataclass(slots=True)
class _Known:
    """The rules of a host, and until when they hold (`monotonic`)."""

    rules: Rules
    until: float


@dataclass(slots=True)
class _Said:
    """What came of asking: the last answer, or why there is none."""

    answer: messages.Response | None = None
    error: Exception | None = None
    hops: list[tuple[messages.Response, list[Reference]]] = field(default_factory=list)


class Robots:
    """Obeys robots.txt by RFC 9309."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"]
        self._fresh_for = settings.getfloat("MIRROR_ROBOTS_FRESH", robots_txt.FRESH_FOR)
        self._known: dict[CanonicalURL, _Known] = {}
        self._kept = 0
        self._hosts = Hosts.of(crawler)
        self._asking: dict[CanonicalURL, asyncio.Task[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if request.meta.get("dont_obey_robotstxt"):
            return
        url = CanonicalURL(request.url)
        place = robots_txt.robots_url(url)
        if place is None or place == url:
            return
        known = self._known.get(place)
        rules = known.rules if known and monotonic() < known.until else await self._asked(place)
        rule = rules.rule(url)
        if not rule.allows:
            raise Skipped(Reason.ROBOTS, str(rule))

    async def _asked(self, place: CanonicalURL) -> Rules:
        """The rules of a host, asked for once, however many wait for them."""
        if place not in self._asking:
            task = self._asking[place] = asyncio.get_running_loop().create_task(self._renewed(place))
            task.add_done_callback(lambda _: self._asking.pop(place))
        return await asyncio.shield(self._asking[place])

    async def _renewed(self, place: CanonicalURL) -> Rules:
        said = await self._ask(place)
        rules = robots_txt.robots(said.answer.status, said.answer.payload, self._agent) if said.answer else None
        self._record(place, said, rules)
        if rules is not None:
            return self._keep(place, rules, self._fresh_for)
        old = self._known.get(place)
        if old:
            return self._keep(place, old.rules, min(self._fresh_for, AGAIN_AFTER))
        if isinstance(said.error, Skipped):
            raise said.error
        forgotten = self._forgotten(place)
        if forgotten is None:
            raise _unreachable(said)
        return self._keep(place, forgotten, self._fresh_for)

    def _keep(self, place: CanonicalURL, rules: Rules, seconds: float) -> Rules:
        old = self._known.pop(place, None)
        self._kept += _room(rules) - (_room(old.rules) if old else 0)
        self._known[place] = _Known(rules, monotonic() + seconds)
        pace = self._hosts.of_url(place).pace
        if rules.delay is not None and not pace.ask_for(rules.delay, monotonic()) and old is None:
            words = f"{place} asks for {rules.delay:g} s between requests; MIRROR_CRAWL_DELAY_MAX makes that {pace.delay:g} s"
            tell(f"{words}\n")
        while self._kept > MOST_KEPT and len(self._known) > 1:
            self._kept -= _room(self._known.pop(next(iter(self._known))).rules)
        return rules

    # --- asking --------------------------------------------------------------------------------------------------------

    async def _ask(self, place: CanonicalURL) -> _Said:
        """Ask, and go where the answer leads, to other hosts too (2.3.1.2)."""
        said, url = _Said(), place
        for _ in range(robots_txt.MOST_REDIRECTS + 1):
            try:
                answer = answered(await self._download(url))
            except Skipped as error:  # no address for us, be it the host's own or one that it leads to
                if url == place:
                    said.error = error
                    return said
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, there are no rules
                said.error, said.answer = error, None
                return said
            said.answer = answer
            if not answer.is_redirect:
                return said
            targets = header_references(answer.headers, url)
            said.hops.append((answer, targets))
            if not targets or not is_web(targets[0].url):  # the web leads to no files
                break
            url = targets[0].url
        said.answer = messages.Response(place, HTTPStatus.NOT_FOUND, (), b"")
        return said

    async def _download(self, url: CanonicalURL) -> Response:
        assert self._crawler.engine is not None
        meta: dict[str, Any] = {
            "dont_obey_robotstxt": True,
            "dont_retry": True,  # the request that waits for it is
            "download_maxsize": MOST_RECEIVED,
            "verbatim_url": True,
            IN_MEMORY: MOST_RECEIVED,
        }
        return await self._crawler.engine.download_async(Request(url, meta=meta, callback=NO_CALLBACK))

    # --- the archive ---------------------------------------------------------------------------------------------------

    def _record(self, place: CanonicalURL, said: _Said, rules: Rules | None) -> None:
        """Keep what came under the name of robots.txt: the answer, or the redirect; and the sitemaps that it names."""
        if isinstance(said.error, Skipped):  # as will be what waits for it, which tells why
            return
        found = robots_txt.sitemaps(rules, said.answer.url if said.answer else place)
        entry = self._spider.mirror.listing(place)
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        if said.hops:
            answer, targets = said.hops[0]
            pipeline.process_item(Answer(entry, answer, [*targets, *found]))
        elif said.answer:
            pipeline.process_item(Answer(entry, said.answer, found))
        else:
            assert said.error is not None
            pipeline.process_item(Failure(entry, failures.text(said.error)))

    def _forgotten(self, place: CanonicalURL) -> Rules | None:
        """The rules of a host that could not be asked for so long that those before hold again, or none."""
        mirror = self._spider.mirror
        since = mirror.failing_since(place)
        age = datetime.fromisoformat(mirror.now()) - datetime.fromisoformat(since) if since else timedelta()
        if age < timedelta(seconds=robots_txt.FORGOTTEN_AFTER):
            return None
        last = mirror.last_good(place)
        return Rules() if last is None else robots_txt.robots(last.status, last.payload, self._agent)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]


def _room(rules: Rules) -> int:
    return 1 + rules.size


def _unreachable(said: _Said) -> UnreachableError:
    if said.answer is None:
        error = said.error or Exception()
        came = isinstance(error, ResponseDataLossError | DownloadCancelledError | BrokenAnswerError)
        why = failures.text(error)  # where nothing came, nothing else would have come
        return UnreachableError(f"robots.txt can't be had: {why}" if came else why, None, None)
    why = f"robots.txt can't be had: {status_text(said.answer.status)}"
    return UnreachableError(why, said.answer.status, said.answer.header("retry-after"))
