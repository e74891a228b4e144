"""What CurlHandler adds: HTTP/2 and 3, logins, SOCKS5, client certificates, FTP, FTPS, SFTP, files."""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.transfer import servers
from tests.transfer.asking import CURL, STOCK, Answer, Ask, probe
from tests.transfer.conftest import BINARY, STREAMS, World, publish
from tests.transfer.digest import Digest
from tests.transfer.scripted import Server, echo, serve
from tests.transfer.servers import PASSWORD, USER

# The part of the handler's interface that is not Scrapy's
HTTP_VERSION: Final = "MIRROR_HTTP_VERSION"
CA_FILE: Final = "MIRROR_CA_FILE"
CLIENT_CERTIFICATE: Final = "MIRROR_CLIENT_CERTIFICATE"
CLIENT_KEY: Final = "MIRROR_CLIENT_KEY"
LOGIN: Final = "download_login"
CERTIFICATE: Final = "download_certificate"

LOGGED_IN: Final = {LOGIN: [USER, PASSWORD]}
WRONG: Final = {LOGIN: [USER, "guessed"]}
DIGEST: Final = hashlib.sha256(BINARY).hexdigest()
CLERK: Final = "clerk:stamp"

Told = Mapping[str, Answer]


@pytest.fixture(scope="session", autouse=True)
def _curl() -> None:
    pytest.importorskip("mirror.transfer.download_handler")


def ask(asks: Mapping[str, Ask], settings: Mapping[str, Any], *, home: Path | None = None) -> Told:
    """The outcome of each request, by name."""
    run = probe(CURL, list(asks.values()), settings, {"HOME": str(home)} if home else {})
    assert "Traceback" not in run.log
    return dict(zip(asks, run.answers, strict=True))


# HTTP/2


@pytest.fixture(scope="session")
def http2(world: World) -> Told:
    asks = {f"together-{number}": Ask(f"{world.web.https}/backend/together/h2/{number}") for number in range(STREAMS)}
    asks |= {"binary": Ask(f"{world.web.https}/binary?h2"), "plain": Ask(f"{world.web.http}/hello.txt?h2")}
    asks |= {f"binary-{number}": Ask(f"{world.web.https}/binary?h2-{number}") for number in range(STREAMS)}
    asks |= {
        "head": Ask(f"{world.web.https}/binary?h2", "HEAD"),
        "missing": Ask(f"{world.web.https}/missing?h2"),
        "empty": Ask(f"{world.web.https}/empty.txt?h2"),
        "stopped": Ask(f"{world.web.https}/binary?h2-stopped", stop=("bytes", False)),
        "too large": Ask(f"{world.web.https}/binary?h2-large", meta={"download_maxsize": 1000}),
        "headers": Ask(f"{world.web.https}/backend/echo/h2", headers={"X-Multi": ["a", "b"]}),
    }
    return ask(asks, {HTTP_VERSION: "2"})


def test_http2_carries_several_requests_on_one_connection(http2: Told, world: World) -> None:
    """The backend answers no request before all have arrived. Before the protocol is known, each may connect anew."""
    assert {http2[f"together-{number}"].text for number in range(STREAMS)} == {"together"}
    seen = world.web.log("/backend/together/h2/")
    assert {line.protocol for line in seen} == {"HTTP/2.0"}
    assert len({line.connection for line in seen}) < STREAMS


def test_a_body_arrives_byte_for_byte_by_http2(http2: Told) -> None:
    assert {http2[f"binary-{number}"].sha256 for number in range(STREAMS)} | {http2["binary"].sha256} == {DIGEST}


def test_the_protocol_and_certificate_of_http2_are_reported(http2: Told) -> None:
    assert http2["binary"].protocol == "h2"
    assert http2["plain"].protocol == "HTTP/1.1"
    assert http2["binary"].certificate is not None
    assert http2["binary"].values("Content-Length") == [str(len(BINARY))]


def test_http2_has_statuses_and_answers_without_a_body(http2: Told) -> None:
    assert (http2["head"].status, http2["head"].length) == (200, 0)
    assert (http2["empty"].status, http2["empty"].length) == (200, 0)
    assert http2["missing"].status == 404


def test_a_stream_stops_without_the_others(http2: Told) -> None:
    assert http2["stopped"].flags == ["download_stopped"]
    assert 0 < http2["stopped"].length < len(BINARY)
    assert http2["too large"].error == "DownloadCancelledError"
    assert not [name for name, answer in http2.items() if answer.error and name != "too large"]


def test_headers_are_sent_by_http2(http2: Told) -> None:
    lines = http2["headers"].text.lower().split("\r\n")
    assert [line for line in lines if line.startswith("x-multi")] == ["x-multi: a", "x-multi: b"]


# HTTP/3


def test_http3_is_used_if_requested_and_supported(world: World, tmp_path: Path) -> None:
    """If a server does not speak it, an older version is used."""
    with servers.aioquic(world.files, tmp_path, world.authority.sign("127.0.0.1")) as port:
        place = f"https://127.0.0.1:{port}"
        asks = {f"binary-{number}": Ask(f"{place}/binary?{number}") for number in range(3)}
        asks |= {"missing": Ask(f"{place}/missing"), "older": Ask(f"{world.web.https}/binary?not-h3")}
        known = {"DOWNLOAD_VERIFY_CERTIFICATES": True, CA_FILE: str(world.authority.certificate)}
        told = ask(asks, {HTTP_VERSION: "3", **known})
        asked = (tmp_path / "aioquic.log").read_text().split()
    assert {told[f"binary-{number}"].sha256 for number in range(3)} | {told["older"].sha256} == {DIGEST}
    assert {told[f"binary-{number}"].protocol for number in range(3)} == {"h3"}
    assert sorted(asked) == ["/binary?0", "/binary?1", "/binary?2", "/missing", "ready"]
    assert told["missing"].status == 404
    assert told["older"].protocol == "h2"


# Logins


@dataclass(frozen=True, slots=True)
class Logins:
    """The outcomes of requests with a login, and the requests that the server got."""

    answers: Told
    server: Server

    def __getitem__(self, name: str) -> Answer:
        return self.answers[name]


SCHEMES: Final = {
    "MD5": Digest("MD5", USER, PASSWORD),
    "SHA-256": Digest("SHA-256", USER, PASSWORD),
    "MD5-sess": Digest("MD5", USER, PASSWORD, session=True),
    "no-qop": Digest("MD5", USER, PASSWORD, qop=""),
}
"""Kinds of Digest, by the path that requires them."""


@pytest.fixture(scope="session")
def logins(world: World) -> Iterator[Logins]:
    with serve({**SCHEMES, "echo": echo}) as server:
        asks = {
            "basic": Ask(f"{world.web.http}/private/secret.txt", meta=LOGGED_IN),
            "basic-wrong": Ask(f"{world.web.http}/private/secret.txt", meta=WRONG),
            "basic-none": Ask(f"{world.web.http}/private/secret.txt"),
            "basic-foreign": Ask(f"{world.web.http}/private/secret.txt", meta={LOGIN: ["g\u00fc", "p\u00e4"]}),
            "basic-tls": Ask(f"{world.web.https}/private/secret.txt", meta=LOGGED_IN),
        }
        for name in SCHEMES:
            asks[name] = Ask(f"{server.url}/{name}/a%20b?c=d", meta=LOGGED_IN)
            asks[f"{name}-wrong"] = Ask(f"{server.url}/{name}/wrong", meta=WRONG)
            asks[f"{name}-none"] = Ask(f"{server.url}/{name}/none")
        asks |= {"digest-post": Ask(f"{server.url}/MD5/post", "POST", body="a=b", meta=LOGGED_IN)}
        asks |= {"unasked": Ask(f"{server.url}/echo", meta=LOGGED_IN), "after": Ask(f"{server.url}/echo")}
        answers = ask(asks, {"CONCURRENT_REQUESTS": 1})
        yield Logins(answers, server)


@pytest.mark.parametrize("name", ["basic", "basic-tls"])
def test_basic_accepts_the_right_login(logins: Logins, name: str) -> None:
    assert (logins[name].status, logins[name].text) == (200, "secret\n")


def test_a_login_need_not_be_ascii(logins: Logins) -> None:
    assert (logins["basic-foreign"].status, logins["basic-foreign"].error) == (401, "")


@pytest.mark.parametrize("name", SCHEMES)
def test_digest_accepts_the_right_login(logins: Logins, name: str) -> None:
    assert (logins[name].status, logins[name].text) == (200, "welcome")
    assert logins[name].length == len("welcome")


def test_digest_sends_the_body_of_a_request(logins: Logins) -> None:
    assert logins["digest-post"].text == "welcome"
    assert [asked.body for asked in logins.server.asked("MD5") if asked.target == "/MD5/post"][-1] == b"a=b"


@pytest.mark.parametrize("name", ["basic", *SCHEMES])
def test_a_wrong_login_gets_the_answer_of_the_server(logins: Logins, name: str) -> None:
    for how in ("wrong", "none"):
        assert (logins[f"{name}-{how}"].status, logins[f"{name}-{how}"].error) == (401, "")


def test_no_challenge_is_taken_for_the_answer(logins: Logins) -> None:
    """The signals are those of one response."""
    for name in ("basic", *SCHEMES):
        assert [signal for signal, _ in logins[name].signals] == [
            "headers_received",
            "bytes_received",
            "response_downloaded",
            "request_left_downloader",
        ]
        assert logins[name].values("WWW-Authenticate") == []


def test_a_login_is_for_its_request_alone(logins: Logins) -> None:
    assert "authorization" not in logins["after"].text.lower()


def test_no_password_is_sent_without_a_challenge(logins: Logins) -> None:
    assert "authorization" not in logins["unasked"].text.lower()


def test_a_client_has_a_certificate_and_a_version_of_http(world: World) -> None:
    certificate, key = world.authority.sign("client")
    asks = {"member": Ask(f"{world.web.https}/members/member.txt")}
    known = ask(asks, {CLIENT_CERTIFICATE: str(certificate), CLIENT_KEY: str(key), HTTP_VERSION: "1.1"})
    unknown = ask(asks, {HTTP_VERSION: ""})
    meant = {"member": Ask(f"{world.web.https}/members/member.txt", meta={CERTIFICATE: False})}
    not_meant = ask(meant, {CLIENT_CERTIFICATE: str(certificate), CLIENT_KEY: str(key)})
    assert not_meant["member"].status == 403
    assert (known["member"].status, known["member"].text) == (200, "member\n")
    assert unknown["member"].status == 403
    assert (known["member"].protocol, unknown["member"].protocol) == ("HTTP/1.1", "h2")


# SOCKS5


@pytest.fixture(scope="session")
def socks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[servers.Proxy, servers.Proxy]]:
    home = tmp_path_factory.mktemp("socks")
    with servers.microsocks(home) as open_to_all, servers.microsocks(home, user="clerk", password="stamp") as guarded:
        yield open_to_all, guarded


def test_socks5_carries_every_protocol(
    world: World, socks: tuple[servers.Proxy, servers.Proxy], remote: "Remote"
) -> None:
    open_to_all, guarded = (proxy.port for proxy in socks)
    by_name = world.web.http.replace("127.0.0.1", "localhost")
    asks = {
        "http": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"socks5://127.0.0.1:{open_to_all}"}),
        "https": Ask(f"{world.web.https}/binary", meta={"proxy": f"socks5://127.0.0.1:{open_to_all}"}),
        "by-name": Ask(f"{by_name}/hello.txt", meta={"proxy": f"socks5h://127.0.0.1:{open_to_all}"}),
        "ftp": Ask(f"ftp://127.0.0.1:{remote.ftp}/hello.txt", meta={"proxy": f"socks5://127.0.0.1:{open_to_all}"}),
        "guarded": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"socks5://{CLERK}@127.0.0.1:{guarded}"}),
        "stranger": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"socks5://127.0.0.1:{guarded}"}),
        "dead": Ask(f"{world.web.http}/hello.txt", meta={"proxy": f"socks5://127.0.0.1:{world.refusing}"}),
    }
    answers = ask(asks, {})
    for name in ("http", "by-name", "ftp", "guarded"):
        assert (name, answers[name].error, answers[name].text) == (name, "", "hello\n")
    assert answers["https"].sha256 == DIGEST
    assert answers["stranger"].error == "DownloadFailedError"
    assert answers["dead"].error == "DownloadConnectionRefusedError"
    for url in (world.web.http, by_name, world.web.https, f"ftp://127.0.0.1:{remote.ftp}"):
        assert socks[0].mentions(f"connected to {url.partition('//')[2]}")
    assert socks[1].mentions(f"connected to {world.web.http.partition('//')[2]}")


# FTP


@dataclass(frozen=True, slots=True)
class Remote:
    """The ports of file servers. FTP with MLSD, FTP with LIST only and FTPS serve one folder; SFTP serves the whole disk."""

    files: Path
    ftp: int
    ftp_of_lists: int
    ftps: int
    ssh: servers.Ssh
    authority: servers.Authority


@pytest.fixture(scope="session")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    home = tmp_path_factory.mktemp("remote")
    files = home / "files"
    publish(files)
    authority = servers.Authority(home)
    with ExitStack() as stack:
        enter = stack.enter_context
        yield Remote(
            files,
            enter(servers.pyftpdlib(files, home)),
            enter(servers.vsftpd(files, home)),
            enter(servers.vsftpd(files, home, authority.sign("localhost", "127.0.0.1"))),
            enter(servers.sshd(home)),
            authority,
        )


@pytest.fixture(scope="session")
def fetched(remote: Remote, world: World) -> Told:
    """Requests for the same files from each server, and for what only some have."""
    roots = {
        "ftp": f"ftp://127.0.0.1:{remote.ftp}",
        "lists": f"ftp://127.0.0.1:{remote.ftp_of_lists}",
        "ftps": f"ftps://127.0.0.1:{remote.ftps}",
        "sftp": f"sftp://{remote.ssh.user}@127.0.0.1:{remote.ssh.port}{remote.files}",
        "file": remote.files.as_uri(),
    }
    asks = {f"{name}:{path}": Ask(f"{root}/{path}") for name, root in roots.items() for path in PATHS}
    asks |= {f"{name}:stopped": Ask(f"{root}/binary", stop=("bytes", False)) for name, root in roots.items()}
    asks |= {
        f"{name}:too large": Ask(f"{root}/binary", meta={"download_maxsize": 1000}) for name, root in roots.items()
    }
    asks |= {f"{name}:again-{n}": Ask(f"{root}/binary") for name, root in roots.items() for n in range(4)}
    asks |= {
        "login": Ask(f"{roots['ftp']}/secret.txt", meta=LOGGED_IN),
        "login-wrong": Ask(f"{roots['ftp']}/secret.txt", meta=WRONG),
        "anonymous": Ask(f"{roots['ftp']}/private/secret.txt"),
        "ftp-refused": Ask(f"ftp://127.0.0.1:{world.refusing}/hello.txt"),
    }
    known = {"DOWNLOAD_VERIFY_CERTIFICATES": True, CA_FILE: str(remote.authority.certificate)}
    return ask(asks, known, home=remote.ssh.home)


PATHS: Final = ("hello.txt", "binary", "empty.txt", "inner/page.html", "na%20me%20%C3%A9.txt", "missing.txt", "")
KINDS: Final = ("ftp", "lists", "ftps", "sftp", "file")


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_arrives_byte_for_byte(fetched: Told, kind: str) -> None:
    for name in ("binary", *(f"again-{number}" for number in range(4))):
        answer = fetched[f"{kind}:{name}"]
        assert (answer.error, answer.status, answer.sha256) == ("", 200, DIGEST)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("path", "text", "class_"),
    [
        ("hello.txt", "hello\n", "TextResponse"),
        ("empty.txt", "", "TextResponse"),
        ("inner/page.html", "<!DOCTYPE html>\n<title>Inner</title>\n", "HtmlResponse"),
        ("na%20me%20%C3%A9.txt", "odd name\n", "TextResponse"),
    ],
)
def test_a_file_is_a_response_of_its_kind(fetched: Told, kind: str, path: str, text: str, class_: str) -> None:
    answer = fetched[f"{kind}:{path}"]
    assert (answer.error, answer.status, answer.text, answer.kind) == ("", 200, text, class_)


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_not_found(fetched: Told, kind: str) -> None:
    answer = fetched[f"{kind}:missing.txt"]
    assert (answer.status, answer.error) == (404, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_listed(fetched: Told, kind: str) -> None:
    answer = fetched[f"{kind}:"]
    assert (answer.status, answer.error) == (200, "")
    for name in ("hello.txt", "binary", "inner"):
        assert name in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_of_a_file_can_be_stopped(fetched: Told, kind: str) -> None:
    stopped, too_large = fetched[f"{kind}:stopped"], fetched[f"{kind}:too large"]
    assert stopped.flags == ["download_stopped"]
    assert 0 < stopped.length < len(BINARY)
    assert stopped.sha256 == hashlib.sha256(BINARY[: stopped.length]).hexdigest()
    assert too_large.error == "DownloadCancelledError"


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_of_a_file_has_its_signals(fetched: Told, kind: str) -> None:
    names = [name for name, _ in fetched[f"{kind}:binary"].signals]
    assert names == ["headers_received", "bytes_received", "response_downloaded", "request_left_downloader"]
    assert ("bytes_received", len(BINARY)) in fetched[f"{kind}:binary"].signals


def test_ftp_accepts_the_right_login(fetched: Told) -> None:
    assert (fetched["login"].error, fetched["login"].text) == ("", "secret\n")
    assert not fetched["login-wrong"].text
    assert not fetched["anonymous"].text


def test_ftp_refused_is_refused(fetched: Told) -> None:
    assert fetched["ftp-refused"].error == "DownloadConnectionRefusedError"


# Certificates and host keys


def test_unknown_authorities_and_host_keys_are_refused(remote: Remote, tmp_path: Path) -> None:
    """An authority that is not trusted, and a host whose key differs from the one in known_hosts."""
    shutil.copytree(remote.ssh.home / ".ssh", tmp_path / ".ssh")
    other = (remote.ssh.home / ".ssh" / "id_rsa.pub").read_text().split()[1]
    (tmp_path / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{remote.ssh.port} ssh-rsa {other}\n")
    asks = {
        "ftps": Ask(f"ftps://127.0.0.1:{remote.ftps}/hello.txt"),
        "sftp": Ask(f"sftp://{remote.ssh.user}@127.0.0.1:{remote.ssh.port}{remote.files}/hello.txt"),
    }
    answers = ask(asks, {"DOWNLOAD_VERIFY_CERTIFICATES": True}, home=tmp_path)
    for name in asks:
        assert (name, answers[name].error, answers[name].text) == (name, "DownloadFailedError", "")


# What Scrapy's own handlers can do as well


def test_scrapys_own_handlers_pass_the_same_tests_of_files_and_ftp(remote: Remote) -> None:
    asks = [Ask(f"{remote.files.as_uri()}/binary"), Ask(f"ftp://127.0.0.1:{remote.ftp}/binary")]
    assert [(answer.status, answer.sha256) for answer in probe(STOCK, asks).answers] == [(200, DIGEST)] * 2
