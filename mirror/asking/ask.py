"""Asks about many URLs at once, and returns what their servers said."""

import logging
from collections.abc import Sequence
from typing import Final

from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from mirror.asking.spider import SETTINGS, AskSpider
from mirror.core.links.answers import Answer
from mirror.core.url.canonical import CanonicalURL

_SILENT: Final = (
    "scrapy.core.scraper",
    "scrapy.downloadermiddlewares.redirect",
    "scrapy.downloadermiddlewares.retry",
    "scrapy.downloadermiddlewares.robotstxt",
)
"""They log what the answers say, with tracebacks."""


def ask(urls: Sequence[CanonicalURL], starts: Sequence[CanonicalURL], settings: Settings) -> list[Answer]:
    """Ask about each URL once. After Ctrl-C, some have no answer. To be called once in a process, as Scrapy's reactor is.

    `starts` are those of the mirror: if they are on the internet, nothing on this machine or its network is asked.
    """
    settings.setdict(SETTINGS, priority="spider")
    answers: list[Answer] = []
    process = AsyncCrawlerProcess(settings)
    for name in _SILENT:  # it has configured logging
        logging.getLogger(name).setLevel(logging.CRITICAL)
    process.crawl(AskSpider, urls=urls, take=answers.append, starts=starts)
    process.start()
    return answers
