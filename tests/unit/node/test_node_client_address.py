"""Where a request comes from."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from node.client_address import client_address, neighbourhood

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1/128"))


def address(client: str | None, *forwarded: str) -> str | None:
    scope = {
        "type": "http",
        "client": None if client is None else (client, 1234),
        "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
    }
    return client_address(scope, PROXIES)


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # no proxy of ours
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),  # what it wrote itself
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", ("10.0.0.3, 10.0.0.2",), "10.0.0.3"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, \xff",), "10.0.0.1"),
        ("::1", ("2001:db8::5",), "2001:db8::5"),
        (None, ("198.51.100.1",), None),
    ],
)
def test_only_our_own_proxies_are_believed(
    client: str | None, forwarded: tuple[str, ...], expected: str | None
) -> None:
    assert address(client, *forwarded) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_whoever_can_change_addresses_at_will_is_one_neighbour(address: str | None, expected: str) -> None:
    assert neighbourhood(address) == expected
