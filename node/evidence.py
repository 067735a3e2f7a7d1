"""Whether a peer's answer on the spot is signed, and whether that signature holds.

A missing or wrong signature lowers the trust in an answer and nothing else; what came is kept, so
that each side can prove later what the other said (NFH-007).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kernel.clock import Clock
from kernel.errors import NodeError
from node.transport import PeerAnswer
from protocol import signing
from protocol.profile import PROFILES
from registry_client.keyring import KeyRing
from storage.outbox import ClaimedOutgoing, Evidence

VERIFIED: Final = "verified"
UNSIGNED: Final = "unsigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerJudge:
    """Looks at the signatures of answers; asks the registry for keys that are not known yet."""

    keyring: KeyRing
    clock: Clock

    async def judge(self, answer: PeerAnswer, *, to: ClaimedOutgoing, sent_under: str) -> Evidence:
        """Return the answer as evidence; `sent_under` is the header that the message was signed with."""
        return Evidence(
            body=answer.body,
            signature=answer.signature,
            verdict=UNSIGNED if answer.signature is None else await self._verdict(answer, to, sent_under),
        )

    async def _verdict(self, answer: PeerAnswer, to: ClaimedOutgoing, sent_under: str) -> str:
        now = self.clock.now()
        try:
            header = signing.parse_header(answer.signature)
            if header.subscriber_id != to.peer:
                return f"signed by {header.subscriber_id!r}"
            await self._verify(answer, header, sent_under, now)
        except NodeError as error:
            return f"{error.code}: {error.message}"
        return VERIFIED if header.headers == signing.FOUR_LINES else f"{VERIFIED}, bound to no request"

    async def _verify(
        self, answer: PeerAnswer, header: signing.SignatureHeader, sent_under: str, now: datetime
    ) -> None:
        key = await self.keyring.key_for(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
        labels = tuple({label: None for profile in PROFILES.values() for label in profile.digest_labels})
        signing.verify(
            answer.body,
            header,
            key=key.signing_public_key,
            now=now,
            labels=labels,
            request_signatures=(signing.parse_header(sent_under).signature, sent_under),
        )
