"""How a participant without a token enters itself in a registry, and changes what stands there of it.

Source: Beckn registry API 1.1, `/subscribe`. What is sent is signed, so that only whoever has the key
can enter or change it; a nonce lets each count once. `PATCH /subscribe` and `GET /subscriptions/…`
are ours and of some others: a registry without them is asked by `/lookup`.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, Final, Self
from urllib.parse import quote

import orjson
import structlog

from kernel.clock import Clock
from protocol.ed25519 import PublicKey
from protocol.profile import DIGEST_LABELS
from protocol.signing import Signer
from registry_client.answer_signature import RegistryTrust
from registry_client.connection import ConnectionLimits, RegistryConnection
from registry_client.lookup import LookupNotAnswered, look_up
from registry_client.onboarding import read_status, refused
from registry_client.registry_card import CardUnreadable, RegistryCard
from registry_client.standing import Standing
from registry_client.subscriber import SubscriberRecord, SubscriberStatus

log = structlog.get_logger(__name__)

KEY_PROOF: Final = "X-Key-Proof"
"""The header in which a new key signs what another key asks for it."""

_NOT_THERE: Final = (404, 405, 501)
_UNSAID: Final = "Check this machine's clock, and that the registry knows the key that signs."


class Registrar:
    """The line of one participant to the desk of a registry."""

    def __init__(
        self,
        registry_url: str,
        *,
        clock: Clock,
        keys: tuple[PublicKey, ...] = (),
        limits: ConnectionLimits | None = None,
    ) -> None:
        """Point at `registry_url`; its answers must be signed by one of `keys`, where there are any.

        Raises: RegistryUrlInvalid.
        """
        self._clock = clock
        trust = RegistryTrust(clock=clock, keys=keys)
        self._connection = RegistryConnection(registry_url, limits=limits, trust=trust)

    async def card(self) -> RegistryCard | None:
        """Return what the registry says of itself at its own address; None for one that says nothing.

        Raises: RegistryUnavailable, also for a card that cannot be read.
        """
        answer = await self._connection.get("/")
        if answer.status != 200 or not isinstance(answer.content, dict):
            return None
        if "signing_public_key" not in answer.content:  # some other page
            return None
        return self._read_card(answer.content)

    async def card_in_lookup(self, registry_id: str) -> RegistryCard | None:
        """Return the registry's entry about itself, as some have it; None where there is none.

        Raises: RegistryUnavailable.
        """
        answer = await self._connection.post("/lookup", {"subscriber_id": registry_id})
        entries = answer.content if answer.status == 200 and isinstance(answer.content, list) else []
        found = (e for e in entries if isinstance(e, dict) and e.get("subscriber_id") == registry_id)
        entry = next(found, None)
        return None if entry is None else self._read_card(entry)

    async def enter(self, record: SubscriberRecord, *, signer: Signer) -> SubscriberStatus:
        """Ask for the subscription of `record`; `signer` has the very key that it brings.

        Raises: SubscriptionRefused, with the registry's reason; RegistryUnavailable.
        """
        return await self._tell("POST", _content(record), signer)

    async def change(self, record: SubscriberRecord, *, signer: Signer, owner: Signer) -> SubscriberStatus:
        """Make a key's entry what `record` says, or add it.

        `signer` has a key that the registry takes already; `owner` has the very key of the entry, and
        proves it. Raises: as `enter`.
        """
        return await self._tell("PATCH", _content(record), signer, owner=owner)

    async def end(
        self, subscriber_id: str, *, key_id: str | None = None, why: str, signer: Signer
    ) -> SubscriberStatus:
        """Let a key count no more from now on; without `key_id`, leave the network.

        Raises: as `enter`.
        """
        names = {"subscriber_id": subscriber_id} | ({"key_id": key_id} if key_id else {})
        ended = {**names, "status": SubscriberStatus.UNSUBSCRIBED.value, "reason": why}
        return await self._tell("PATCH", ended, signer)

    async def standing(self, subscriber_id: str, *, key_id: str, key: PublicKey) -> Standing | None:
        """Return how the subscription of a key stands, None if the registry has no word of it.

        A registry that does not tell is asked by `/lookup`, which gives no reasons.
        Raises: RegistryUnavailable.
        """
        answer = await self._connection.get(f"/subscriptions/{quote(subscriber_id, safe='')}")
        if answer.status == 200 and isinstance(answer.content, dict):
            return Standing.from_wire(answer.content, key_id=key_id, key=key)
        try:
            records = await self.records(subscriber_id)
        except LookupNotAnswered:
            return None
        statuses = [record.status for record in records if record.key_id == key_id]
        return Standing(status=statuses[0]) if statuses else None

    async def records(self, subscriber_id: str) -> list[SubscriberRecord]:
        """Return the registry's entries about a subscriber, as its peers see them.

        Raises: RegistryUnavailable, also for an answer that cannot be read; LookupNotAnswered.
        """
        return await look_up(self._connection, {"subscriber_id": subscriber_id})

    async def close(self) -> None:
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _tell(
        self, method: str, content: Mapping[str, Any], signer: Signer, *, owner: Signer | None = None
    ) -> SubscriberStatus:
        body = orjson.dumps({**content, "nonce": token_urlsafe(16)})
        now = self._clock.now()
        header = signer.sign(body, now=now, label=DIGEST_LABELS[0])
        headers = {"Content-Type": "application/json", "Authorization": header}
        if owner is not None and owner.key_id != signer.key_id:
            headers[KEY_PROOF] = owner.sign(body, now=now, label=DIGEST_LABELS[0])
        answer = await self._connection.exchange(
            method, "/subscribe", body=body, headers=headers, asked_under=header
        )
        if method == "PATCH" and answer.status in _NOT_THERE and not _is_told(answer.content):
            return await self._tell("POST", content, signer, owner=owner)  # of those who take changes so
        if answer.status not in (200, 202):
            raise refused(answer.status, answer.content, unsaid_hint=_UNSAID)
        status = read_status(answer.content)
        if status is None:
            raise self._connection.unavailable("did not say how the subscription stands")
        log.info("registry.told", method=method, key_id=content.get("key_id"), status=status.value)
        return status

    def _read_card(self, content: Mapping[str, Any]) -> RegistryCard:
        try:
            return RegistryCard.from_wire(content)
        except CardUnreadable as error:
            why = f"says of itself what cannot be read: {error}"
            raise self._connection.unavailable(why) from error


def _content(record: SubscriberRecord) -> dict[str, Any]:
    """Return the entry asked for; how it stands, the registry decides."""
    return {name: value for name, value in record.to_wire().items() if name != "status"}


def _is_told(content: object) -> bool:
    """Say whether the registry gave a reason of its own: then the path is there."""
    return isinstance(content, dict) and "error" in content and "NOT_IMPLEMENTED" not in str(content["error"])
