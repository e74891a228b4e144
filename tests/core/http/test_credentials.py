"""Credentials: which servers get them, and that no other server does."""

from urllib.parse import unquote

import ada_url
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mirror.core.http.credentials import (
    ANONYMOUS,
    Credentials,
    InvalidLoginError,
    Login,
    Origin,
    by_host,
    is_secret,
    url_login,
)
from mirror.core.http.redaction import hidden
from mirror.core.url.canonical import CanonicalURL, InvalidURLError, canonical, resolve

LAW = settings(max_examples=400)

GUIDO = Login("guido", "spam")
HEADERS = (("Authorization", "Bearer spam"), ("Accept-Language", "de"), ("Cookie", "id=spam"), ("X-Api-Key", "spam"))


def origin(url: str) -> Origin:
    return Origin.of(CanonicalURL(url))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://example.org/", "http://example.org/a?b", True),
        ("http://example.org/", "http://EXAMPLE.org:80/", True),
        ("https://example.org/", "https://example.org:443/", True),
        ("http://example.org/", "https://example.org/", False),
        ("http://example.org:443/", "https://example.org/", False),
        ("http://example.org/", "http://example.org:8080/", False),
        ("http://example.org/", "http://www.example.org/", False),
        ("http://example.org/", "http://example.org./", False),
        ("http://example.org/", "http://example.org.example.com/", False),
        ("http://example.org/", "http://example.com/?http://example.org/", False),
        ("http://127.0.0.1/", "http://127.1/", True),
        ("http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/", True),
        ("ftp://example.org/", "ftp://example.org:21/a", True),
        ("ftp://example.org/", "ftps://example.org/", False),
        ("file:///srv/", "file://localhost/etc", True),
        ("file:///example.org/", "http://example.org/", False),
        ("http://bücher.example/", "http://xn--bcher-kva.example/", True),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    assert (Origin.of(canonical(one)) == Origin.of(canonical(other))) is same


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://example.org:80/a", "http://example.org"),
        ("https://example.org:80/", "https://example.org:80"),
        ("ftp://example.org/a:b@c", "ftp://example.org"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://example.org", "http://example.org"),
        ("file:///srv/www/", "file://"),
    ],
)
def test_an_origin_is_written_as_its_url_is(url: str, text: str) -> None:
    assert str(origin(url)) == text
    assert origin(f"{text}/") == origin(url)


@pytest.mark.parametrize(
    "url", ["", "/a", "mailto:guido@example.org", "http:///a", "gopher://example.org/", "http://a:b@c/"]
)
def test_what_has_no_origin(url: str) -> None:
    with pytest.raises(InvalidURLError, match="has no origin"):
        origin(url)


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://example.org/a", GUIDO),
        ("https://example.org:443/b?c", GUIDO),
        ("http://example.org/", None),
        ("https://example.org:8443/", None),
        ("https://www.example.org/", None),
        ("https://example.com/", None),
        ("ftp://example.org/", ANONYMOUS),
        ("sftp://example.org/", None),
    ],
)
def test_what_is_given_for_an_origin_stays_there(url: str, login: Login | None) -> None:
    start = origin("https://example.org/")
    assert Credentials(frozenset({start}), {start: GUIDO}).login(CanonicalURL(url)) == login


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://example.com/", True),
        ("https://example.com:8443/", True),
        ("http://example.com:8000/", True),  # a start
        ("http://example.com/", False),
        ("ftps://example.com/", True),
        ("https://www.example.com/", False),
        ("https://example.net/", False),
    ],
)
def test_netrc_knows_hosts_and_is_told_unencrypted_to_starts_alone(url: str, known: bool) -> None:
    credentials = Credentials(frozenset({origin("http://example.com:8000/")}), {}, {"example.com": GUIDO})
    assert credentials.login(CanonicalURL(url)) == (GUIDO if known else None)


def test_ftp_is_anonymous_where_nothing_is_known() -> None:
    start = origin("ftp://example.org/")
    assert Credentials().login(CanonicalURL("ftp://example.org/")) == ANONYMOUS
    assert Credentials(frozenset({start}), {start: GUIDO}).login(CanonicalURL("ftp://example.org/a")) == GUIDO
    assert (
        Credentials(frozenset({start}), {}, {"example.org": GUIDO}).login(CanonicalURL("ftp://example.org/a")) == GUIDO
    )
    assert Credentials(frozenset(), {}, {"example.org": GUIDO}).login(CanonicalURL("ftp://example.org/a")) == ANONYMOUS


def test_what_is_more_exact_is_stronger() -> None:
    start, url = origin("http://example.org/"), canonical("http://example.org/a")
    others = {"example.org": Login("other", "eggs")}
    assert Credentials(frozenset({start}), {start: GUIDO}, others).login(url) == GUIDO
    header = (("AUTHORIZATION", "Bearer spam"),)
    written = Credentials(frozenset({start}), {start: GUIDO}, others, header)
    assert (written.login(url), written.headers(url)) == (None, header)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://example.org/a", HEADERS),
        ("http://example.com/", HEADERS[1:2]),
        ("https://example.org/", HEADERS[1:2]),
        ("http://example.org:8080/", HEADERS[1:2]),
    ],
)
def test_headers_with_secrets_go_to_starts_and_others_to_everyone(url: str, headers: object) -> None:
    credentials = Credentials(frozenset({origin("http://example.org/")}), given=HEADERS)
    assert credentials.headers(CanonicalURL(url)) == headers


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Cookie", True),
        ("Proxy-Authorization", True),
        ("X-Auth-Token", True),
        ("PRIVATE-TOKEN", True),
        ("apikey", True),
        ("X-Session-Id", True),
        ("Accept", False),
        ("Referer", False),
        ("DNT", False),
        ("Cache-Control", False),
    ],
)
def test_names_that_speak_of_a_secret(name: str, secret: bool) -> None:
    assert is_secret(name) is secret


def test_a_netrc_file_names_hosts_as_it_likes() -> None:
    entries = {
        "EXAMPLE.org": "example.org",
        "bücher.example": "xn--bcher-kva.example",
        "::1": "[::1]",
        "[::2]": "[::2]",
        "127.0.0.1": "127.0.0.1",
        "default": None,
        "example.org:80": None,
        "[::3]:80": None,
        "fee:80": None,
        "a/b": None,
        "me@example.net": None,
        "": None,
    }
    found = by_host((machine, "guido", machine) for machine in entries)
    assert found == {host: Login("guido", machine) for machine, host in entries.items() if host}
    assert by_host([("example.org", "", "a password alone")]) == {}


@pytest.mark.parametrize(
    ("user", "password"), [("a:b", "c"), ("a\n", "c"), ("a", "c\r\nd"), ("a", "\x00"), ("a", "\x7f")]
)
def test_a_login_that_no_server_could_be_told(user: str, password: str) -> None:
    with pytest.raises(InvalidLoginError):
        Login(user, password)


def test_nothing_shows_a_secret() -> None:
    start = origin("http://example.org/")
    for holder in (GUIDO, Credentials(frozenset({start}), {start: GUIDO}, {"example.com": GUIDO}, HEADERS)):
        for shown in (repr(holder), str(holder), f"{holder}"):
            assert "spam" not in shown
            assert "guido" not in shown


# Laws

HOSTS = st.sampled_from(
    ("example.org", "EXAMPLE.ORG", "www.example.org", "example.org.", "example.com", "127.0.0.1", "127.1", "[::1]")
)
URLS = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(("http", "https")),
    HOSTS,
    st.sampled_from(("", ":80", ":443", ":8080")),
    st.sampled_from(("/", "/a", "?b", "/@example.org/", "/a?http://example.org/")),
).map(canonical)
SETS = st.frozensets(URLS, max_size=3)


@LAW
@given(starts=SETS, named=st.dictionaries(URLS, st.integers(0, 9), max_size=3), url=URLS)
def test_a_login_never_appears_at_another_origin(
    starts: frozenset[CanonicalURL], named: dict[CanonicalURL, int], url: CanonicalURL
) -> None:
    logins = {Origin.of(place): Login(str(Origin.of(place)).replace(":", " "), str(n)) for place, n in named.items()}
    credentials = Credentials(frozenset(map(Origin.of, starts)), logins, given=HEADERS[1:])
    found = credentials.login(url)
    assert found is None or found.user == str(Origin.of(url)).replace(":", " ")
    assert (found is not None) == (Origin.of(url) in logins)
    secrets = [name for name, _ in credentials.headers(url) if is_secret(name)]
    assert bool(secrets) == any(Origin.of(url) == Origin.of(start) for start in starts)


@LAW
@given(starts=SETS, machines=st.sets(HOSTS, max_size=3), url=URLS)
def test_a_netrc_login_never_appears_at_another_host_nor_unencrypted_beside_the_starts(
    starts: frozenset[CanonicalURL], machines: set[str], url: CanonicalURL
) -> None:
    hosts = by_host((machine, "guido", canonical(f"http://{machine}")) for machine in machines)
    found = Credentials(frozenset(map(Origin.of, starts)), {}, hosts).login(url)
    if found:
        assert Origin.of(CanonicalURL(found.password)).host == Origin.of(url).host
        assert url.startswith("https:") or Origin.of(url) in set(map(Origin.of, starts))


@LAW
@given(reference=st.text(alphabet="htp:/\\@.#?a1[]% \t", max_size=20), base=URLS)
def test_every_canonical_url_has_an_origin_and_resolving_leads_to_the_one_that_a_browser_asks(
    reference: str, base: CanonicalURL
) -> None:
    target = resolve(reference, base)
    assume(target is not None)
    assert target is not None
    browsers = ada_url.URL(reference, base)
    ours = Origin.of(target.url)
    assert (ours.scheme, ours.host) == (browsers.protocol.rstrip(":"), browsers.hostname)
    assert str(ours) == browsers.origin


PIECES = st.lists(
    st.sampled_from(("guido", "sp%40m", ":", "@", "/", "\\", "?", "#", "%", ",", ".", "é", "[", "80")), max_size=8
).map("".join)


@pytest.mark.parametrize("url", ["file:///guido:spam@home/", "FILE:/@", " file://guido@", "file:\\\\a@b"])
def test_a_file_of_the_disk_has_no_login(url: str) -> None:
    assert url_login(url) is None
    assert hidden(url) == url


@LAW
@given(before=st.sampled_from(("http://", "http:", "HTTPS:\\", "https:///")), rest=PIECES)
@example("http://", "a:b@c:d@example.org")
def test_a_login_is_read_as_browsers_read_it_and_hiding_it_changes_nothing_else(before: str, rest: str) -> None:
    url = f"{before}{rest}"
    try:
        browsers = ada_url.URL(url)
    except ValueError:
        with pytest.raises(ValueError, match="Invalid"):
            ada_url.URL(hidden(url))
        return
    user, password = unquote(browsers.username), unquote(browsers.password)
    try:
        login = url_login(url)
    except InvalidLoginError:
        assert ":" in user
        return
    assert (login.user, login.password) == (user, password) if login else not user + password
    assert canonical(hidden(url)) == canonical(url)
