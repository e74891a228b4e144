"""Cookies that scripts set in the browser, in the crawl's own jar."""

from pathlib import Path

from scrapy import Request
from scrapy.utils.test import get_crawler

from mirror.cookies import Cookies
from mirror.spiders.mirror import MirrorSpider


def sent(cookies: Cookies, url: str) -> str:
    request = Request(url)
    cookies.process_request(request)
    return (request.headers.get("Cookie") or b"").decode()


def test_cookies_of_scripts_go_to_the_host_of_their_page_and_replace_none_of_the_users(tmp_path: Path) -> None:
    given = tmp_path / "cookies.txt"
    given.write_text(".a.example\tTRUE\t/\tFALSE\t0\tsession\tmine\n")
    crawler = get_crawler(MirrorSpider)
    crawler.spider = spider = MirrorSpider(start="http://a.example/", out=str(tmp_path / "out"), cookies=str(given))
    cookies = Cookies.from_crawler(crawler)
    found = [("human", "1", "/"), ("session", "theirs", "/"), ("deep", "2", "/x")]
    spider.keep_cookies("http://www.a.example/x/", found)  # type: ignore[arg-type]
    assert sorted(sent(cookies, "http://www.a.example/").split("; ")) == ["human=1", "session=mine"]
    assert sorted(sent(cookies, "http://www.a.example/x/y").split("; ")) == ["deep=2", "human=1", "session=mine"]
    assert sent(cookies, "http://a.example/") == "session=mine"
    assert sent(cookies, "http://b.example/") == ""
    spider.archive.close()
