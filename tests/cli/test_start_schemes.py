"""Which scheme a start gets that was given without one, and that the choice stays."""

import socket
from pathlib import Path

import pytest
from scrapy.settings import Settings

from mirror.cli.start_schemes import Choice, choose, is_asked_with_https, listens
from mirror.cli.start_urls import list_starts
from mirror.commands import crawl
from mirror.core.http.credentials import Proxy
from mirror.core.url.canonical import canonical
from tests.replay.serving import mirrored
from tests.site import Site


def nobody(host: str) -> bool:
    raise AssertionError(f"{host} was asked")


@pytest.mark.parametrize(
    ("answer", "url", "told"),
    [
        (True, "https://example.org/x#/y", "example.org/x#/y means https://example.org/x#/y"),
        (
            False,
            "http://example.org/x#/y",
            "example.org/x#/y means http://example.org/x#/y: nothing listens on its port 443",
        ),
    ],
)
def test_what_listens_decides(answer: bool, url: str, told: str) -> None:
    asked: list[str] = []

    def listening(host: str) -> bool:
        asked.append(host)
        return answer

    [choice] = choose(["example.org/x#/y"], [], listening)
    assert (choice.url, str(choice), asked) == (url, told, ["example.org"])


@pytest.mark.parametrize(
    ("start", "url"),
    [
        ("localhost:8000", "http://localhost:8000"),
        ("example.org:443", "https://example.org:443"),
        ("http://example.org/", "http://example.org/"),
        ("file:///home/", "file:///home/"),
        ("gopher://example.org/", "gopher://example.org/"),
        ("//example.org/", "//example.org/"),
        ("exa%20mple.org", "exa%20mple.org"),
    ],
)
def test_other_starts_ask_nobody(start: str, url: str) -> None:
    assert [choice.url for choice in choose([start], [], nobody)] == [url]


def test_a_start_that_is_a_url_is_not_told() -> None:
    assert str(Choice("http://example.org/", "http://example.org/")) == ""


def test_the_newest_run_decides() -> None:
    plain, encrypted = canonical("http://example.org/"), canonical("https://example.org/")
    for runs, url in (([[plain]], "http"), ([[encrypted], [plain]], "https"), ([[], [plain], [encrypted]], "http")):
        [choice] = choose(["example.org"], runs, nobody)
        assert str(choice) == f"example.org means {url}://example.org: as in an earlier run"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_same_command_starts_at_the_same_url(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive knows the starts of its runs, so nothing is asked."""
    start = f"{scheme}://example.org"
    mirrored(tmp_path / "archive", {start: Site().page("/")}, start, "2026-11-24")
    monkeypatch.setattr(crawl, "is_asked_with_https", lambda host, **_: nobody(host))
    settings = Settings()
    settings.setmodule("mirror.settings")
    words = crawl.check_run(settings, {"start": "example.org", "out": str(tmp_path / "archive")})
    assert words["start"] == start
    assert capsys.readouterr().err == f"example.org means {start}: as in an earlier run\n"


def test_a_start_at_which_nothing_answered_is_chosen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored(tmp_path / "archive", {}, "https://example.org", "2026-11-24")
    monkeypatch.setattr(crawl, "is_asked_with_https", lambda _, **__: False)
    settings = Settings()
    settings.setmodule("mirror.settings")
    words = crawl.check_run(settings, {"start": "example.org", "out": str(tmp_path / "archive")})
    assert words["start"] == "http://example.org"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_connection_tells_whether_something_listens(family: socket.AddressFamily) -> None:
    host = "127.0.0.1" if family is socket.AF_INET else "[::1]"
    try:
        server = socket.create_server((host.strip("[]"), 0), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    port = server.getsockname()[1]
    with server:
        assert listens(host, port)
    assert not listens(host, port)


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 70 + ".example", "\udcff.example"])
def test_a_name_that_does_not_resolve_is_left_to_the_crawl(host: str) -> None:
    assert listens(host, 443)


def test_with_a_proxy_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("mirror.cli.start_schemes.listens", lambda host, _: nobody(host))
    assert is_asked_with_https("example.org", Proxy("http://127.0.0.1:9"))
    for name in ("all_proxy", "https_proxy"):
        with monkeypatch.context() as only:
            only.setenv(name, "http://127.0.0.1:9")
            assert is_asked_with_https("example.org", None)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for host, proxy in (("example.org", Proxy("")), ("example.com", None)):
        monkeypatch.setenv("no_proxy", "example.com")
        with pytest.raises(AssertionError, match="was asked"):
            is_asked_with_https(host, proxy)


@pytest.mark.parametrize(
    "text", ["http://a/x,y,http://b/ @nothing/../c.d", "a.b,c.d\nhttp://h/, e.f", "x.y,\nhttp://z/,,"]
)
def test_a_list_of_starts_stays_the_same_list(text: str) -> None:
    starts = list_starts(text.replace("@nothing/../", ""))
    assert list_starts("\n".join(starts)) == starts
