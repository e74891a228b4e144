"""Which addresses a crawl may connect to, so that no site leads it to what only this machine or its network can reach.

Enters: the starts, and for each connection the host that was asked for and the address that it turned out to have. Leaves: the
kind of address that is refused, or `None`. Never here: a socket, a resolver.

The law
-------
1. Where the start is on the internet, nothing else is connected to: no loopback, private, link-local or other special address
   (IANA's registries, by `ipaddress`), and no address at which clouds tell their machines secrets. An address that carries one
   of IPv4 (mapped, compatible, 6to4, Teredo, NAT64) counts as that.
2. What counts is the address of each connection, after names were resolved; a name that resolves to another one later is
   decided about anew. A host that is an address, or `localhost`, is decided about before: no proxy is asked for it.
3. A start that is not on the internet itself allows its own kind of address: a mirror of an intranet takes what is linked
   there, and one of this machine what is on it. It does so until a start turns out to be on the internet after all.
4. Where there are several starts, and not all of them are addresses or `localhost`, each allows its own kind for its own host
   and port, and for nothing else.
5. Addresses of cloud metadata are allowed to a start that is one.
6. The user's words are stronger: `everything` allows all, `public` names networks that count as the internet.
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
    """What an address is."""

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
    """What one crawl may connect to. It learns from connections what kind of address a start has."""

    def __init__(
        self, starts: Iterable[CanonicalURL], *, everything: bool = False, public: Iterable[Network] = ()
    ) -> None:
        self._everything = everything
        self._public = tuple(public)
        hosts = {_place(url) for url in starts if not url.startswith("file:")}
        self._starts: dict[str, Kind | None] = {place: self._said(place) for place in hosts}
        self._is_on_internet = False
        self._shares = len(hosts) == 1 or all(self._starts.values())

    def bars_name(self, url: CanonicalURL) -> Kind | None:
        """Why a URL is not to be asked for, if that can be told by its host alone."""
        if self._everything:
            return None
        place = _place(url)
        said = self._said(place)
        return said and self._barred(place, said)

    def bars(self, url: CanonicalURL, address: str) -> Kind | None:
        """Why there is to be no connection to what the host of a URL resolved to."""
        return None if self._everything else self._barred(_place(url), self._kind(address))

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

    def _said(self, place: str) -> Kind | None:
        """The kind of a host that is an address."""
        host = _literal(place)
        return None if host is None else self._kind(host)

    def _kind(self, address: str) -> Kind:
        found = carried(address)
        return Kind.PUBLIC if any(found in network for network in self._public) else kind(found)


@lru_cache(maxsize=1024)
def carried(text: str) -> Address:
    """The address that a connection would reach in the end: that of IPv4 where one of IPv6 carries it.

    >>> carried("::ffff:127.0.0.1"), carried("2002:7f00:1::"), carried("64:ff9b::a00:1")
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


def kind(address: Address) -> Kind:
    """What an address is; what the system takes for this machine (`0.0.0.0`, `::`) is loopback.

    >>> kind(ip_address("192.168.1.1")), kind(ip_address("169.254.169.254"))
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
    """Networks in the notation of CIDR, with commas or white space between them; raises `ValueError`.

    >>> networks("192.0.2.0/24, 2001:db8::/32")
    [IPv4Network('192.0.2.0/24'), IPv6Network('2001:db8::/32')]
    """
    return [ip_network(word) for word in text.replace(",", " ").split()]


def _place(url: CanonicalURL) -> str:
    """Host and port. The web is one, whether by TLS or not, where the ports are the usual ones."""
    return _place_of(url[: url.index("/", url.index("://") + 3) + 1])


@lru_cache(maxsize=4096)
def _place_of(origin: str) -> str:
    url = CanonicalURL(origin)
    parts = split(url)
    port = 80 if is_web(url) and parts.port == 443 else parts.port  # noqa: PLR2004 - the default ports
    return f"{parts.host}:{port}"


@lru_cache(maxsize=4096)
def _literal(place: str) -> str | None:
    """The host, if it is an address, or a name that means this machine (RFC 6761, 6.3)."""
    host = place.rpartition(":")[0].strip("[]").rstrip(".")
    if host == _LOCALHOST or host.endswith(f".{_LOCALHOST}"):
        return "127.0.0.1"
    try:
        ip_address(host)
    except ValueError:
        return None
    return host
