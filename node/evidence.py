"""Whether a peer's answer on the spot is signed, and whether that signature holds.

A missing or wrong signature lowers the trust in an answer and nothing else; what came is kept, so
that each side can prove later what the other said (NFH-007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from kernel.clock import Clock
from kernel.errors import NodeError
from node.transport import PeerAnswer
from protocol import signing
from protocol.counter_signature import MEMBER, Receipt, verify_counter_signature
from protocol.profile import DIGEST_LABELS
from protocol.request_binding import possible_fourth_lines
from protocol.signature_header import COUNTER_FORMS, SignatureHeader, parse_answer_header, parse_header
from protocol.signing import KeyValidity
from registry_client.keyring import KeyRing
from storage.outbox import ClaimedOutgoing, Evidence

VERIFIED: Final = "verified"
UNSIGNED: Final = "unsigned"
UNREADABLE: Final = "the signature holds characters that no signature has"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerJudge:
    """Looks at the signatures of answers; asks the registry for keys that are not known yet."""

    keyring: KeyRing
    clock: Clock

    async def judge(self, answer: PeerAnswer, *, to: ClaimedOutgoing, sent_under: str) -> Evidence:
        """Return the answer as evidence; `sent_under` is the header that the message was signed with."""
        counter_signature = _counter_signature(answer.body)
        signature = answer.signature or counter_signature
        if signature is None:
            return Evidence(body=answer.body, signature=None, verdict=UNSIGNED)
        if not signature.isprintable():  # PostgreSQL keeps neither NUL nor half a character
            return Evidence(body=answer.body, signature=None, verdict=UNREADABLE)
        try:
            header = _parse(signature, is_counter=answer.signature is None)
            if header.subscriber_id not in ("", to.peer):  # a key named by its record is looked up first
                verdict = _signed_by(header.subscriber_id)
            else:
                verdict = await self._verdict(answer, header, to, sent_under)
        except NodeError as error:
            verdict = f"{error.code}: {error.message}"
        return Evidence(body=answer.body, signature=signature, verdict=verdict)

    async def _verdict(
        self, answer: PeerAnswer, header: SignatureHeader, to: ClaimedOutgoing, sent_under: str
    ) -> str:
        """Return that the signature holds, and for what, or whose it is.

        Raises: SignatureInvalid, KeyExpired and kin.
        """
        now = self.clock.now()
        record = await self.keyring.key_for(subscriber=header.subscriber_id, key_id=header.key_id, at=now)
        if record.subscriber_id != to.peer:
            return _signed_by(record.subscriber_id)
        key, validity = record.signing_public_key, KeyValidity(record.valid_from, record.valid_until)
        if answer.signature is None:
            receipt = Receipt(signing.digest(to.body), to.message_id)
            verify_counter_signature(
                answer.body, receipt, key=key, now=now, labels=DIGEST_LABELS, validity=validity
            )
            return VERIFIED
        signing.verify(
            answer.body,
            header,
            key=key,
            now=now,
            labels=DIGEST_LABELS,
            validity=validity,
            request_signatures=possible_fourth_lines(sent_under),
        )
        return VERIFIED if header.headers == signing.FOUR_LINES else f"{VERIFIED}, bound to no request"


def _signed_by(subscriber_id: str) -> str:
    return f"signed by {subscriber_id!r}"


def _counter_signature(body: bytes) -> str | None:
    """Return the signature that stands in the answer itself, if one does."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = document.get(MEMBER) if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def _parse(signature: str, *, is_counter: bool) -> SignatureHeader:
    return (
        parse_header(signature, place=f"$.{MEMBER}", forms=COUNTER_FORMS)
        if is_counter
        else parse_answer_header(signature)
    )
