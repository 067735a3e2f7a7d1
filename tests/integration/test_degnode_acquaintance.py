"""Getting to know a registry: what counts is what it has signed."""

from __future__ import annotations

from typing import Any

import pytest

from degnode.join.acquaintance import Expected, RegistryUnproven, get_to_know
from kernel.clock import SystemClock
from protocol.keys import write_public_key
from protocol.x25519 import EncryptionPrivateKey, write_encryption_public_key
from tests.support.loopback_server import LoopbackServer
from tests.support.scripted_registry import Answer, ScriptedRegistry

OWN, FORGED = EncryptionPrivateKey.generate().public_key, EncryptionPrivateKey.generate().public_key
CLOCK = SystemClock()


class TwoFaced(ScriptedRegistry):
    """Shows a card that somebody on the way has changed and nobody has signed, and then `second`."""

    def __init__(self, second: Answer | None = None) -> None:
        super().__init__(CLOCK, answer=self._show)
        self.signs = False
        self._second = second

    def card(self, **changes: Any) -> dict[str, Any]:
        return {
            "subscriber_id": "registry.example.com",
            "signing_public_key": write_public_key(self.signer.public_key),
            "encr_public_key": write_encryption_public_key(OWN),
            "network_id": "pilot.example/2026",
        } | changes

    def _show(self, _path: str, _question: object) -> Answer:
        if len(self.asked) == 1:
            forged = write_encryption_public_key(FORGED)
            return 200, self.card(encr_public_key=forged, network_id="another")
        self.signs = True
        return self._second or (200, self.card())


async def test_only_the_card_that_is_signed_counts() -> None:
    registry = TwoFaced()
    async with LoopbackServer(registry.app) as server:
        expected = Expected(url=server.url, keys=(registry.signer.public_key,), were_told=True)
        met = await get_to_know(expected, clock=CLOCK)
    assert (met.encryption_key, met.network_id) == (OWN, "pilot.example/2026")


async def test_a_registry_that_shows_its_key_only_once_is_not_believed() -> None:
    async with LoopbackServer(TwoFaced(second=(404, {})).app) as server:
        with pytest.raises(RegistryUnproven, match="and not at another"):
            await get_to_know(Expected(url=server.url), clock=CLOCK)
