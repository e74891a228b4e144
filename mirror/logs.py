"""Logging: what Scrapy logs of each response, and how log lines are made safe for a terminal.

Lines that the log level drops are not even formatted. Items hold whole payloads, and are never logged. Parts of log lines come
from servers, so control characters are replaced in all of them.
"""

import logging
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter as ScrapyLogFormatter

from mirror.terminal.printable import printable_lines


class LogFormatter(ScrapyLogFormatter):
    """Scrapy's formatter formats a line for each response before it checks the log level. This one checks first."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> Any:
        return super().crawled(request, response, spider) if _is_heard(logging.DEBUG) else None

    def scraped(self, *_: Any) -> Any:
        return None


def _is_heard(level: int) -> bool:
    """Return whether any handler wants lines of a level. Scrapy leaves all loggers open, and sets the level of its handler."""
    return any(handler.level <= level for handler in logging.getLogger().handlers)


class Printable(logging.Formatter):
    """Replaces the control characters in the text of another formatter, except for line ends."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(self._formatter.format(record))


def print_safely() -> None:
    """Replace control characters in what the handlers of the root logger print. Scrapy makes a new handler for each crawler."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, Printable):
            handler.setFormatter(Printable(handler.formatter or logging.Formatter()))
