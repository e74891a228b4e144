"""The downloader middleware that obeys robots.txt. It records the line that forbids a URL.

`core.policy.robots_txt` defines what an answer means. This module fetches robots.txt: once for all requests that wait for it,
through redirects, its first 500 KiB only, within the time that a server may be silent. It does so again after
`MIRROR_ROBOTS_FRESH` seconds, because a crawl may take days. If it can't be fetched, the rules that this run knows stay in
force; without any, the requests of the host fail, and are retried like other failures.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadCancelledError, NotConfigured, ResponseDataLossError
from scrapy.http import Response
from scrapy.http.request import NO_CALLBACK

from mirror.core.document.references import header_references
from mirror.core.http import messages
from mirror.core.http.messages import status_text
from mirror.core.policy import robots_txt
from mirror.core.policy.request_rate import retry_after
from mirror.core.policy.robots_txt import Robots as Rules
from mirror.core.policy.scope import Reason
from mirror.core.syntax.reference import Reference
from mirror.core.url.canonical import CanonicalURL, is_web, origin
from mirror.items import Answer, Failure, core_response
from mirror.pacing import Hosts
from mirror.pipelines import Store
from mirror.reports.run_summary import ClosedHost
from mirror.reports.times import format_moment
from mirror.terminal.console import print_message
from mirror.transfer import failures
from mirror.transfer.curl_operation import BEGINNING, IN_MEMORY, TIME
from mirror.transfer.failures import NO_ROBOTS, BrokenAnswerError, InterruptedTransferError, Skipped, UnreachableError

if TYPE_CHECKING:
    from mirror.spiders.mirror import MirrorSpider

MAX_RULES: Final = 200_000
"""Rules of all hosts to keep in memory. When there are more, the oldest are dropped, and fetched again if needed."""

RETRY_AFTER: Final = 60 * 60
"""Seconds until the next attempt to renew expired rules."""


@dataclass(slots=True)
class _Known:
    """The rules of a host, and when they expire (`monotonic`)."""

    rules: Rules
    expires_at: float


@dataclass(slots=True)
class Fetched:
    """The last answer, or why there is none; and the redirects before it."""

    answer: messages.Response | None = None
    error: Exception | None = None
    hops: list[tuple[messages.Response, list[Reference]]] = field(default_factory=list)


class Robots:
    """Obeys robots.txt (RFC 9309)."""

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"]
        self._fresh_for = settings.getfloat("MIRROR_ROBOTS_FRESH", robots_txt.FRESH_FOR)
        self._longest = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._known: dict[CanonicalURL, _Known] = {}
        self._rule_count = 0
        self._hosts = Hosts.shared(crawler)
        self._fetching: dict[CanonicalURL, asyncio.Task[Rules]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> Coroutine[Any, Any, None] | None:
        """Raise `Skipped` if the rules forbid a URL. Returns something to wait for if they have to be fetched first."""
        if request.meta.get("dont_obey_robotstxt"):
            return None
        url = CanonicalURL(request.url)
        place = robots_txt.robots_url(url)
        if place is None or place == url:
            return None
        known = self._known.get(place)
        if known is None or monotonic() >= known.expires_at:
            return self._fetch_and_obey(place, url)
        _obey(known.rules, url)
        return None

    async def _fetch_and_obey(self, place: CanonicalURL, url: CanonicalURL) -> None:
        _obey(await self._rules(place), url)

    async def _rules(self, place: CanonicalURL) -> Rules:
        """Fetch the rules of a host, once for all requests that wait for them."""
        if place not in self._fetching:
            task = self._fetching[place] = asyncio.get_running_loop().create_task(self._renew(place))
            task.add_done_callback(lambda _: self._fetching.pop(place))
        return await asyncio.shield(self._fetching[place])

    async def _renew(self, place: CanonicalURL) -> Rules:
        fetched = await self._fetch(place)
        rules = (
            robots_txt.robots(fetched.answer.status, fetched.answer.payload, self._agent) if fetched.answer else None
        )
        self._record(place, fetched, rules)
        if rules is not None:
            self._hosts.closed.pop(place, None)
            return self._keep(place, rules, self._fresh_for)
        old = self._known.get(place)
        if old:
            return self._keep(place, old.rules, min(self._fresh_for, RETRY_AFTER))
        if isinstance(fetched.error, Skipped):
            raise fetched.error
        rules = self._rules_after_long_failure(place)
        if rules is None:
            error = _unreachable(fetched)
            if error.is_closed:
                opens = None if error.retry_after is None else time() + error.retry_after
                self._hosts.closed[place] = ClosedHost(origin(place), str(error), format_moment(opens))
            raise error
        return self._keep(place, rules, self._fresh_for)

    def _keep(self, place: CanonicalURL, rules: Rules, seconds: float) -> Rules:
        old = self._known.pop(place, None)
        self._rule_count += _size(rules) - (_size(old.rules) if old else 0)
        self._known[place] = _Known(rules, monotonic() + seconds)
        pace = self._hosts.host(place).pace
        if rules.delay is not None and not pace.ask_for(rules.delay, monotonic()) and old is None:
            limit = f"MIRROR_CRAWL_DELAY_MAX limits that to {pace.delay:g} s"
            print_message(f"{place} asks for {rules.delay:g} s between requests; {limit}\n")
        while self._rule_count > MAX_RULES and len(self._known) > 1:
            self._rule_count -= _size(self._known.pop(next(iter(self._known))).rules)
        return rules

    # --- fetching ------------------------------------------------------------------------------------------------------

    async def _fetch(self, place: CanonicalURL) -> Fetched:
        """Fetch robots.txt, and follow its redirects, to other hosts too (RFC 9309, 2.3.1.2)."""
        fetched, url = Fetched(), place
        for _ in range(robots_txt.MAX_REDIRECTS + 1):
            try:
                answer = core_response(await self._download(url))
            except Skipped as error:  # the address is barred: that of the host, or of the target of a redirect
                if url == place:
                    fetched.error = error
                    return fetched
                break
            except InterruptedTransferError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the error is, there are no rules
                fetched.error, fetched.answer = error, None
                return fetched
            fetched.answer = answer
            if not answer.is_redirect:
                return fetched
            targets = header_references(answer.headers, url)
            fetched.hops.append((answer, targets))
            if not targets or not is_web(targets[0].url):  # a redirect must not lead to a file
                break
            url = targets[0].url
        fetched.answer = messages.Response(place, HTTPStatus.NOT_FOUND, (), b"")
        return fetched

    async def _download(self, url: CanonicalURL) -> Response:
        assert self._crawler.engine is not None
        meta: dict[str, Any] = {
            "dont_obey_robotstxt": True,
            "dont_retry": True,  # the request that waits for it is retried instead
            "download_maxsize": robots_txt.MAX_SIZE + 1,  # a line that is cut off there is not read
            BEGINNING: True,
            TIME: self._longest,
            "verbatim_url": True,
            IN_MEMORY: robots_txt.MAX_SIZE + 1,
        }
        return await self._crawler.engine.download_async(Request(url, meta=meta, callback=NO_CALLBACK))

    # --- the archive ---------------------------------------------------------------------------------------------------

    def _record(self, place: CanonicalURL, fetched: Fetched, rules: Rules | None) -> None:
        """Record the answer of robots.txt itself (the redirect, if it was one), and the sitemaps that the rules name."""
        if isinstance(fetched.error, Skipped):  # the requests that wait for it are skipped too, and record why
            return
        found = robots_txt.sitemaps(rules, fetched.answer.url if fetched.answer else place)
        entry = self._spider.mirror.listing(place)
        pipeline = self._crawler.get_item_pipeline(Store)
        assert pipeline is not None
        if fetched.hops:
            answer, targets = fetched.hops[0]
            pipeline.process_item(Answer(entry, answer, [*targets, *found]))
        elif fetched.answer:
            pipeline.process_item(Answer(entry, fetched.answer, found))
        else:
            assert fetched.error is not None
            pipeline.process_item(Failure(entry, failures.text(fetched.error)))

    def _rules_after_long_failure(self, place: CanonicalURL) -> Rules | None:
        """The last good rules of a host, if its robots.txt has failed for so long that they apply again; else `None`.

        Without a last good one, everything is allowed.
        """
        mirror = self._spider.mirror
        since = mirror.failing_since(place)
        age = datetime.fromisoformat(mirror.now()) - datetime.fromisoformat(since) if since else timedelta()
        if age < timedelta(seconds=robots_txt.FORGOTTEN_AFTER):
            return None
        last = mirror.answers.last_good(place)
        return Rules() if last is None else robots_txt.robots(last.status, last.payload, self._agent)

    @property
    def _spider(self) -> "MirrorSpider":
        return self._crawler.spider  # type: ignore[return-value]


def _obey(rules: Rules, url: CanonicalURL) -> None:
    rule = rules.rule(url)
    if not rule.allows:
        raise Skipped(Reason.ROBOTS, str(rule))


def _size(rules: Rules) -> int:
    return 1 + rules.size


def _unreachable(fetched: Fetched) -> UnreachableError:
    if fetched.answer is None:
        error = fetched.error or Exception()
        is_broken = isinstance(error, ResponseDataLossError | DownloadCancelledError | BrokenAnswerError)
        why = failures.text(error)
        # without any answer, the host itself is unreachable: no need to name robots.txt
        return UnreachableError(f"{NO_ROBOTS}{why}" if is_broken else why, None, None)
    why = f"{NO_ROBOTS}{status_text(fetched.answer.status)}"
    seconds = retry_after(fetched.answer.header("retry-after"), time(), fetched.answer.header("date"))
    return UnreachableError(why, fetched.answer.status, seconds)
