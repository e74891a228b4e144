"""What Scrapy logs of each response: lines that nobody reads are not made, and items, which hold whole payloads, never are."""

import logging
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response
from scrapy.logformatter import LogFormatter as ScrapyLogFormatter

_ENGINE = logging.getLogger("scrapy.core.engine")


class LogFormatter(ScrapyLogFormatter):
    """Scrapy's own, which makes a line for each response and then asks whether anybody wants it."""

    def crawled(self, request: Request, response: Response, spider: Spider) -> Any:
        return super().crawled(request, response, spider) if _ENGINE.isEnabledFor(logging.DEBUG) else None

    def scraped(self, *_: Any) -> Any:
        return None
