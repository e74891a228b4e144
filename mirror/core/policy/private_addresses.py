"""Private addresses: which addresses a crawl may connect to, so that no site leads it into this machine or its network.

Input: the starts; for each connection, the host of the URL and the address that the host resolved to. Output: the kind of
address that is refused, or `None`. This module opens no socket and resolves no name.

The law
-------
1. If the start is on the internet, the crawl connects to addresses on the internet only. It refuses loopback, private,
   link-local and other special addresses (IANA's registries, by `ipaddress`), and addresses at which cloud providers serve
   secrets to their machines. An IPv6 address that contains an IPv4 address (mapped, compatible, 6to4, Teredo, NAT64) counts as
   that IPv4 address.
2. The check uses the address of each connection, after the name was resolved. If the name resolves to another address later,
   the check happens again. If the host is an address or `localhost`, the check happens before the request, so that no proxy is
   asked for it.
3. A start that is not on the internet allows addresses of its own kind: a mirror of an intranet includes other hosts of the
   intranet, and a mirror of this machine includes other ports. This ends as soon as a start turns out to be on the internet.
4. If there are several starts, and not all of them are addresses or `localhost`, each allows addresses of its own kind for its
   own host and port only.
5. An address of cloud metadata is allowed only for a start that has one.
6. The user can override the law: `everything` allows all addresses, and `public` names networks that count as the internet.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from mirror.core.url.canonical import CanonicalURL, is_web, split

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


class Kind(StrEnum):
    """The kinds of addresses."""

    PUBLIC = "public"
    LOOPBACK = "loopback"
    PRIVATE = "private"
    LINK_LOCAL = "link-local"
    METADATA = "cloud metadata"
    SPECIAL = "special"


_METADATA: Final = frozenset(
    map(
        ip_address,
        ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"),
    )
)
_PRIVATE: Final = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"))
)
_NAT64: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
_LOCALHOST: Final = "localhost"


class Reach:
    """The addresses that a crawl may connect to. It learns from the connections which kind of address each start has."""

    def __init__(
        self, starts: Iterable[CanonicalURL], *, everything: bool = False, public: Iterable[Network] = ()
    ) -> None:
        self._everything = everything
        self._public = tuple(public)
        hosts = {_host_and_port(url) for url in starts if not url.startswith("file:")}
        self._starts: dict[str, Kind | None] = {place: self._literal_kind(place) for place in hosts}
        self._is_on_internet = False
        self._shares = len(hosts) == 1 or all(self._starts.values())

    def blocks_host(self, url: CanonicalURL) -> Kind | None:
        """Return the kind of address that bars a URL, if its host alone decides; `None` otherwise."""
        if self._everything:
            return None
        place = _host_and_port(url)
        found = self._literal_kind(place)
        return found and self._barred(place, found)

    def blocks_address(self, url: CanonicalURL, address: str) -> Kind | None:
        """Return the kind of address that bars a connection; `None` if the connection is allowed.

        `address` is what the host of the URL resolved to.
        """
        return None if self._everything else self._barred(_host_and_port(url), self._kind(address))

    def _barred(self, place: str, kind: Kind) -> Kind | None:
        if place in self._starts:
            if kind is Kind.PUBLIC:
                self._is_on_internet = True
            elif self._starts[place] not in {None, kind}:
                return kind
            self._starts[place] = kind
            return None
        if kind is Kind.PUBLIC:
            return None
        shared = self._shares and not self._is_on_internet and kind is not Kind.METADATA
        return None if shared and kind in self._starts.values() else kind

    def _literal_kind(self, place: str) -> Kind | None:
        """Return the kind of a host that is an address or a name of this machine; `None` for other names."""
        host = _literal(place)
        return None if host is None else self._kind(host)

    def _kind(self, address: str) -> Kind:
        found = effective_address(address)
        return Kind.PUBLIC if any(found in network for network in self._public) else address_kind(found)


@lru_cache(maxsize=1024)
def effective_address(text: str) -> Address:
    """Return the address that a connection reaches in the end: the IPv4 address if the IPv6 address contains one.

    >>> effective_address("::ffff:127.0.0.1"), effective_address("2002:7f00:1::"), effective_address("64:ff9b::a00:1")
    (IPv4Address('127.0.0.1'), IPv4Address('127.0.0.1'), IPv4Address('10.0.0.1'))
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and any(address in network for network in _NAT64):
        inner = IPv4Address(address.packed[-4:])
    if inner is None and address in _COMPATIBLE and int(address) > 1:
        inner = IPv4Address(address.packed[-4:])
    return inner or address


def address_kind(address: Address) -> Kind:
    """Return the kind of an address. The unspecified addresses (`0.0.0.0`, `::`) are loopback, because systems treat them so.

    >>> address_kind(ip_address("192.168.1.1")), address_kind(ip_address("169.254.169.254"))
    (<Kind.PRIVATE: 'private'>, <Kind.METADATA: 'cloud metadata'>)
    """
    if address in _METADATA:
        return Kind.METADATA
    if address.is_loopback or address.is_unspecified or (address.version == 4 and address.packed[0] == 0):  # noqa: PLR2004
        return Kind.LOOPBACK
    if address.is_link_local:
        return Kind.LINK_LOCAL
    if any(address in network for network in _PRIVATE):
        return Kind.PRIVATE
    return Kind.PUBLIC if address.is_global and not address.is_multicast else Kind.SPECIAL


def networks(text: str) -> list[Network]:
    """Parse networks in CIDR notation, separated by commas or white space; raise `ValueError` if one is invalid.

    >>> networks("192.0.2.0/24, 2001:db8::/32")
    [IPv4Network('192.0.2.0/24'), IPv6Network('2001:db8::/32')]
    """
    return [ip_network(word) for word in text.replace(",", " ").split()]


def _host_and_port(url: CanonicalURL) -> str:
    """Return host and port. The default ports of http and https count as one port."""
    return _host_and_port_of(url[: url.index("/", url.index("://") + 3) + 1])


@lru_cache(maxsize=4096)
def _host_and_port_of(origin: str) -> str:
    url = CanonicalURL(origin)
    parts = split(url)
    port = 80 if is_web(url) and parts.port == 443 else parts.port  # noqa: PLR2004 - the default ports
    return f"{parts.host}:{port}"


@lru_cache(maxsize=4096)
def _literal(place: str) -> str | None:
    """Return the host if it is an address; 127.0.0.1 if it is a name of this machine (RFC 6761, 6.3); else `None`."""
    host = place.rpartition(":")[0].strip("[]").rstrip(".")
    if host == _LOCALHOST or host.endswith(f".{_LOCALHOST}"):
        return "127.0.0.1"
    try:
        ip_address(host)
    except ValueError:
        return None
    return host
