"""Credentials, headers, proxies and limits: the options of a crawl against real servers."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawl.running import dangling, mirror, tree
from tests.site import PNG, Handler, Page, Server, Site, serve, serve_both
from tests.transfer import servers
from tests.transfer.servers import free_port

CHALLENGE = Page(401, {"WWW-Authenticate": 'Basic realm="Readers"', "Content-Type": "text/html"}, b"Who are you?")
BASIC = "Basic " + b64encode(b"guido:spam").decode()
LEADING_AWAY = ["/away/page", "/away/picture"]


def guarded() -> Site:
    """A site that asks for a login, and refers to another origin in every way."""
    site = Site().page("/", '<img src="/away/picture"><img src="{other}/direct.png">', links=["/away/page", "/private"])
    site.redirect("/away/page", "{other}/page").redirect("/away/picture", "{other}/picture.png")
    site["/private"] = CHALLENGE
    return site


def other() -> Site:
    site = Site().file("/picture.png", PNG, "image/png").file("/direct.png", PNG, "image/png").page("/page")
    site["/picture.png"] = CHALLENGE
    site["/page"] = CHALLENGE
    return site


def said(server: Server, header: str) -> set[str]:
    return {headers[header] for _, headers in server.requests if header in headers}


def login_by_start(url: str) -> list[str]:
    return [f"start={url.replace('http://', 'http://guido:spam@')}"]


@pytest.mark.parametrize("how", ["login", "start", "netrc", "header"])
def test_a_login_is_for_its_origin_alone(tmp_path: Path, how: str) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login guido password spam\n")
    words = {
        "login": ["login=guido:spam"],
        "start": [],
        "netrc": [f"netrc={tmp_path}/netrc"],
        "header": [f"header=Authorization: {BASIC}"],
    }
    with serve_both(guarded(), other()) as (server, stranger):
        start = server.url.replace("http://", "http://guido:spam@") if how == "start" else server.url
        mirror(start, tmp_path / "out", *words[how])
    assert said(server, "authorization") == {BASIC}
    assert {"/direct.png", "/picture.png"} <= set(stranger.paths)
    assert said(stranger, "authorization") == set()


def for_members(handler: Handler, stranger: Page) -> None:
    is_member = handler.headers.get("Authorization") == BASIC
    handler.reply(Page(200, {"Content-Type": "text/html"}, b"<p>for members") if is_member else stranger)


def test_a_login_is_remembered_where_a_server_asked_for_it(tmp_path: Path) -> None:
    """RFC 7617, 2.2: at or below the folder of the URL. If the server then refuses it, it may ask in another way."""
    links = ["/d/page", "/d/other", "/d/e/file", "/d/digest", "/public"]
    site = Site()
    site["/d/"] = lambda handler: for_members(handler, CHALLENGE)
    site["/d/page"] = lambda handler: for_members(handler, Page(200, {"Content-Type": "text/html"}, b"for strangers"))
    site["/d/other"] = lambda handler: for_members(handler, Page(403))
    site["/d/e/file"] = lambda handler: for_members(handler, CHALLENGE)
    site["/d/digest"] = Page(401, {"WWW-Authenticate": 'Digest realm="a", nonce="b", algorithm=MD5, qop="auth"'})
    site.page("/", links=["/d/"])
    site.page("/public")
    site.page("/home", links=links)
    with serve(site) as server:
        mirror(server.url + "/d/", tmp_path, "login=guido:spam", f"start={server.url}/d/ {server.url}/home")
        asked = [(path, headers.get("authorization", "")) for path, headers in server.requests]
    assert [said for path, said in asked if path == "/d/"] == ["", BASIC]
    for path in ("/d/page", "/d/other", "/d/e/file"):
        assert [said for one, said in asked if one == path] == [BASIC], path
    first, second, last = (said for path, said in asked if path == "/d/digest")
    assert (first, second, last.partition(" ")[0]) == (BASIC, "", "Digest")
    assert {said for path, said in asked if path in {"/public", "/home", "/robots.txt"}} == {""}
    pages = [path.read_bytes() for path in tmp_path.rglob("*~.html")]
    assert b"for strangers" not in b"".join(pages)


def test_cookies_go_only_to_their_hosts(tmp_path: Path) -> None:
    (tmp_path / "cookies.txt").write_text(
        "# Netscape HTTP Cookie File\n"
        "127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tspam\n"
        "127.0.0.1\tFALSE\t/private\tFALSE\t4102444800\tinner\teggs\n"
        "example.org\tFALSE\t/\tFALSE\t0\tforeign\tham\n"
    )
    with serve_both(guarded(), other()) as (server, stranger):
        mirror(server.url, tmp_path / "out", f"cookies={tmp_path}/cookies.txt", "header=Cookie: mine=1")
    asked = {path: headers.get("cookie", "") for path, headers in server.requests}
    assert asked["/"] == "session=spam; mine=1"
    assert set(asked["/private"].split("; ")) == {"session=spam", "inner=eggs", "mine=1"}
    assert "session" not in "".join(said(stranger, "cookie"))
    assert "mine" not in "".join(said(stranger, "cookie"))


def test_requests_have_the_headers_of_the_user(tmp_path: Path) -> None:
    with serve(Site().page("/")) as server:
        mirror(server.url, tmp_path / "out", "user_agent=Spam/1", "header=Accept-Language: fr\nX-Word: a\nX-Word: b")
    _, headers = server.requests[-1]
    assert (headers["user-agent"], headers["accept-language"]) == ("Spam/1", "fr")
    assert "x-word" in headers


def test_a_proxy_is_used_wherever_it_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with servers.tinyproxy(tmp_path, user="clerk", password="stamp") as proxy, serve(Site().page("/")) as server:
        place = f"http://clerk:stamp@127.0.0.1:{proxy.port}"
        assert mirror(server.url, tmp_path / "option", f"proxy={place}").code == 0
        assert proxy.mentions(f"GET {server.url}/ HTTP/1.1")
        asked = len(server.paths)
        for name in ("http_proxy", "ALL_PROXY"):
            with monkeypatch.context() as patch:
                patch.setenv(name, place)
                patch.setenv("no_proxy", "")
                assert mirror(server.url, tmp_path / name).code == 0
                assert "tinyproxy" in server.requests[-1][1]["via"]
        with monkeypatch.context() as patch:
            patch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
            assert mirror(server.url, tmp_path / "direct", "proxy=none").code == 0
    assert len(server.paths) > asked


def test_a_quota_ends_a_run_that_is_resumed_later(tmp_path: Path) -> None:
    site = Site().page("/", links=[f"/{n}" for n in range(40)])
    for n in range(40):
        site.page(f"/{n}", "x" * 50_000)
    with serve(site) as server:
        first = mirror(server.url, tmp_path / "out", "quota=500k")
        assert first.code == 130
        assert "quota" in first.stderr
        assert "run the same command again to continue" in first.stderr
        assert 0 < len(tree(tmp_path / "out")) < 40
        second = mirror(server.url, tmp_path / "out")
        assert second.code == 0
        again = len(server.paths) - len(set(server.paths))
        assert again <= 1 + 16  # robots.txt, and the pages in flight, which were cut off
    assert len(tree(tmp_path / "out")) == 42
    assert dangling(tmp_path / "out") == []


def test_the_rate_limits_all_transfers_together(tmp_path: Path) -> None:
    """The rate is limited, so the crawl can't have ended sooner."""
    site = Site().page("/", links=[f"/{n}" for n in range(8)])
    for n in range(8):
        site.file(f"/{n}", bytes(40_000))
    with serve(site) as server:
        done = mirror(server.url, tmp_path / "out", "rate=100k")
    assert done.code == 0
    seconds = float(done.stderr.partition(" in ")[2].partition(" s")[0])
    assert seconds >= 2.5


def test_cookies_of_one_host_do_not_keep_others_from_being_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host of the domain sets cookies for all of it: many long ones, and one that the other host can't read.

    The other host refuses requests with more than 8 KiB of cookies, as nginx does, and all with that one. Its own cookie and
    the user's are sent all the same.
    """
    www, evil = "http://www.a.example", "http://pics.a.example"
    asked: list[str] = []

    def guarded(body: str, **headers: str) -> Callable[[Handler], None]:
        def answer(request: Handler) -> None:
            cookies = request.headers.get("Cookie") or ""
            asked.append(cookies)
            too_long = len(cookies) > 8190 - len("Cookie: ")
            status = 431 if too_long else 400 if "odd" in cookies else 200
            request.reply(Page(status, {"Content-Type": "text/html", **headers}, body.encode()))

        return answer

    site = Site()
    site[f"{www}/"] = guarded(f"<img src={evil}/a.png><a href=/1>", **{"Set-Cookie": "own=1; Path=/"})
    for number in range(1, 6):
        site[f"{www}/{number}"] = guarded(f"<img src={evil}/{number}.png><a href=/{number + 1}>")
    site[f"{www}/6"] = guarded("end")

    def bomb(request: Handler) -> None:
        number = request.path.rpartition("/")[2]
        request.send_response(200)
        request.send_header("Content-Type", "image/png")
        for n in range(40):
            request.send_header("Set-Cookie", f"c{n}-{number}={'x' * 4000}; Domain=a.example; Path=/")
        request.send_header("Set-Cookie", f"odd{number}=1; Domain=a.example; Path=/")
        request.send_header("Content-Length", str(len(PNG)))
        request.end_headers()
        request.wfile.write(PNG)

    site.update({f"{evil}/{name}.png": bomb for name in ("a", *range(1, 6))})
    (tmp_path / "cookies.txt").write_text(".a.example\tTRUE\t/\tFALSE\t0\tuser\tme\n")
    with serve(site) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        done = mirror(f"{www}/", tmp_path / "out", "connections=1", f"cookies={tmp_path / 'cookies.txt'}")
    assert done.code == 0, done.stderr
    pages = [path for path, _ in server.requests if path.startswith(www) and not path.endswith("robots.txt")]
    assert max(pages.count(path) for path in pages) == 2
    assert all("user=me" in cookies for cookies in asked)
    assert "own=1" in asked[-2]
    assert "are dropped" in done.stderr


@pytest.mark.parametrize(
    ("first", "second", "domain"), [("a.co.uk", "b.co.uk", "co.uk"), ("a.github.io", "b.github.io", ".github.io")]
)
def test_no_cookie_is_for_a_public_suffix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str, domain: str
) -> None:
    """Nor to a host that did not set it. A cookie for a domain goes to its subdomains."""
    site = Site()
    cookies = {"Set-Cookie": f"evil=1; Domain={domain}; Path=/"}
    body = f'<img src="http://{second}/i.png"><img src="http://www.{first}/i.png">'
    site.page(f"http://{first}/", body, links=[f"http://{first}/own"], headers=cookies)
    site.page(
        f"http://{first}/own", headers={"Set-Cookie": f"own=1; Domain={first}; Path=/"}, links=[f"http://{first}/more"]
    )
    site.page(f"http://{first}/more", f'<img src="http://www.{first}/j.png"><img src="http://{second}/j.png">')
    for host in (second, f"www.{first}"):
        site.file(f"http://{host}/i.png", PNG, "image/png").file(f"http://{host}/j.png", PNG, "image/png")
    with serve(site) as server:
        monkeypatch.setenv("http_proxy", server.url)
        monkeypatch.delenv("no_proxy", raising=False)
        done = mirror(f"http://{first}/", tmp_path, "connections=1")
    assert done.code == 0, done.stderr
    told = {path: headers.get("cookie", "") for path, headers in server.requests}
    assert "own=1" in told[f"http://www.{first}/j.png"]
    assert [path for path, cookie in told.items() if "evil" in cookie] == []
    assert told[f"http://{second}/j.png"] == ""
