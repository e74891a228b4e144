"""What a user can do about skips and failures."""

import pytest

from mirror.core.http.messages import status_text
from mirror.core.policy.scope import Reason
from mirror.reports.remedies import hints, skip_text
from mirror.transfer.failures import TEXTS, given_up

HELPS = {
    "401 Unauthorized": ["--login", "--netrc", "--cookies"],
    "403 Forbidden": ["(403)", "--cookies", "--user-agent"],
    "999 Request Denied": ["(999)", "--user-agent"],
    "407 Proxy Authentication Required": ["--proxy"],
    "proxy does not resolve": ["--proxy none"],
    "proxy refused the connection": ["--proxy none"],
    "connection closed by the server": ["again later"],
    "TLS handshake failed": ["http://"],
    "429 Too Many Requests": ["--delay 1"],
    "503 Service Unavailable": ["(503)", "again later"],
    "500 Internal Server Error": ["(500)", "again later"],
    "522 Connection Timed Out": ["(522)", "again later"],
    "redirects in a circle": ["cookie", "--cookies FILE"],
    "leads to http://b.example/, outside the scope": ["start"],
    "login page where a page was": ["--cookies", "--login"],
    "certificate not trusted": ["--ca FILE", "--insecure"],
    "host does not resolve": ["spelling"],
    "connection refused": ["again later"],
    "connection failed": ["again later"],
    "timed out": ["--timeout", "again later"],
    "cut short by the server": ["again"],
    "its payload was lost here": ["verify --repair"],
}


@pytest.mark.parametrize(("error", "words"), HELPS.items())
def test_a_failure_is_told_with_what_helps(error: str, words: list[str]) -> None:
    [line] = hints([error])
    assert [word for word in words if word not in line] == []
    assert hints([given_up(error, 3)]) == [line], "a host that was given up has the cause of its last failure"


@pytest.mark.parametrize(
    "error", ["404 Not Found", "410 Gone", "leaf", "an answer with 403 in it", "1503 Service Unavailable", "5033"]
)
def test_other_failures_have_no_hint(error: str) -> None:
    assert hints([error]) == []


def test_a_hint_is_told_once_and_names_all_statuses() -> None:
    errors = ["500 Internal Server Error", "404 Not Found", "502 Bad Gateway", given_up("502 Bad Gateway", 6)]
    assert hints(errors) == [
        "The server fails (500, 502): run the same command again later; it asks for these URLs again"
    ]


def test_a_host_that_was_given_up_for_another_reason_has_a_hint_too() -> None:
    assert hints([given_up("invalid HTTP: no words", 3)]) == [
        "A host was given up: run the same command again later; it asks for these URLs again"
    ]


def test_every_failure_of_the_network_has_a_hint() -> None:
    assert [text for text in TEXTS.values() if not hints([text])] == ["scheme not supported"]


def test_every_skip_by_an_option_names_it() -> None:
    named = {reason: text for reason in Reason if "--" in (text := skip_text(reason))}
    assert set(named) >= {Reason.DEPTH, Reason.INCLUDE, Reason.EXCLUDE, Reason.LIMIT, Reason.SIZE, Reason.MEDIA}
    assert not any("_" in skip_text(reason) for reason in Reason), "options are written with hyphens"


@pytest.mark.parametrize("status", range(100, 1000))
def test_no_status_is_without_a_word(status: int) -> None:
    number, _, words = status_text(status).partition(" ")
    assert (int(number), words != "") == (status, True)
