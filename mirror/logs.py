"""What Scrapy logs of each response: lines that nobody reads are not made, and items, which hold whole payloads, never are.

Whatever is logged, by whomever: no character of it is one that a terminal obeys, because servers write half of it.
"""

import logging
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter as ScrapyLogFormatter

from mirror.terminal.printable import printable_lines

_ENGINE = logging.getLogger("scrapy.core.engine")


class LogFormatter(ScrapyLogFormatter):
    """Scrapy's own, which makes a line for each response and then asks whether anybody wants it."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> Any:
        return super().crawled(request, response, spider) if _ENGINE.isEnabledFor(logging.DEBUG) else None

    def scraped(self, *_: Any) -> Any:
        return None


class Printable(logging.Formatter):
    """Another formatter, of whose text only lines are left."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        return printable_lines(self._formatter.format(record))


def print_safely() -> None:
    """From now on what the log's handlers print can't move a cursor. Scrapy makes a new handler for each crawler."""
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, Printable):
            handler.setFormatter(Printable(handler.formatter or logging.Formatter()))
