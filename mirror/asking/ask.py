"""Asks about many URLs at once, and returns what their servers said."""

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from mirror.asking.spider import SETTINGS, AskSpider
from mirror.cli.options import Options
from mirror.core.links.answers import Answer
from mirror.core.url.canonical import CanonicalURL
from mirror.terminal.console import print_message

_SILENT: Final = ("scrapy.core.scraper", "scrapy.downloadermiddlewares.retry")
"""They log what the answers say, with tracebacks."""


_TOGETHER: Final = 100
"""Answers after which a user who watches is told how many there are."""


def ask(urls: Sequence[CanonicalURL], words: Mapping[str, str], settings: Settings) -> list[Answer]:
    """Ask about each URL once. After Ctrl-C, some have no answer. To be called once in a process, as Scrapy's reactor is.

    `words` are those of a crawl of the mirror, by option name: its starts decide where it may go. Raises `UsageError`.
    """
    options = Options.parse(dict(words))
    settings.setdict(SETTINGS, priority="spider")
    answers: list[Answer] = []
    is_watched = sys.stderr.isatty()

    def take(answer: Answer) -> None:
        answers.append(answer)
        if is_watched and len(answers) % _TOGETHER == 0:
            print_message(f"{len(answers):,} of {len(urls):,}\n")

    process = AsyncCrawlerProcess(settings)
    for name in _SILENT:  # the process has configured logging
        logging.getLogger(name).setLevel(logging.CRITICAL)
    process.crawl(AskSpider, urls=urls, take=take, options=options)
    process.start()
    return answers
