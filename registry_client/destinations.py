"""Which URLs a node follows that others gave it: their form is checked here, with nothing asked.

Only one plain spelling of a URL is taken, so that no two readers can understand it differently:
ASCII, no name or password in it, hosts as a name, four numbers with dots, or IPv6 in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final, NamedTuple

from kernel.errors import NodeError
from registry_client.address_rules import Address, Reach, find_fault, is_loopback

_LONGEST: Final = 2048  # characters
_MOST_KEPT: Final = 1024  # URLs that were judged and may be followed
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[!-\"$-\[\]-~]*)?",  # no blanks, no fragment, no backslash
    re.ASCII | re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_SAY_HOW: Final = "Give the address as https://host/path, as it stands in the registry."
_SAY_REACH: Final = {
    Reach.PUBLIC: "DEGNODE_REACH=loopback also allows this machine, DEGNODE_REACH=private a closed network.",
    Reach.LOOPBACK: "DEGNODE_REACH=private also allows private networks.",
    Reach.PRIVATE: "No setting allows this.",
}


class DestinationRefused(NodeError):
    """A URL that this node does not follow, whoever names it. Trying again will not help."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


class Destination(NamedTuple):
    """A URL taken apart; `address` is None where the host is a name, which may mean anything."""

    scheme: str
    host: str
    address: Address | None

    @property
    def is_here(self) -> bool:
        """Say whether this is plainly the machine itself."""
        if self.address is not None:
            return is_loopback(self.address)
        return self.host == "localhost" or self.host.endswith(".localhost")


def check_url(url: str, *, reach: Reach, path: str | None = None) -> Destination:
    """Refuse a URL that others gave and that leads where `reach` does not go.

    What a name stands for is checked again when a connection is made; see `registry_client.reach`.
    `path` is where the URL stands, for the error. Raises: DestinationRefused.
    """
    return _judge(url, reach, path)


@lru_cache(_MOST_KEPT)  # a node has few peers and many messages
def _judge(url: str, reach: Reach, path: str | None) -> Destination:
    destination = read_url(url, path=path)
    scheme, host, address = destination
    if scheme == "http" and reach is not Reach.PRIVATE and not destination.is_here:
        raise _refused(url, "is not https", path, reach)
    if address is not None:
        if (fault := find_fault(address, reach)) is not None:
            raise _refused(url, fault, path, reach)
    elif reach is Reach.PUBLIC and destination.is_here:
        raise _refused(url, "is this machine itself", path, reach)
    elif reach is not Reach.PRIVATE and "." not in host and not destination.is_here:
        raise _refused(url, "has no full host name", path, reach)
    return destination


def check_registry_url(url: str, *, reach: Reach, path: str | None = None) -> Destination:
    """Refuse the URL of a registry that an operator set and that would be read in the clear.

    What it says is believed: so https, save on this machine or in a closed network. An operator may
    name any host, whatever it stands for; an address is judged like that of a peer, save that this
    machine itself is always allowed. Raises: DestinationRefused.
    """
    destination = read_url(url, path=path)
    if destination.scheme == "http" and reach is not Reach.PRIVATE and not destination.is_here:
        raise DestinationRefused(
            f"the registry {url} is not https: anybody on the way could answer for it",
            path=path,
            hint="Use https, or in a closed network set DEGNODE_REACH=private.",
        )
    fault = None if destination.address is None else find_fault(destination.address, reach)
    if fault is not None and not destination.is_here:
        raise _refused(url, fault, path, reach)
    return destination


def check_addresses(host: str, addresses: Iterable[str], *, reach: Reach) -> None:
    """Refuse a host if any address that its name stands for is refused. Raises: DestinationRefused."""
    for text in addresses:
        bare = text.partition("%")[0]  # the zone of a link-local address
        address: Address = IPv6Address(bare) if ":" in bare else IPv4Address(bare)
        if (fault := find_fault(address, reach)) is not None:
            raise DestinationRefused(
                f"the host {host} is not connected to: its address {bare} {fault}", hint=_SAY_REACH[reach]
            )


def usual_reach(public_url: str) -> Reach:
    """Return how far a node goes that is reached at `public_url` itself, unless it is told."""
    try:
        return Reach.LOOPBACK if read_url(public_url).is_here else Reach.PUBLIC
    except DestinationRefused:
        return Reach.PUBLIC


def is_host_of(url: str, name: str) -> bool:
    """Say whether the host of `url` is `name` or lies below it. Raises: DestinationRefused."""
    host, name = read_url(url).host, name.lower()
    return host == name or host.endswith(f".{name}")


def read_url(url: str, *, path: str | None = None) -> Destination:
    """Return the parts of a URL that is written plainly. Raises: DestinationRefused."""
    found = _URL.fullmatch(url) if len(url) <= _LONGEST else None
    if found is None:
        raise _unreadable(url, path)
    host = found["host"].lower()
    if found["port"] is not None and not 0 < int(found["port"]) < 65536:
        raise _unreadable(url, path)
    return Destination(found["scheme"].lower(), host.strip("[]"), _address_of(url, host, path))


def _address_of(url: str, host: str, path: str | None) -> Address | None:
    """Return the address that `host` spells, None for a name.

    As browsers do it, a host whose last label is a number is an address: `127.1`, `0x7f000001` and
    `017700000001` all mean this machine to some reader, so they are refused.
    """
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        labels = host.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return IPv4Address(host)
    except AddressValueError:
        raise _unreadable(url, path) from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise _unreadable(url, path)
    return None


def _unreadable(url: str, path: str | None) -> DestinationRefused:
    return DestinationRefused(f"{_shown(url)} is no plain http or https URL", path=path, hint=_SAY_HOW)


def _refused(url: str, why: str, path: str | None, reach: Reach) -> DestinationRefused:
    return DestinationRefused(
        f"{_shown(url)} is not followed: it {why}", path=path, hint=f"{_SAY_HOW} {_SAY_REACH[reach]}"
    )


def _shown(url: str) -> str:
    """Return a URL as it may stand in an error: short, printable, without a password."""
    without_user = re.sub(r"//[^/?#]*@", "//…@", url)
    return repr(without_user if len(without_user) <= 100 else f"{without_user[:100]}…")
