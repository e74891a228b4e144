"""Options by which a user says what belongs to a mirror: further domains, cookies, the answers of failed pages."""

from pathlib import Path

import pytest

from tests.crawl.running import mirror, websucker
from tests.crawl.test_mirror import asked, named
from tests.mirroring import dangling
from tests.site import PNG, Site, serve

DOMAINS = Site().page("http://example.org/", links=["http://www.example.com/a", "http://example.net/"])
DOMAINS.page("http://www.example.com/a", "<img src=/a.png>", links=["http://shop.example.com/b"])
DOMAINS.page("http://shop.example.com/b").file("http://www.example.com/a.png", PNG, "image/png")
DOMAINS.page("http://example.net/")


@pytest.mark.parametrize("scope", ["site", "host", "prefix"])
def test_further_domains_belong_to_the_mirror_and_get_no_login(
    scope: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("also=example.com", f"scope={scope}", "login=guido:spam", "header=X-Token: spam", "requisites=site")
    with serve(DOMAINS) as server:
        named(monkeypatch, server)
        done = mirror("http://example.org/", tmp_path, *words)
        again = mirror("http://example.org/", tmp_path, f"scope={scope}")
    assert (done.code, again.code) == (0, 0), done.stderr
    assert asked(server) == {*DOMAINS} - {"http://example.net/"}
    assert dangling(tmp_path) == []
    headers = [(path, one.get("x-token")) for path, one in server.requests if "example.com" in path]
    assert {token for _, token in headers} == {None}
    assert not (tmp_path / "www.example.com_80" / "a~.html").exists()  # the second run left the domain out


def test_without_cookies_none_is_kept_or_sent(tmp_path: Path) -> None:
    site = Site().page("/", links=["/a"], headers={"Set-Cookie": "a=1; Path=/"}).page("/a")
    with serve(site) as server:
        assert mirror(server.url, tmp_path / "with").code == 0
        assert {one.get("cookie") for path, one in server.requests if path == "/a"} == {"a=1"}
        assert mirror(server.url, tmp_path / "without", "cookies=none").code == 0
    assert [one.get("cookie") for path, one in server.requests if path == "/a"] == ["a=1", None]
    assert websucker("why", tmp_path / "without", f"{server.url}/a").code == 0
