"""Asks about many URLs at once, and returns what their servers said."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from mirror.asking.spider import SETTINGS, AskSpider
from mirror.cli.options import Options
from mirror.core.links.answers import Answer
from mirror.core.url.canonical import CanonicalURL

_SILENT: Final = ("scrapy.core.scraper", "scrapy.downloadermiddlewares.retry")
"""They log what the answers say, with tracebacks."""


def ask(urls: Sequence[CanonicalURL], words: Mapping[str, str], settings: Settings) -> list[Answer]:
    """Ask about each URL once. After Ctrl-C, some have no answer. To be called once in a process, as Scrapy's reactor is.

    `words` are those of a crawl of the mirror, by option name: its starts decide where it may go. Raises `UsageError`.
    """
    options = Options.parse(dict(words))
    settings.setdict(SETTINGS, priority="spider")
    answers: list[Answer] = []
    process = AsyncCrawlerProcess(settings)
    for name in _SILENT:  # the process has configured logging
        logging.getLogger(name).setLevel(logging.CRITICAL)
    process.crawl(AskSpider, urls=urls, take=answers.append, options=options)
    process.start()
    return answers
