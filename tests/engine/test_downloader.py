"""The downloader names slots as Scrapy's does."""

import pytest
from scrapy import Request
from scrapy.core.downloader import Downloader as ScrapyDownloader
from scrapy.resolver import dnscache
from scrapy.utils.test import get_crawler

from mirror.engine.downloader import Downloader

URLS = (
    "http://example.org/a/b?c=/d",
    "HTTP://EXAMPLE.ORG:8000/a",
    "https://user:secret@example.org:443/",
    "http://[::1]:8000/a",
    "http://example.org?a/b",
    "http://example.org#a/b",
    "http://example.org",
    "file:///srv/www/index.html",
    "data:text/plain,a/b/c/d",
    "ftp://ftp.example.org/pub//x",
)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("given", [{}, {"download_slot": None}, {"download_slot": "a slot of its own"}], ids=str)
@pytest.mark.parametrize("by_address", [False, True], ids=["by host", "by address"])
def test_a_slot_has_the_name_that_scrapy_gives_it(
    url: str, given: dict[str, str | None], by_address: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(dnscache, "example.org", "192.0.2.1")
    ours, scrapys = (kind(get_crawler()) for kind in (Downloader, ScrapyDownloader))
    ours.ip_concurrency = scrapys.ip_concurrency = int(by_address)
    request = Request(url, meta={"verbatim_url": True, **given})
    assert ours.get_slot_key(request) == scrapys.get_slot_key(request)
