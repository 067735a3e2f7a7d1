"""URLs that others gave: one plain spelling is taken, and nothing that leads where it must not."""

from __future__ import annotations

import pytest

from registry_client.destinations import (
    DestinationRefused,
    check_addresses,
    check_registry_url,
    check_url,
    is_host_of,
    read_url,
    usual_reach,
)
from registry_client.reach import Reach

ODD = [
    "",
    "bap.example.com",
    "//bap.example.com",
    "ftp://bap.example.com",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "https://",
    "https:///path",
    "https://user@bap.example.com",
    "https://user:pass@bap.example.com/",
    "https://bap.example.com@169.254.169.254/",
    "https://bap.example.com\\@169.254.169.254/",
    "https://bap.example.com#@169.254.169.254/",
    "https://bap.example.com?@169.254.169.254/",
    "https://bap.example.com/#fragment",
    "https://bap.example.com/a b",
    "https://bap.example.com/\r\nX-Other: header",
    " https://bap.example.com",
    "https://bap.example.com\n",
    "https://bap.example.com:",
    "https://bap.example.com:0",
    "https://bap.example.com:65536",
    "https://bap.example.com:443x",
    "https://bap..example.com",
    "https://.example.com",
    "https://-a.example.com",
    "https://a-.example.com",
    "https://bap.example.com.",
    "https://bücher.example",
    "http\u017f://bap.example.com",
    "https://127.0.0.1\uff0eexample.com",
    f"https://{'a' * 64}.example.com",
    f"https://{'a.' * 127}com",
    f"https://bap.example.com/{'a' * 2048}",
    # This machine and others, as some reader understands them.
    "http://2130706433",
    "http://0x7f000001",
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://017700000001",
    "http://127.1",
    "http://127.0.0.1.",
    "http://127.0.0.01",
    "http://127.0.0.256",
    "http://127.0.0.1.5",
    "http://a.0x7f",
    "http://0x",
    "http://[::1",
    "http://[::1%25lo]",
    "http://[fe80::1%eth0]",
    "http://[127.0.0.1]",
    "http://[::ffff:127.0.0.1.]",
    "http://::1",
]


@pytest.mark.parametrize("reach", Reach)
@pytest.mark.parametrize("url", ODD)
def test_an_odd_spelling_is_refused_however_far_a_node_goes(url: str, reach: Reach) -> None:
    with pytest.raises(DestinationRefused, match="no plain http or https URL") as caught:
        check_url(url, reach=reach, path="$.context.bap_uri")
    assert caught.value.path == "$.context.bap_uri"
    assert not caught.value.retryable
    assert caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://bap.example.com",
        "HTTPS://BAP.Example.COM/",
        "https://bap.example.com:8443/beckn/v2?tenant=1@2",
        "https://1.1.1.1/path",
        "https://[2606:4700::1111]:8443/path",
        "https://xn--bcher-kva.example",
        "https://1and1.example",
        "https://a_b.example",
    ],
)
@pytest.mark.parametrize("reach", Reach)
def test_https_to_the_public_is_always_followed(url: str, reach: Reach) -> None:
    assert check_url(url, reach=reach).scheme == "https"


@pytest.mark.parametrize(
    ("url", "followed_by"),
    [
        ("http://bap.example.com", {Reach.PRIVATE}),
        ("http://1.1.1.1", {Reach.PRIVATE}),
        ("http://127.0.0.1:8081", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("https://127.0.0.1:8081", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("http://localhost:8081/path", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("https://bap.localhost", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("http://[::1]:8081", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("http://[::ffff:127.0.0.1]:8081", {Reach.LOOPBACK, Reach.PRIVATE}),
        ("http://bap:8080", {Reach.PRIVATE}),
        ("https://bap:8080", {Reach.PRIVATE}),
        ("http://10.0.0.7", {Reach.PRIVATE}),
        ("https://10.0.0.7", {Reach.PRIVATE}),
        ("https://[fd12::7]", {Reach.PRIVATE}),
        ("http://169.254.169.254/latest/meta-data", set()),
        ("https://169.254.169.254/latest/meta-data", set()),
        ("https://[::ffff:169.254.169.254]", set()),
        ("https://[::ffff:a9fe:a9fe]", set()),
        ("https://[64:ff9b::a9fe:a9fe]", set()),
        ("https://[2002:a9fe:a9fe::1]", set()),
        ("https://[fe80::1]", set()),
        ("https://0.0.0.0", set()),
        ("https://[::]", set()),
    ],
)
def test_the_reach_decides_what_is_followed(url: str, followed_by: set[Reach]) -> None:
    for reach in Reach:
        if reach in followed_by:
            check_url(url, reach=reach)
        else:
            with pytest.raises(DestinationRefused, match="is not followed: it ") as caught:
                check_url(url, reach=reach)
            assert caught.value.hint


def test_an_error_shows_no_password_and_does_not_run_on() -> None:
    with pytest.raises(DestinationRefused) as caught:
        read_url(f"https://me:secret@bap.example.com/{'a' * 3000}")
    assert "secret" not in str(caught.value)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("addresses", "is_refused"),
    [
        (["1.1.1.1", "2606:4700::1111"], False),
        (["1.1.1.1", "10.0.0.1"], True),
        (["fe80::1%eth0"], True),
        (["127.0.0.1"], True),
    ],
)
def test_one_refused_address_refuses_a_name_that_has_others(addresses: list[str], is_refused: bool) -> None:
    if not is_refused:
        check_addresses("bap.example.com", addresses, reach=Reach.PUBLIC)
        return
    with pytest.raises(DestinationRefused, match="is not connected to: its address"):
        check_addresses("bap.example.com", addresses, reach=Reach.PUBLIC)


@pytest.mark.parametrize(
    ("url", "reach", "is_taken"),
    [
        ("https://registry.example.com", Reach.PUBLIC, True),
        ("https://10.0.0.7/registry", Reach.PRIVATE, True),
        ("https://10.0.0.7/registry", Reach.PUBLIC, False),
        ("https://169.254.169.254", Reach.PRIVATE, False),
        ("http://127.0.0.1:8090", Reach.PUBLIC, True),
        ("http://localhost:8090", Reach.PUBLIC, True),
        ("http://registry.example.com", Reach.PUBLIC, False),
        ("http://registry.example.com", Reach.LOOPBACK, False),
        ("http://registry:8080", Reach.PRIVATE, True),
    ],
)
def test_a_registry_is_asked_in_the_clear_only_nearby_and_nowhere_out_of_reach(
    url: str, reach: Reach, is_taken: bool
) -> None:
    if is_taken:
        check_registry_url(url, reach=reach)
        return
    with pytest.raises(DestinationRefused) as refusal:
        check_registry_url(url, reach=reach, path="DEGNODE_REGISTRY_URL")
    assert (refusal.value.path, bool(refusal.value.hint)) == ("DEGNODE_REGISTRY_URL", True)


@pytest.mark.parametrize(
    ("public_url", "reach"),
    [
        ("http://127.0.0.1:8081/", Reach.LOOPBACK),
        ("http://localhost:8081", Reach.LOOPBACK),
        ("https://bap.example.com/", Reach.PUBLIC),
        ("http://bap:8080/", Reach.PUBLIC),
        ("http://2130706433/", Reach.PUBLIC),
    ],
)
def test_a_node_on_this_machine_also_goes_to_this_machine(public_url: str, reach: Reach) -> None:
    assert usual_reach(public_url) is reach


@pytest.mark.parametrize(
    ("url", "name", "belongs"),
    [
        ("https://bap.example.com/beckn", "bap.example.com", True),
        ("https://api.bap.example.com", "bap.example.com", True),
        ("https://BAP.example.com", "bap.Example.com", True),
        ("https://evilbap.example.com", "bap.example.com", False),
        ("https://bap.example.com.evil.example", "bap.example.com", False),
        ("https://example.com", "bap.example.com", False),
    ],
)
def test_a_host_belongs_to_a_name_that_it_is_or_lies_below(url: str, name: str, belongs: bool) -> None:
    assert is_host_of(url, name) is belongs
