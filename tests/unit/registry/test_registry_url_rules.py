"""Whose a URL is: a host speaks for its own name, and for a domain above it that nobody else shares."""

from __future__ import annotations

import pytest

from registry.policy import UrlChecks
from registry.shared_domains import is_shared
from registry.url_rules import UrlRefused, check_subscriber_url


def check(host: str, name: str) -> None:
    check_subscriber_url(f"https://{host}/beckn", subscriber_id=name, checks=UrlChecks.STRICT)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("bpp.example.com", "bpp.example.com"),
        ("degnode.bpp.example.com", "bpp.example.com"),
        ("bpp.example.com", "Example.com"),
        ("bpp.example.com", "example.com/bpp"),
        ("bpp.example.co.uk", "example.co.uk"),
        ("solar.github.io", "solar.github.io"),
        ("github.io", "github.io"),
        ("co.in", "co.in"),
    ],
)
def test_a_host_speaks_for_itself_and_for_its_own_domain(host: str, name: str) -> None:
    check(host, name)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("solar.github.io", "github.io"),
        ("solar.github.io", "GitHub.io"),
        ("example.co.uk", "co.uk"),
        ("bpp.example.co.in", "co.in"),
        ("x.a.run.app", "run.app"),
        ("x.cloudapp.azure.com", "azure.com"),
        ("example.com", "com"),
        ("example.com", "bpp.example.com"),
    ],
)
def test_nobody_speaks_for_a_domain_that_many_share(host: str, name: str) -> None:
    with pytest.raises(UrlRefused, match="does not belong"):
        check(host, name)


@pytest.mark.parametrize("name", ["example.com", "com.example", "code.uk", "mygithub.io", "hub.io"])
def test_a_name_that_only_looks_like_one_is_not_shared(name: str) -> None:
    assert not is_shared(name)
