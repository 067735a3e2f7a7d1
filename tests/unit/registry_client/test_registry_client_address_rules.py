"""Addresses that may be connected to, and the many spellings of those that may not."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from registry_client.address_rules import Reach, find_fault, is_loopback

NEVER = [
    "0.0.0.0",  # noqa: S104  judged, not listened on
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.51.100.7",
    "203.0.113.9",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "::",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001:db8::1",
    "2001::1",
    "3fff::1",
    "5f00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::7f00:1",  # IPv4-compatible, long given up
    "::ffff:0:7f00:1",  # IPv4-translated
    "64:ff9b:1::7f00:1",
]
PRIVATE = ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1", "fd12::1"]
LOOPBACK = ["127.0.0.1", "127.255.0.9", "::1"]
PUBLIC = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2606:4700::1111", "2a00::1"]


def embedded(address: str) -> list[IPv6Address]:
    """Return the IPv6 forms that stand for an IPv4 address."""
    number = int(IPv4Address(address))
    return [
        IPv6Address((0xFFFF << 32) | number),  # mapped
        IPv6Address((0x64FF9B << 96) | number),  # NAT64
        IPv6Address((0x2002 << 112) | (number << 80) | 1),  # 6to4
    ]


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_connected_to(address: str, reach: Reach) -> None:
    assert find_fault(ip_address(address), reach) is not None


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_always_connected_to(address: str, reach: Reach) -> None:
    assert find_fault(ip_address(address), reach) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_connected_to_only_where_the_network_is_closed(address: str) -> None:
    found = {reach: find_fault(ip_address(address), reach) for reach in Reach}
    assert found[Reach.PRIVATE] is None
    assert found[Reach.PUBLIC] == found[Reach.LOOPBACK] == "lies in a private network"


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_is_connected_to_unless_only_the_public_is(address: str) -> None:
    found = {reach: find_fault(ip_address(address), reach) for reach in Reach}
    assert found == {Reach.PUBLIC: "is this machine itself", Reach.LOOPBACK: None, Reach.PRIVATE: None}
    assert is_loopback(ip_address(address))


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "10.0.0.1", "1.1.1.1", "224.0.0.1"])
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(address: str, reach: Reach) -> None:
    expected = find_fault(IPv4Address(address), reach)
    assert [find_fault(form, reach) for form in embedded(address)] == [expected] * 3


def test_the_mapped_form_of_loopback_is_loopback() -> None:
    assert is_loopback(IPv6Address("::ffff:127.0.0.1"))
    assert not is_loopback(IPv6Address("::ffff:1.1.1.1"))
