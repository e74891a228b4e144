"""Origins of the replay server: one for each origin and snapshot, legal in DNS, never shared."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.replay.origins import ReplayOrigin, Server, digested, label, read_label
from mirror.core.url.canonical import InvalidURLError, canonical, origin

SERVER = Server(8000)
DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

pieces = st.text("abxn01-_~!", min_size=1, max_size=30)
hosts = st.one_of(
    st.lists(pieces, min_size=1, max_size=6).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map("[{}]".format),
    st.sampled_from(
        ["bücher.example", "xn--p1ai", "a.рф", "localhost", "a---s1", "a---http.example", "a..b", "a.", "-", "x_y.org"]
    ),
)
schemes = st.sampled_from(["http", "https", "ftp", "ftps", "sftp"])
ports = st.one_of(
    st.just(""), st.sampled_from([":80", ":443", ":8080", ":21"]), st.integers(1, 65535).map(":{}".format)
)


@st.composite
def homes(draw: st.DrawFn) -> ReplayOrigin:
    try:
        url = canonical(f"{draw(schemes)}://{draw(hosts)}{draw(ports)}/")
    except InvalidURLError:
        url = canonical("https://example.org/")
    return ReplayOrigin(origin(url), draw(st.integers(1, 10**6)))


@given(homes())
def test_a_label_is_legal_in_dns_and_can_be_read_back(home: ReplayOrigin) -> None:
    found = label(home)
    assert DNS_LABEL.fullmatch(found)
    assert not found.startswith("xn--")
    assert read_label(found, {digested(home.origin): home.origin}.get) == home


@given(st.lists(homes(), unique=True, max_size=30))
def test_distinct_origins_and_snapshots_have_distinct_labels(several: list[ReplayOrigin]) -> None:
    assert len({label(home) for home in several}) == len(several)


@given(st.text("ab-.s1x0http", max_size=30))
def test_a_label_that_can_be_read_is_the_only_one(text: str) -> None:
    home = read_label(text, lambda _: None)
    assert home is None or label(home) == text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/", "example-org---s1"),
        ("https://www.example.org/", "www-example-org---s1"),
        ("https://www-example.org/", "www--example-org---s1"),
        ("https://www--example.org/", "www----example-org---s1"),
        ("http://example.org/", "example-org---http---s1"),
        ("http://example.org:443/", "example-org---http-443---s1"),
        ("https://example.org:80/", "example-org---https-80---s1"),
        ("http://127.0.0.1:8000/", "127-0-0-1---http-8000---s1"),
        ("ftp://example.org/", "example-org---ftp---s1"),
        ("http://intranet/", "intranet---http---s1"),
        ("https://a---http.example/", "a------http-example---s1"),
    ],
)
def test_labels_of_plain_hosts_are_readable(url: str, expected: str) -> None:
    assert label(ReplayOrigin(origin(canonical(url)), 1)) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://a_b.example/",
        "https://[2001:db8::1]/",
        "https://bücher.example/",
        "https://xn-a.example/",
        "https://example.org./",
        "https://-a.example/",
        "https://a..b/",
        "https://" + "a" * 60 + ".example/",
        "https://" + ".".join(["abcdefgh"] * 20) + "/",
        "file:///srv/",
    ],
)
def test_other_hosts_have_a_digest(url: str) -> None:
    found = label(ReplayOrigin(origin(canonical(url)), 1))
    assert re.fullmatch(r"[a-z0-9-]+---x[a-z2-7]{26}---s1", found)
    assert DNS_LABEL.fullmatch(found)


@pytest.mark.parametrize(
    "text",
    [
        "example-org",
        "example-org---s0",
        "example-org---s01",
        "example-org---https---s1",
        "example-org---https-443---s1",
        "example-org---http-80---s1",
        "example-org---http-080---s1",
        "example-org---http-99999---s1",
        "example-org---gopher---s1",
        "example-org-----s1",
        "-example---s1",
        "Example-org---s1",
        "---s1",
        "xn----a---s1",
    ],
)
def test_other_texts_are_no_labels(text: str) -> None:
    assert read_label(text, lambda _: None) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8000", ""),
        ("LOCALHOST:8000", ""),
        ("127.0.0.1:8000", ""),
        ("[::1]:8000", ""),
        ("example.org.localhost:8000", "example.org"),
        ("a_b.localhost:8000", "a_b"),
        ("localhost", None),
        ("localhost:8001", None),
        ("localhost:", None),
        ("localhost:08000", None),
        ("localhost.:8000", None),
        (".localhost:8000", None),
        ("example.org:8000", None),
        ("localhost.example.org:8000", None),
        ("notlocalhost:8000", None),
        ("127.0.0.2:8000", None),
        ("127.0.0.1.localhost.evil.example:8000", None),
        ("a@b.localhost:8000", None),
        ("a/b.localhost:8000", None),
        ("a b.localhost:8000", None),
        ("[::ffff:127.0.0.1]:8000", None),
        ("", None),
        (":8000", None),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str, name: str | None) -> None:
    assert SERVER.name(host) == name


def test_port_80_is_not_written() -> None:
    server = Server(80)
    assert server.root == "http://localhost/"
    assert server.place(canonical("https://a.example/b"), 2) == "http://a-example---s2.localhost/b"
    assert [server.name(host) for host in ("localhost", "localhost:80", "localhost:8000")] == ["", "", None]


def test_a_server_of_https_is_named_so_everywhere() -> None:
    server = Server(443, "https")
    assert server.root == "https://localhost/"
    assert server.place(canonical("http://a.example/b"), 2) == "https://a-example---http---s2.localhost/b"
    assert [server.name(host) for host in ("localhost", "localhost:443", "localhost:80")] == ["", "", None]
    assert server.reader("https://a-example---s2.localhost") == "a-example---s2"
    assert server.reader("http://a-example---s2.localhost") is None
    for policy in (server.policy, server.page_policy, server.sealed_policy, server.allowlist):
        assert "https://*.localhost" in policy
        assert "http://" not in policy


def test_the_policy_names_this_server_alone() -> None:
    for policy in (SERVER.policy, SERVER.page_policy):
        sources = {word for directive in policy.split(";") for word in directive.split()[1:]}
        assert sources <= {"http://*.localhost:8000", "data:", "blob:", "'unsafe-inline'", "'unsafe-eval'", "'none'"}
