"""`websucker URL...`: check everything that a run needs, crawl, and end with the exit code of the run."""

import asyncio
import errno
from argparse import Namespace
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from scrapy.crawler import AsyncCrawlerProcess, Crawler, CrawlerProcessBase
from scrapy.settings import SETTINGS_PRIORITIES, BaseSettings

from mirror.cli.option_table import AUTO, NONE
from mirror.cli.option_values import parse_events, parse_size, parse_workers
from mirror.cli.options import Options, Transfers
from mirror.cli.scrapy_settings import find_settings, silence_duplicate_logs
from mirror.cli.start_schemes import choose, is_asked_with_https
from mirror.cli.start_urls import list_starts
from mirror.cli.usage_errors import Given, UsageError
from mirror.core.policy.private_addresses import networks
from mirror.core.url.canonical import CanonicalURL
from mirror.core.url.schemeless import spellings
from mirror.engine.engine import DirectCrawler
from mirror.events.targets import Target, parse_target
from mirror.progress.sinks import open_sink
from mirror.reports.exit_codes import Exit
from mirror.store import forgetting
from mirror.store.archive import Archive
from mirror.store.archive_reader import ArchiveReader
from mirror.store.disk.errors import StorageError, storing
from mirror.store.searching import bring_up_to_date, is_current, open_index
from mirror.terminal.console import described, exit_with_error, print_message
from mirror.terminal.displays import InvalidProgressError, display
from mirror.terminal.streams import lost_output
from mirror.workers.pool import prefork
from mirror.workers.processes import end_forked, signals_interrupt


def run(given: Namespace) -> int:
    """Mirror a site with the words `given.words`, by option name."""
    fork_workers(given.words)
    try:
        process = find_process(given)
        code = run_mirror(process, check_run(process.settings, given.words))
    finally:
        end_forked()
    tell_lost_lines()
    return code


def fork_workers(words: dict[str, Any]) -> None:
    """Fork the worker processes while nothing is open yet. A wrong number of them is reported later."""
    with suppress(UsageError):
        prefork(parse_workers(words.get("workers", AUTO)))


def find_process(given: Namespace) -> CrawlerProcessBase:
    """Scrapy's process, if Scrapy's command line made one; else a new one. Raises `UsageError`."""
    if given.process is not None:
        made: CrawlerProcessBase = given.process
        return made
    return AsyncCrawlerProcess(find_settings(given))


def run_mirror(process: CrawlerProcessBase, words: dict[str, Any]) -> int:
    """Crawl, and return the exit code. If the crawl can't start, exit with one line that says why."""
    silence_duplicate_logs()
    crawler = DirectCrawler.of("mirror", process.settings)
    running = process.crawl(crawler, **words)
    process.start()
    error = running.exception() if isinstance(running, asyncio.Task) and running.done() else None
    if isinstance(error, StorageError):
        exit_with_error(str(error), Exit.STORAGE)
    if error is not None:
        exit_with_error(f"the crawl can't start: {' '.join(f'{type(error).__name__}: {error}'.split())}", Exit.USAGE)
    code = exit_code(crawler)
    if process.settings.getbool("MIRROR_INDEX") and is_over(crawler):
        out: Path = crawler.spider.out  # type: ignore[union-attr]  # it is a `MirrorSpider`
        index(out, is_quiet=process.settings.getbool("MIRROR_QUIET"))
    return code


def is_over(crawler: Crawler) -> bool:
    """Whether the run came to its end by itself, and could store it."""
    assert crawler.stats is not None
    code, reason = map(crawler.stats.get_value, ("mirror/exit_code", "finish_reason"))
    return reason == "finished" and code not in {None, Exit.STORAGE}


def index(root: Path, *, is_quiet: bool) -> None:
    """Bring the search index up to date, after a run. If that fails, or is interrupted, the next search makes up for it."""
    why = "it was interrupted, and the next search goes on"
    try:
        with (
            signals_interrupt(),
            storing(root),
            closing(ArchiveReader(root)) as archive,
            closing(open_index(root)) as found,
        ):
            if not (is_quiet or is_current(archive, found)):
                print_message("Bringing the search index up to date; Ctrl-C leaves the rest to the next search\n")
            for _ in bring_up_to_date(archive, found):
                pass
    except KeyboardInterrupt:
        pass
    except StorageError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - a bug must not fail a run that is complete
        why = described(error)
    else:
        return
    print_message(f"The search index is not up to date: {why}\n")


def tell_lost_lines() -> None:
    """Say that the list of files is incomplete. That is no failure of the crawl; with a closed pipe the user wants it so."""
    failure = lost_output()
    if failure and failure.errno != errno.EPIPE:
        print_message(f"The list of files is not complete: {failure.strerror}\n")


_NUMBERS: Final[dict[str, float]] = {
    "CONCURRENT_REQUESTS": 1,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_MAXSIZE": 0,
    "DOWNLOAD_TIMEOUT": 0,
    "MIRROR_ENDLESS_SIZE": 0,
    "MIRROR_ENDLESS_TIME": 0,
    "MIRROR_LEAST_RATE": 0,
    "MIRROR_QUOTA": 0,
    "MIRROR_RATE": 0,
    "RETRY_TIMES": 0,
}
"""Settings that users give -> the minimum of each."""

_WORDS: Final[dict[str, str]] = {
    "MIRROR_HTTP_VERSION": "http",
    "MIRROR_CLIENT_CERTIFICATE": "certificate",
    "MIRROR_CLIENT_KEY": "key",
    "MIRROR_CA_FILE": "ca",
}
"""Settings -> the option that means the same."""


def check_settings(settings: BaseSettings) -> None:
    """Check the settings that users give; raises `UsageError`."""
    for name, minimum in _NUMBERS.items():
        if settings[name] is None:
            continue
        try:
            number = float(settings[name])
        except (TypeError, ValueError):
            number = -1
        if not number >= minimum:
            raise UsageError(Given(name, settings[name]), f" is not a number of {minimum:g} or more")
    try:
        settings.getbool("ROBOTSTXT_OBEY")
    except ValueError:
        raise UsageError(Given("ROBOTSTXT_OBEY", settings["ROBOTSTXT_OBEY"]), " is neither 0 nor 1") from None
    try:
        networks(settings["MIRROR_PUBLIC_NETWORKS"] or "")
    except ValueError as error:
        raise UsageError(Given("MIRROR_PUBLIC_NETWORKS"), f": {error}") from None
    try:
        Transfers.parse({option: str(settings[name] or "") for name, option in _WORDS.items()} | {"netrc": NONE})
    except UsageError as error:
        names = {option: name for name, option in _WORDS.items()}
        raise UsageError(error.spelled(lambda one: str(Given(names.get(one.name, one.name), one.value)))) from None


def check_run(settings: BaseSettings, words: dict[str, Any]) -> dict[str, Any]:
    """Check everything that a run needs, and return the words with a scheme for each start.

    Raises `UsageError` or `StorageError` for the first mistake.
    """
    starts = list_starts(words.get("start", ""))
    likely = [next(iter(spellings(one)), one) for one in starts]
    options = Options.parse({**words, "start": "\n".join(likely)})
    check_settings(settings)
    parse_size("MIRROR_RESERVE", str(settings["MIRROR_RESERVE"]))
    events = find_events(settings, options)
    try:
        name, hook = settings.get("MIRROR_PROGRESS"), settings.get("MIRROR_REPORTHOOK") or ""
        display(name, hook, terminal=False, stdout_taken=events is not None and events.is_stdout)
    except InvalidProgressError as error:
        raise UsageError(str(error)) from None
    with closing(Archive(options.out)) as archive:
        check_events(events, options.out)
        forgetting.finish(archive)
        earlier = [] if likely == starts else _starts_that_led_somewhere(archive)
    asked = partial(is_asked_with_https, proxy=options.transfers.proxy)
    choices = choose(starts, earlier, asked)
    if not settings.getbool("MIRROR_QUIET"):
        print_message("".join(f"{choice}\n" for choice in choices if str(choice)))
    return {**words, "start": "\n".join(choice.url for choice in choices)}


def find_events(settings: BaseSettings, options: Options) -> Target | None:
    """Where the events go: a setting on the command line comes before the option, and the option before other settings."""
    is_given = settings.getpriority("MIRROR_EVENTS") == SETTINGS_PRIORITIES["cmdline"]
    text = settings.get("MIRROR_EVENTS") if is_given or options.events is None else options.events
    return parse_target(parse_events(text or "") or "")


def check_events(events: Target | None, out: Path) -> None:
    """Check that events can be written to a file. Whether somebody listens on a socket may change until the crawl begins."""
    if events is None or events.is_socket or events.is_stdout:
        return
    try:
        open_sink(events, out).close()
    except OSError as error:
        raise UsageError(Given("events", events.path), f" can't be written: {error.strerror or error}") from None


def _starts_that_led_somewhere(archive: Archive) -> list[tuple[CanonicalURL, ...]]:
    """The starts of the runs that got a file, the newest first. Where nothing answered, the other scheme may be right."""
    return [one.starts for one in reversed(archive.history.snapshots()) if one.numbers.pages or one.numbers.files]


def exit_code(crawler: Crawler) -> int:
    """The exit code from the stats of the run. After a second Ctrl-C the run had no time to set it."""
    assert crawler.stats is not None
    code = crawler.stats.get_value("mirror/exit_code")
    if code is None:
        print_message("Stopped at once: run the same command again to continue\n")
        return Exit.INTERRUPTED
    return int(code)
