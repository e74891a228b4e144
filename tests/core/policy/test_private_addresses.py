"""Which addresses a crawl may connect to."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirror.core.policy.private_addresses import Kind, Reach, address_kind, effective_address, networks
from mirror.core.url.canonical import CanonicalURL, canonical

PUBLIC = "93.184.216.34"
START = canonical("https://example.org/")
OTHER = canonical("http://other.example/")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PUBLIC, Kind.PUBLIC),
        ("2606:2800:220:1::1", Kind.PUBLIC),
        ("127.0.0.1", Kind.LOOPBACK),
        ("127.255.0.1", Kind.LOOPBACK),
        ("::1", Kind.LOOPBACK),
        ("0.0.0.0", Kind.LOOPBACK),
        ("0.1.2.3", Kind.LOOPBACK),
        ("::", Kind.LOOPBACK),
        ("10.1.2.3", Kind.PRIVATE),
        ("172.16.0.1", Kind.PRIVATE),
        ("172.32.0.1", Kind.PUBLIC),
        ("192.168.255.255", Kind.PRIVATE),
        ("100.64.0.1", Kind.PRIVATE),
        ("fc00::1", Kind.PRIVATE),
        ("fdff::1", Kind.PRIVATE),
        ("fec0::1", Kind.PRIVATE),
        ("169.254.1.1", Kind.LINK_LOCAL),
        ("fe80::1%eth0", Kind.LINK_LOCAL),
        ("169.254.169.254", Kind.METADATA),
        ("168.63.129.16", Kind.METADATA),
        ("100.100.100.200", Kind.METADATA),
        ("fd00:ec2::254", Kind.METADATA),
        ("224.0.0.1", Kind.SPECIAL),
        ("ff0e::1", Kind.SPECIAL),
        ("192.0.2.1", Kind.SPECIAL),
        ("255.255.255.255", Kind.SPECIAL),
        ("::ffff:127.0.0.1", Kind.LOOPBACK),
        ("::ffff:a9fe:a9fe", Kind.METADATA),
        ("::10.0.0.1", Kind.PRIVATE),
        ("2002:c0a8:1::", Kind.PRIVATE),
        ("64:ff9b::7f00:1", Kind.LOOPBACK),
        ("64:ff9b:1::a00:1", Kind.PRIVATE),
        ("2001:0:5ef5:79fd:0:0:80ff:fffe", Kind.LOOPBACK),  # Teredo, of 127.0.0.1
        (f"::ffff:{PUBLIC}", Kind.PUBLIC),
    ],
)
def test_kinds(text: str, expected: Kind) -> None:
    assert address_kind(effective_address(text)) is expected


@given(st.ip_addresses(v=4))
def test_an_ipv6_address_with_an_ipv4_address_counts_as_that(address: object) -> None:
    number = int(ip_address(str(address)))
    for form in (f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}"):
        assert address_kind(effective_address(form)) is address_kind(ip_address(str(address)))


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "fe80::1", "169.254.169.254", "::ffff:10.0.0.1"])
def test_a_start_on_the_internet_allows_the_internet_only(address: str) -> None:
    reach = Reach([START])
    assert reach.blocks_address(START, PUBLIC) is None
    assert reach.blocks_address(OTHER, PUBLIC) is None
    assert reach.blocks_address(OTHER, address)
    assert reach.blocks_address(START, address), "its name is another one's now"
    assert Reach([START], everything=True).blocks_address(OTHER, address) is None


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "a.localhost", "localhost.", "[::1]", "0x7f.1", "2130706433", "[::ffff:10.0.0.1]", "0"],
)
def test_an_address_in_a_url_is_refused_before_the_request(host: str) -> None:
    url = canonical(f"http://{host}:8080/")
    assert Reach([START]).blocks_host(url)
    assert Reach([START], everything=True).blocks_host(url) is None
    assert Reach([url]).blocks_host(url) is None


def test_a_name_alone_is_not_refused() -> None:
    assert Reach([START]).blocks_host(OTHER) is None
    assert Reach([START]).blocks_host(canonical("http://localhost.example.org/")) is None


@pytest.mark.parametrize("start", ["http://127.0.0.1:8000/", "http://localhost:8000/"])
def test_a_start_of_this_machine_allows_this_machine(start: str) -> None:
    reach = Reach([canonical(start)])
    assert reach.blocks_host(canonical("http://127.0.0.1:9000/")) is None
    assert reach.blocks_address(OTHER, "::1") is None
    assert reach.blocks_address(OTHER, PUBLIC) is None
    assert reach.blocks_address(OTHER, "192.168.0.1") is Kind.PRIVATE
    assert reach.blocks_address(OTHER, "169.254.169.254") is Kind.METADATA


def test_a_start_of_an_intranet_allows_the_intranet() -> None:
    reach = Reach([START])
    assert reach.blocks_address(START, "10.0.0.1") is None
    assert reach.blocks_address(OTHER, "192.168.0.1") is None
    assert reach.blocks_address(OTHER, "127.0.0.1") is Kind.LOOPBACK
    assert reach.blocks_address(OTHER, "100.100.100.200") is Kind.METADATA


def test_a_start_that_turns_out_to_be_on_the_internet_allows_no_more() -> None:
    """The first answer of its resolver is "127.0.0.1", so that this address would be allowed later."""
    reach = Reach([START])
    assert reach.blocks_address(START, "127.0.0.1") is None
    assert reach.blocks_address(START, PUBLIC) is None
    assert reach.blocks_address(START, "127.0.0.1") is Kind.LOOPBACK
    assert reach.blocks_address(OTHER, "127.0.0.1") is Kind.LOOPBACK


def test_each_of_several_starts_allows_itself_only() -> None:
    inside = canonical("http://127.0.0.1:8000/")
    reach = Reach([START, inside])
    for _ in range(2):
        assert reach.blocks_host(inside) is None
        assert reach.blocks_address(inside, "127.0.0.1") is None
        assert reach.blocks_host(canonical("http://127.0.0.1:8001/")) is Kind.LOOPBACK
        assert reach.blocks_address(OTHER, "127.0.0.1") is Kind.LOOPBACK
        assert reach.blocks_address(START, PUBLIC) is None


def test_several_starts_that_are_addresses_allow_each_other() -> None:
    reach = Reach([canonical("http://127.0.0.1:8000/"), canonical("http://localhost:9000/")])
    assert reach.blocks_host(canonical("http://[::1]/")) is None


def test_metadata_is_allowed_for_a_start_that_has_it() -> None:
    url = canonical("http://169.254.169.254/latest/")
    reach = Reach([url])
    assert reach.blocks_host(url) is None
    assert reach.blocks_address(url, "169.254.169.254") is None
    assert reach.blocks_host(canonical("http://100.100.100.200/")) is Kind.METADATA


def test_networks_that_count_as_the_internet() -> None:
    reach = Reach([canonical("http://10.1.0.1/")], public=networks("10.1.0.0/16"))
    assert reach.blocks_address(canonical("http://10.1.0.1/"), "10.1.0.1") is None
    assert reach.blocks_host(canonical("http://10.1.2.3/")) is None
    assert reach.blocks_host(canonical("http://10.2.0.1/")) is Kind.PRIVATE


def test_files_have_no_address() -> None:
    assert Reach([CanonicalURL("file:///srv/www/")]).blocks_host(CanonicalURL("file:///srv/www/")) is None
