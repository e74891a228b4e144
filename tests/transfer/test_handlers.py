"""What every download handler must do. Scrapy's own handlers pass these tests, and CurlHandler must too.

The requests of a crawl are in a table, by name. Each test checks the outcome of some of them.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.site import Handler as Visit
from tests.site import Page, Site
from tests.site import serve as serve_site
from tests.transfer.asking import CURL, NOTHING, STOCK, Answer, Ask, Handler, probe
from tests.transfer.conftest import BINARY, World
from tests.transfer.scripted import (
    Gate,
    Reply,
    Script,
    Server,
    Then,
    Together,
    echo,
    endless_body,
    ok,
    once_per_connection,
    serve,
)

FLYING = 16
STATUSES = (301, 302, 303, 307, 308, 400, 401, 404, 410, 418, 429, 451, 500, 503, 599)
PLAIN = [
    "hello",
    "page",
    "binary",
    "chunked",
    "until-close",
    "until-close-1.0",
    "empty",
    "duplicates",
    "bytes",
    "no-content",
    "not-modified",
    "interim",
    "encoded",
    *(f"status-{status}" for status in STATUSES),
]
"""Replies that are requested without special settings."""
TEXT = "Content-Type: text/plain"
BIG_POST = "x" * 1_500_000
OTHER_ADDRESS = "127.0.0.2"

TARGETS = (
    "/echo/a|b",
    "/echo/{x}",
    "/echo/%zz",
    '/echo/"x"',
    "/echo/a%20b",
    "/echo/%7e%7E~",
    "/echo/a/../b/./c",
    "/echo//b//",
    "/echo/x?y=|{}%zz\"'&z=%20+",
    "/echo/x;y=1,2!$&'()*+=:@",
    "/echo/?q=a?b/c",
    "/echo/x^`\\y",
    "/echo/[1]?[2]",
)
"""Paths that a client must not normalize."""


def chunked(body: bytes, *, end: bytes = b"0\r\nX-Trailer: late\r\n\r\n") -> bytes:
    """A body in chunks of growing size, with an extension and a trailer."""
    chunks, at, size = [], 0, 1
    while at < len(body):
        part = body[at : at + size]
        chunks.append(b"%X;name=value\r\n%s\r\n" % (len(part), part))
        at, size = at + size, size * 2 + 1
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Kind: chunked\r\n\r\n"
    return head + b"".join(chunks) + end


def script() -> dict[str, Script]:
    """The replies of the server."""
    gate = Gate()
    interim = b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x.css>\r\n\r\n"
    part = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"p" * 50
    replies: dict[str, Script] = {
        "hello": Reply(ok(b"hello", TEXT), Then.KEEP),
        "page": Reply(ok(b"<!DOCTYPE html><title>x</title>", "Content-Type: text/html"), Then.KEEP),
        "binary": Reply(ok(BINARY), Then.KEEP),
        "chunked": Reply(chunked(BINARY), Then.KEEP),
        "until-close": Reply(b"HTTP/1.1 200 OK\r\n\r\n" + BINARY),
        "until-close-1.0": Reply(b"HTTP/1.0 200 OK\r\n\r\nold"),
        "empty": Reply(ok(b""), Then.KEEP),
        "duplicates": Reply(ok(b"", "Set-Cookie: a=1", "X-Other: x", "Set-Cookie: b=2, c"), Then.KEEP),
        "bytes": Reply(ok(b"", "X-Name: \xe9\xff\x80", "X-Empty:", "X-Colons: a:b: c"), Then.KEEP),
        "no-content": Reply(b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", Then.KEEP),
        "not-modified": Reply(b'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "e"\r\n\r\n', Then.KEEP),
        "head": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", Then.KEEP),
        "interim": Reply(interim + ok(b"final"), Then.KEEP),
        "encoded": Reply(ok(b"\x1f\x8bnot decoded", "Content-Encoding: gzip"), Then.KEEP),
        "silent": Reply(b"", Then.HOLD),
        "silent-later": Reply(part, Then.HOLD),
        "cut": Reply(part),
        "cut-chunked": Reply(chunked(b"p" * 50, end=b"")),
        "endless": endless_body,
        "echo": echo,
        "together": Together(FLYING),
        "closed": gate.closed,
        "opener": gate.opener,
        "once": once_per_connection,
        "closes": Reply(ok(b"bye", "Connection: close")),
    }
    for status in STATUSES:
        reply = ok(b"status", "Location: /hello", TEXT, status=f"{status} Whatever")
        replies[f"status-{status}"] = Reply(reply, Then.KEEP)
    return replies


@dataclass(frozen=True, slots=True)
class Told:
    """The outcomes of the requests of a table."""

    answers: Mapping[str, Answer]
    server: Server
    log: str

    def __getitem__(self, name: str) -> Answer:
        return self.answers[name]

    def says(self, text: str) -> bool:
        return text in self.log


@contextmanager
def told(
    handler: Handler,
    table: Callable[[str], dict[str, Ask]],
    settings: Mapping[str, Any] = NOTHING,
    environment: Mapping[str, str] = NOTHING,
) -> Iterator[Told]:
    """Send the requests of a table in one crawl. The table gets the URL of a server with the script."""
    with serve(script()) as server:
        asks = table(server.url)
        run = probe(handler, list(asks.values()), settings, environment)
        yield Told(dict(zip(asks, run.answers, strict=True)), server, run.log)


# Many requests at once


@pytest.fixture(scope="session")
def many(handler: Handler, world: World) -> Iterator[Told]:
    """With the default settings; the requests differ in their meta."""

    def table(url: str) -> dict[str, Ask]:
        slow = {"download_timeout": 0.5}
        whole = {"download_fail_on_dataloss": False}
        proxy = f"http://127.0.0.1:{world.proxy.port}"
        guarded = f"127.0.0.1:{world.guarded_proxy.port}"
        asks = {f"together-{number}": Ask(f"{url}/together/{number}") for number in range(FLYING)}
        asks |= {"closed": Ask(f"{url}/closed"), "opener": Ask(f"{url}/opener")}
        asks |= {name: Ask(f"{url}/{name}") for name in PLAIN}
        asks |= {target: Ask(url + target, meta={"verbatim_url": True}) for target in TARGETS}
        asks |= {
            "fragment": Ask(f"{url}/echo/fragment#part"),
            "fragment-verbatim": Ask(f"{url}/echo/fragment#part", meta={"verbatim_url": True}),
            "escaped": Ask(f"{url}/echo/a b|é"),
            "headers": Ask(
                f"{url}/echo", headers={"X-Multi": ["a", "b"], "X-Empty": "", "X-Name": "é", "X-None": None}
            ),
            "host": Ask(f"{url}/echo", headers={"Host": "other.example"}),
            "head": Ask(f"{url}/head", "HEAD"),
            "head-404": Ask(f"{url}/echo", "HEAD"),
            "post": Ask(f"{url}/echo/post", "POST", {"Content-Type": "application/json"}, '{"a": 1}'),
            "post-empty": Ask(f"{url}/echo/post-empty", "POST"),
            "post-big": Ask(f"{url}/echo/post-big", "POST", {"Content-Type": "text/plain"}, BIG_POST),
            "put": Ask(f"{url}/echo/put", "PUT", body="new"),
            "delete": Ask(f"{url}/echo/delete", "DELETE"),
            "options": Ask(f"{url}/echo/options", "OPTIONS"),
            "silent": Ask(f"{url}/silent", meta=slow),
            "silent-later": Ask(f"{url}/silent-later", meta=slow),
            "refused": Ask(f"http://127.0.0.1:{world.refusing}/"),
            "refused-tls": Ask(f"https://127.0.0.1:{world.refusing}/"),
            "unresolvable": Ask("http://nowhere.invalid/"),
            "cut": Ask(f"{url}/cut"),
            "cut-again": Ask(f"{url}/cut/again"),
            "cut-chunked": Ask(f"{url}/cut-chunked"),
            "cut-taken": Ask(f"{url}/cut", meta=whole),
            "cut-chunked-taken": Ask(f"{url}/cut-chunked", meta=whole),
            "maxsize-known": Ask(f"{url}/binary/maxsize", meta={"download_maxsize": 1000}),
            "maxsize-counted": Ask(f"{url}/endless/maxsize", meta={"download_maxsize": 1000}),
            "maxsize-exact": Ask(f"{url}/hello", meta={"download_maxsize": 5}),
            "warnsize-known": Ask(f"{url}/binary/warnsize", meta={"download_warnsize": 1000}),
            "warnsize-counted": Ask(f"{url}/chunked/warnsize", meta={"download_warnsize": 1000}),
            "warnsize-exact": Ask(f"{url}/hello/warnsize", meta={"download_warnsize": 5}),
            "bound": Ask(f"{url}/hello/bound", meta={"bindaddress": OTHER_ADDRESS}),
            "bound-pair": Ask(f"{url}/hello/bound-pair", meta={"bindaddress": [OTHER_ADDRESS, 0]}),
            "tls": Ask(f"{world.web.https}/hello.txt"),
            "tls-binary": Ask(f"{world.web.https}/binary"),
            "tls-misnamed": Ask(f"{world.web.misnamed}/hello.txt"),
            "tls-expired": Ask(f"{world.web.expired}/hello.txt"),
            "tls-empty": Ask(f"{world.web.https}/empty.txt"),
            "proxied": Ask(f"{world.web.http}/hello.txt?proxied", meta={"proxy": proxy}),
            "proxied-bare": Ask(f"{world.web.http}/hello.txt?bare", meta={"proxy": proxy.removeprefix("http://")}),
            "tunnelled": Ask(f"{world.web.https}/hello.txt?tunnelled", meta={"proxy": proxy}),
            "guarded": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"http://{guarded}"}),
            "guarded-known": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"http://clerk:stamp@{guarded}"}),
            "guarded-tunnel": Ask(f"{world.web.https}/hello.txt", meta={"proxy": f"http://{guarded}"}),
            "guarded-tunnel-known": Ask(
                f"{world.web.https}/backend/echo/{handler}", meta={"proxy": f"http://clerk:stamp@{guarded}"}
            ),
            "dead-proxy": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"http://127.0.0.1:{world.refusing}"}),
            "unknown-scheme": Ask("gopher://127.0.0.1/"),
        }
        for at in ("headers", "bytes"):
            for name in ("binary", "chunked"):
                asks[f"{name}-stopped-{at}"] = Ask(f"{url}/{name}", stop=(at, False))
                asks[f"{name}-failed-{at}"] = Ask(f"{url}/{name}", stop=(at, True))
        return asks

    with told(handler, table) as answers:
        yield answers


def test_no_request_ends_in_a_traceback(many: Told) -> None:
    assert not many.says("Traceback")
    assert not many.says("Unhandled")
    assert [name for name, answer in many.answers.items() if not answer.error and not answer.status] == []


def test_a_response_is_what_the_server_sent(many: Told) -> None:
    answer = many["hello"]
    assert (answer.status, answer.text, answer.length) == (200, "hello", 5)
    assert answer.url == f"{many.server.url}/hello"
    assert (answer.protocol, answer.ip_address, answer.certificate) == ("HTTP/1.1", "127.0.0.1", None)
    assert answer.flags == []


@pytest.mark.parametrize(
    ("name", "kind"), [("hello", "TextResponse"), ("page", "HtmlResponse"), ("binary", "Response")]
)
def test_the_class_of_a_response_fits_its_media_type(many: Told, name: str, kind: str) -> None:
    assert many[name].kind == kind


@pytest.mark.parametrize("name", ["binary", "chunked", "until-close"])
def test_a_body_arrives_byte_for_byte(many: Told, name: str) -> None:
    assert many[name].status == 200
    assert many[name].sha256 == hashlib.sha256(BINARY).hexdigest()


def test_a_body_that_only_the_close_ends_is_flagged_as_partial(many: Told) -> None:
    assert many["until-close"].flags == ["partial"]
    assert (many["until-close-1.0"].text, many["until-close-1.0"].flags) == ("old", ["partial"])


def test_the_protocol_is_that_of_the_answer(many: Told) -> None:
    assert many["until-close-1.0"].protocol == "HTTP/1.0"


def test_a_body_may_be_empty(many: Told) -> None:
    assert (many["empty"].status, many["empty"].length) == (200, 0)


def test_headers_keep_their_duplicates_in_order(many: Told) -> None:
    assert many["duplicates"].values("Set-Cookie") == ["a=1", "b=2, c"]
    assert many["duplicates"].values("X-Other") == ["x"]


def test_header_values_are_the_bytes_as_sent(many: Told) -> None:
    answer = many["bytes"]
    assert answer.values("X-Name") == ["\xe9\xff\x80"]
    assert answer.values("X-Empty") == [""]
    assert answer.values("X-Colons") == ["a:b: c"]


def test_no_header_is_made_up(many: Told) -> None:
    assert sorted(many["hello"].headers) == [("Content-Length", "5"), ("Content-Type", "text/plain")]


@pytest.mark.parametrize("status", STATUSES)
def test_any_status_is_a_response(many: Told, status: int) -> None:
    answer = many[f"status-{status}"]
    assert (answer.status, answer.text, answer.values("Location")) == (status, "status", ["/hello"])


@pytest.mark.parametrize(("name", "status"), [("no-content", 204), ("not-modified", 304), ("head", 200)])
def test_responses_without_a_body_end_with_their_headers(many: Told, name: str, status: int) -> None:
    answer = many[name]
    assert (answer.status, answer.length, answer.error, answer.flags) == (status, 0, "", [])
    assert answer.ip_address == "127.0.0.1"


def test_interim_answers_are_not_the_answer(many: Told) -> None:
    answer = many["interim"]
    assert (answer.status, answer.text) == (200, "final")
    assert answer.values("Link") == answer.values("X-Interim") == []


def test_a_body_is_not_decoded(many: Told) -> None:
    assert many["encoded"].text == "\x1f\x8bnot decoded"
    assert many["encoded"].values("Content-Encoding") == ["gzip"]


# Requests as sent


@pytest.mark.parametrize("target", TARGETS)
def test_a_verbatim_url_is_sent_as_it_stands(many: Told, target: str) -> None:
    assert many[target].text.split(" ")[1] == target
    assert many[target].url == many.server.url + target


def test_a_fragment_is_not_sent(many: Told) -> None:
    assert many["fragment"].text.startswith("GET /echo/fragment HTTP/1.1\r\n")
    assert many["fragment-verbatim"].text.startswith("GET /echo/fragment HTTP/1.1\r\n")


def test_a_url_is_sent_as_scrapy_escapes_it(many: Told) -> None:
    assert many["escaped"].text.startswith("GET /echo/a%20b%7C%C3%A9 HTTP/1.1\r\n")


def test_headers_are_sent_as_they_are(many: Told) -> None:
    lines = [line.strip() for line in many["headers"].text.split("\r\n")]
    assert [line for line in lines if line.startswith("X-")] == ["X-Multi: a", "X-Multi: b", "X-Empty:", "X-Name: Ã©"]


def test_a_host_header_of_its_own_is_sent_once(many: Told) -> None:
    lines = many["host"].text.split("\r\n")
    assert [line for line in lines if line.lower().startswith("host:")] == ["Host: other.example"]


@pytest.mark.parametrize(
    ("name", "method", "body", "length"),
    [
        ("post", "POST", b'{"a": 1}', ["8"]),
        ("post-empty", "POST", b"", ["0"]),
        ("post-big", "POST", BIG_POST.encode(), [str(len(BIG_POST))]),
        ("put", "PUT", b"new", ["3"]),
        ("delete", "DELETE", b"", []),
        ("options", "OPTIONS", b"", []),
    ],
)
def test_methods_and_bodies_are_sent(many: Told, name: str, method: str, body: bytes, length: list[str]) -> None:
    (asked,) = [asked for asked in many.server.asked("echo") if asked.target == f"/echo/{name}"]
    assert (asked.method, asked.body, asked.values("content-length")) == (method, body, length)
    assert many[name].status == 200


def test_head_has_headers_and_no_body(many: Told) -> None:
    assert many["head"].values("Content-Length") == ["1000"]
    assert (many["head-404"].status, many["head-404"].length) == (200, 0)


# Concurrent requests


def test_as_many_requests_run_as_the_settings_allow(many: Told) -> None:
    assert {many[f"together-{number}"].text for number in range(FLYING)} == {"together"}
    assert len(many.server.connections("together")) == FLYING


def test_a_slow_answer_blocks_no_other(many: Told) -> None:
    assert (many["opener"].text, many["closed"].text) == ("early", "late")


def test_the_latency_is_measured(many: Told) -> None:
    latency = many["hello"].latency
    assert latency is not None
    assert latency >= 0


# Failures


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("silent", "DownloadTimeoutError"),
        ("silent-later", "DownloadTimeoutError"),
        ("refused", "DownloadConnectionRefusedError"),
        ("refused-tls", "DownloadConnectionRefusedError"),
        ("unresolvable", "CannotResolveHostError"),
        ("cut", "ResponseDataLossError"),
        ("cut-chunked", "ResponseDataLossError"),
        ("maxsize-known", "DownloadCancelledError"),
        ("maxsize-counted", "DownloadCancelledError"),
        ("dead-proxy", "DownloadConnectionRefusedError"),
        ("unknown-scheme", "NotSupported"),
    ],
)
def test_a_failure_has_its_name(many: Told, name: str, error: str) -> None:
    assert many[name].error == error
    assert many[name].module.startswith("scrapy.")


def test_data_loss_is_logged_once(many: Told) -> None:
    assert many["cut-again"].error == "ResponseDataLossError"
    assert many.log.count("Got data loss in ") == 1


@pytest.mark.parametrize("name", ["cut-taken", "cut-chunked-taken"])
def test_data_loss_can_be_accepted(many: Told, name: str) -> None:
    answer = many[name]
    assert (answer.error, answer.status, answer.text, answer.flags) == ("", 200, "p" * 50, ["dataloss"])


def test_a_body_as_large_as_the_limit_is_accepted(many: Told) -> None:
    assert many["maxsize-exact"].text == "hello"


def test_a_body_above_the_limit_is_an_error(many: Told) -> None:
    assert many.says(f"Expected to receive {len(BINARY)} bytes which is larger than download max size (1000)")
    assert many.says(f"larger than download max size (1000) in request <GET {many.server.url}/endless/maxsize>")


def test_a_large_body_is_logged_and_accepted(many: Told) -> None:
    for name in ("binary", "chunked"):
        assert many[f"warnsize-{'known' if name == 'binary' else 'counted'}"].length == len(BINARY)
        line = f"is larger than download warn size (1000) in request <GET {many.server.url}/{name}/warnsize>"
        assert many.log.count(line) == 1
    assert not many.says("/hello/warnsize>")


# Signals


def test_signals_come_in_order(many: Told) -> None:
    assert many["hello"].signals == [
        ("headers_received", 5),
        ("bytes_received", 5),
        ("response_downloaded", 200),
        ("request_left_downloader", None),
    ]
    assert many["hello"].headers_received == many["hello"].headers


def test_all_bytes_are_signalled(many: Told) -> None:
    assert ("headers_received", len(BINARY)) in many["binary"].signals
    assert ("headers_received", None) in many["chunked"].signals
    for name in ("binary", "chunked"):
        assert ("bytes_received", len(BINARY)) in many[name].signals


def test_a_failed_request_has_no_response(many: Told) -> None:
    assert many["refused"].signals == [("request_left_downloader", None)]
    assert [name for name, _ in many["cut"].signals] == [
        "headers_received",
        "bytes_received",
        "request_left_downloader",
    ]


@pytest.mark.parametrize("name", ["binary", "chunked"])
def test_a_download_stops_at_its_headers(many: Told, name: str) -> None:
    kept, failed = many[f"{name}-stopped-headers"], many[f"{name}-failed-headers"]
    assert (kept.error, failed.error) == ("", "StopDownload")
    for answer in (kept, failed):
        assert (answer.status, answer.length, answer.flags) == (200, 0, ["download_stopped"])
        assert answer.headers == answer.headers_received
        assert answer.headers


@pytest.mark.parametrize("name", ["binary", "chunked"])
def test_a_download_stops_at_its_first_bytes(many: Told, name: str) -> None:
    kept, failed = many[f"{name}-stopped-bytes"], many[f"{name}-failed-bytes"]
    assert (kept.error, failed.error) == ("", "StopDownload")
    for answer in (kept, failed):
        assert (answer.status, answer.flags) == (200, ["download_stopped"])
        assert 0 < answer.length < len(BINARY)
        assert answer.sha256 == hashlib.sha256(BINARY[: answer.length]).hexdigest()
        assert ("bytes_received", answer.length) in answer.signals


# Addresses, certificates and proxies


@pytest.mark.parametrize("name", ["bound", "bound-pair"])
def test_a_request_leaves_from_the_address_it_names(many: Told, name: str) -> None:
    (asked,) = [asked for asked in many.server.asked("hello") if asked.target == f"/hello/{name}"]
    assert asked.peer == OTHER_ADDRESS
    assert many[name].text == "hello"


def test_no_other_request_leaves_from_there(many: Told) -> None:
    assert {asked.peer for asked in many.server.requests if "bound" not in asked.target} == {"127.0.0.1"}


def test_tls_tells_who_answered(many: Told) -> None:
    answer = many["tls"]
    assert (answer.status, answer.text, answer.ip_address) == (200, "hello\n", "127.0.0.1")
    assert answer.certificate is not None
    assert "Test server" in answer.certificate["subject"]
    assert "Test authority" in answer.certificate["issuer"]
    assert many["tls-empty"].certificate == answer.certificate


def test_a_body_arrives_byte_for_byte_through_tls(many: Told) -> None:
    assert many["tls-binary"].sha256 == hashlib.sha256(BINARY).hexdigest()


@pytest.mark.parametrize("name", ["tls", "tls-misnamed", "tls-expired"])
def test_any_certificate_is_accepted_unless_certificates_are_verified(many: Told, name: str) -> None:
    assert (many[name].status, many[name].text) == (200, "hello\n")


def test_a_proxy_forwards_http(many: Told, world: World) -> None:
    for name, query in (("proxied", "proxied"), ("proxied-bare", "bare")):
        assert many[name].text == "hello\n"
        assert "tinyproxy" in many[name].values("Via")[0]
        assert world.proxy.mentions(f"GET {world.web.http}/hello.txt?{query} HTTP/1.1")


def test_a_proxy_tunnels_https(many: Told, world: World) -> None:
    answer = many["tunnelled"]
    assert (answer.text, answer.values("Via")) == ("hello\n", [])
    assert world.proxy.mentions(f"CONNECT {world.web.https.removeprefix('https://')} HTTP/1.1")
    assert answer.certificate is not None


def test_a_proxy_requires_a_login(many: Told) -> None:
    assert many["guarded"].status == 407
    assert many["guarded-known"].text == "hello\n"
    assert many["guarded-tunnel"].error in {"TunnelError", "DownloadFailedError"}
    assert many["guarded-tunnel-known"].status == 200


def test_the_login_of_the_proxy_is_not_sent_to_the_server(many: Told) -> None:
    assert many["guarded-tunnel-known"].text.startswith("GET ")
    assert "proxy-authorization" not in many["guarded-tunnel-known"].text.lower()


# Connections


@pytest.fixture(scope="session")
def one_by_one(handler: Handler, world: World) -> Iterator[Told]:
    """One connection at a time."""

    def table(url: str) -> dict[str, Ask]:
        asks = {
            f"reused-{number}": Ask(f"{url}/{name}/reused", method) for number, (name, method) in enumerate(REUSING)
        }
        asks |= {
            "before-close": Ask(f"{url}/closes"),
            "after-close": Ask(f"{url}/hello/after-close"),
            "before-cut": Ask(f"{url}/cut"),
            "after-cut": Ask(f"{url}/hello/after-cut"),
            "before-stop": Ask(f"{url}/binary", stop=("headers", False)),
            "after-stop": Ask(f"{url}/hello/after-stop"),
            "once-1": Ask(f"{url}/once/1"),
            "once-2": Ask(f"{url}/once/2"),
            "tls-1": Ask(f"{world.web.https}/hello.txt?{handler}-1"),
            "tls-2": Ask(f"{world.web.https}/hello.txt?{handler}-2"),
        }
        return asks

    with told(handler, table, {"CONCURRENT_REQUESTS": 1}) as answers:
        yield answers


REUSING = (
    ("hello", "GET"),
    ("head", "HEAD"),
    ("no-content", "GET"),
    ("not-modified", "GET"),
    ("empty", "GET"),
    ("chunked", "GET"),
    ("interim", "GET"),
    ("echo", "POST"),
    ("status-404", "GET"),
    ("hello", "GET"),
)
"""Replies after which the connection can be reused."""


def test_a_connection_is_reused(one_by_one: Told) -> None:
    asked = [request for request in one_by_one.server.requests if request.target.endswith("/reused")]
    assert [(request.name, request.method) for request in asked] == list(REUSING)
    assert len({request.connection for request in asked}) == 1


def test_a_tls_connection_is_reused(one_by_one: Told, handler: Handler, world: World) -> None:
    assert one_by_one["tls-1"].text == one_by_one["tls-2"].text == "hello\n"
    assert one_by_one["tls-1"].certificate == one_by_one["tls-2"].certificate
    assert len({seen.connection for seen in world.web.log(f"/hello.txt?{handler}-")}) == 1


@pytest.mark.parametrize("name", ["after-close", "after-cut", "after-stop"])
def test_a_finished_connection_is_not_reused(one_by_one: Told, name: str) -> None:
    assert (one_by_one[name].text, one_by_one[name].error) == ("hello", "")


def test_a_stale_connection_is_no_failure(one_by_one: Told) -> None:
    assert (one_by_one["once-1"].text, one_by_one["once-2"].text) == ("fresh", "fresh")
    assert [asked.target for asked in one_by_one.server.asked("once")] == ["/once/1", "/once/2", "/once/2"]


# Settings


@pytest.fixture(scope="session")
def limited(handler: Handler) -> Iterator[Told]:
    """The same options by settings as by meta."""

    def table(url: str) -> dict[str, Ask]:
        patient = {"download_timeout": 60}  # the setting is for the silent request only
        return {
            "silent": Ask(f"{url}/silent"),
            "maxsize-known": Ask(f"{url}/binary", meta=patient),
            "maxsize-counted": Ask(f"{url}/endless", meta=patient),
            "maxsize-raised": Ask(f"{url}/binary/raised", meta=patient | {"download_maxsize": 0}),
            "warnsize": Ask(f"{url}/echo/warnsize", headers={"X-Long": "x" * 500}, meta=patient),
            "cut": Ask(f"{url}/cut", meta=patient),
        }

    settings = {
        "DOWNLOAD_TIMEOUT": 1,
        "DOWNLOAD_MAXSIZE": 1000,
        "DOWNLOAD_WARNSIZE": 500,
        "DOWNLOAD_FAIL_ON_DATALOSS": False,
        "DOWNLOAD_BIND_ADDRESS": OTHER_ADDRESS,
    }
    with told(handler, table, settings) as answers:
        yield answers


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("silent", "DownloadTimeoutError"),
        ("maxsize-known", "DownloadCancelledError"),
        ("maxsize-counted", "DownloadCancelledError"),
    ],
)
def test_settings_limit_a_download(limited: Told, name: str, error: str) -> None:
    assert limited[name].error == error


def test_a_request_may_lift_the_limit_of_the_settings(limited: Told) -> None:
    assert limited["maxsize-raised"].sha256 == hashlib.sha256(BINARY).hexdigest()


def test_the_settings_accept_data_loss(limited: Told) -> None:
    assert (limited["cut"].text, limited["cut"].flags) == ("p" * 50, ["dataloss"])


def test_the_settings_warn_of_a_large_body(limited: Told) -> None:
    assert limited["warnsize"].status == 200
    assert limited.says(f"download warn size (500) in request <GET {limited.server.url}/echo/warnsize>")


def test_the_settings_name_the_address_to_leave_from(limited: Told) -> None:
    assert {asked.peer for asked in limited.server.requests} == {OTHER_ADDRESS}


# Certificates


@pytest.mark.parametrize("name", ["tls", "tls-misnamed", "tls-expired"])
def test_an_unknown_authority_is_refused(suspicious: Told, name: str) -> None:
    assert suspicious[name].error == "DownloadFailedError"
    assert not suspicious.says("Traceback")


@pytest.fixture(scope="session")
def suspicious(handler: Handler, world: World) -> Iterator[Told]:
    """Certificates are verified, and the authority is not trusted."""
    with told(handler, lambda _: certificates(world), {"DOWNLOAD_VERIFY_CERTIFICATES": True}) as answers:
        yield answers


@pytest.fixture(scope="session")
def informed(handler: Handler, world: World) -> Iterator[Told]:
    """Certificates are verified, and the authority is trusted, by OpenSSL's variable or by MIRROR_CA_FILE."""
    authority = str(world.authority.certificate)
    settings = {"DOWNLOAD_VERIFY_CERTIFICATES": True, "MIRROR_CA_FILE": authority}
    environment = {"SSL_CERT_FILE": authority} if handler is STOCK else NOTHING
    with told(handler, lambda _: certificates(world), settings, environment) as answers:
        yield answers


def certificates(world: World) -> dict[str, Ask]:
    return {
        "tls": Ask(f"{world.web.https}/hello.txt"),
        "tls-by-name": Ask(f"{world.web.https}/hello.txt".replace("127.0.0.1", "localhost")),
        "tls-misnamed": Ask(f"{world.web.misnamed}/hello.txt"),
        "tls-expired": Ask(f"{world.web.expired}/hello.txt"),
        "tunnelled": Ask(f"{world.web.https}/hello.txt", meta={"proxy": f"http://127.0.0.1:{world.proxy.port}"}),
    }


@pytest.mark.parametrize("name", ["tls", "tls-by-name", "tunnelled"])
def test_a_trusted_authority_is_accepted(informed: Told, name: str) -> None:
    assert (informed[name].error, informed[name].text) == ("", "hello\n")


@pytest.mark.parametrize("name", ["tls-misnamed", "tls-expired"])
def test_a_trusted_authority_is_trusted_only_for_its_hosts(informed: Told, name: str) -> None:
    assert informed[name].error == "DownloadFailedError"


# Nothing that Scrapy did not ask for


@pytest.fixture(scope="session")
def bare(handler: Handler, world: World) -> Iterator[Told]:
    """Scrapy sends no such header by default, and must not use the proxy of the environment."""

    def table(url: str) -> dict[str, Ask]:
        return {
            "get": Ask(f"{url}/echo"),
            "post": Ask(f"{url}/echo", "POST", body="a=b"),
            "post-big": Ask(f"{url}/echo", "POST", body=BIG_POST),
            "cookie": Ask(f"{url}/duplicates"),
            "after-cookie": Ask(f"{url}/echo/after"),
        }

    middlewares = ("defaultheaders.DefaultHeadersMiddleware", "useragent.UserAgentMiddleware")
    settings = {
        "DOWNLOADER_MIDDLEWARES": {f"scrapy.downloadermiddlewares.{name}": None for name in middlewares},
        "HTTPPROXY_ENABLED": False,
        "CONCURRENT_REQUESTS": 1,
    }
    dead = f"http://127.0.0.1:{world.refusing}"
    environment = {"http_proxy": dead, "https_proxy": dead, "all_proxy": dead, "ALL_PROXY": dead}
    with told(handler, table, settings, environment) as answers:
        yield answers


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("get", {"host"}),
        ("post", {"host", "content-length"}),
        ("post-big", {"host", "content-length"}),
        ("after-cookie", {"host"}),
    ],
)
def test_a_handler_sends_nothing_of_its_own(bare: Told, name: str, names: set[str]) -> None:
    head = bare[name].text.split("\r\n\r\n")[0]
    assert {line.split(":")[0].lower() for line in head.split("\r\n")[1:]} == names


def test_a_handler_uses_no_proxy_of_its_own(bare: Told) -> None:
    assert not [name for name, answer in bare.answers.items() if answer.error]


def test_a_url_may_have_no_path() -> None:
    """As other projects write URLs; also where the server has asked for a login, and where escapes stay as they are."""

    def greet(handler: Visit) -> None:
        is_known = handler.headers.get("Authorization") is not None
        handler.reply(Page(200 if is_known else 401, {"WWW-Authenticate": 'Basic realm="x"'}, handler.path.encode()))

    site = Site()
    for path in ("/", "/a", "/?b", "/?%e2"):
        site[path] = greet
    with serve_site(site) as server:
        meta = {"download_login": ["guido", "Sp4m"], "verbatim_url": True}
        asks = [Ask(f"{server.url}{rest}", meta=meta, is_first=True) for rest in ("/a", "", "?b", "?%e2")]
        answers = probe(CURL, asks).answers
    assert [(answer.status, answer.text) for answer in answers] == [(200, path) for path in ("/a", "/", "/?b", "/?%e2")]
