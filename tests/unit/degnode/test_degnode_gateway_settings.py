"""What a gateway is told, and what it does not start with."""

from __future__ import annotations

from typing import Any

import pytest

from degnode.roles.configuration import SettingsInvalid, load_settings
from degnode.roles.gateway import GatewaySettings

NEEDED = {
    "DEGNODE_SUBSCRIBER_ID": "bg.example.com",
    "DEGNODE_PUBLIC_URL": "https://bg.example.com",
    "DEGNODE_REGISTRY_URL": "https://registry.example.com",
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> GatewaySettings:
    for name, value in (NEEDED | environment).items():
        monkeypatch.setenv(name, value)
    given: dict[str, Any] = {"wires": ("v1_1",), "wire": "v1_1"}
    return load_settings(GatewaySettings, **given)


def test_a_gateway_speaks_the_generation_that_has_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, DEGNODE_WIRES="v2_rc,v2_lts", DEGNODE_WIRE="v2_lts")
    assert (settings.wires, settings.wire) == (("v1_1",), "v1_1")


def test_no_peer_takes_more_than_a_small_share_of_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.per_peer is not None
    assert settings.per_peer * 10 <= settings.concurrency


def test_a_registry_that_cannot_be_searched_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="must find all sellers"):
        load(monkeypatch, DEGNODE_REGISTRY_KIND="dedi")
