"""Where a request comes from, also when a proxy of ours stands in front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from starlette.datastructures import Headers

Networks = Sequence[IPv4Network | IPv6Network]

_HOUSEHOLD: Final = 64  # bits of an IPv6 address that one subscriber of an internet provider shares


def client_address(scope: Mapping[str, Any], trusted: Networks = ()) -> str | None:
    """Return the address that a request comes from; None over a unix socket.

    Only proxies in `trusted` are believed about whom they speak for: the header is read from its
    end, for what stands before the first stranger may be anybody's invention.
    """
    client = scope.get("client")
    address: str | None = client[0] if client else None
    if address is None or not _is_trusted(address, trusted):
        return address
    forwarded = ",".join(Headers(raw=scope["headers"]).getlist("x-forwarded-for"))
    for hop in reversed([part.strip() for part in forwarded.split(",")]):
        if not _is_address(hop):
            break
        address = hop
        if not _is_trusted(hop, trusted):
            break
    return address


def neighbourhood(address: str | None) -> str:
    """Return what stands for everybody who can change to this address at will."""
    if address is None or not _is_address(address):
        return address or ""
    read = ip_address(address)
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or ip_network((read, _HOUSEHOLD), strict=False))
    return str(read)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str, trusted: Networks) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)
