"""Which addresses of the internet a node may connect to, when others told it the name.

An address that carries another one inside (IPv4 in IPv6, through a translator or a tunnel) is judged
by the one inside, so that no spelling of a refused address is let through.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Reach(StrEnum):
    """How far a node goes for addresses that others name."""

    PUBLIC = "public"  # https to public addresses
    LOOPBACK = "loopback"  # and http to this machine: trying out, tests
    PRIVATE = "private"  # and http, and the private ranges: a closed network of one's own


def _networks(*ranges: str) -> tuple[Network, ...]:
    return tuple(IPv6Network(text) if ":" in text else IPv4Network(text) for text in ranges)


_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
_PRIVATE: Final = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7"
)
_METADATA: Final = _networks(  # where clouds answer their machines, outside the link-local range
    "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128"
)
_NEVER: Final = _networks(
    "0.0.0.0/8",  # this machine, by another name
    "169.254.0.0/16",  # link-local, and the metadata of nearly every cloud
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, and broadcast
    "2001::/23",  # tunnels and experiments of the IETF, Teredo among them
    "2001:db8::/32",
    "3fff::/20",
)
_GLOBAL_IPV6: Final = IPv6Network("2000::/3")  # all that has been given out; the rest is refused
_NAT64: Final = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")


def find_fault(address: Address, reach: Reach) -> str | None:
    """Return why `address` may not be connected to under `reach`, None if it may."""
    address = _inmost(address)
    if _within(address, _METADATA):
        return "is where a cloud keeps the secrets of its machines"
    if _within(address, _LOOPBACK):
        return "is this machine itself" if reach is Reach.PUBLIC else None
    if _within(address, _PRIVATE):
        return None if reach is Reach.PRIVATE else "lies in a private network"
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "is no address of the public internet"
    return "is no address of the public internet" if _within(address, _NEVER) else None


def is_loopback(address: Address) -> bool:
    """Say whether `address` is this machine, in any of its spellings."""
    return _within(_inmost(address), _LOOPBACK)


def _inmost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address


def _within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
