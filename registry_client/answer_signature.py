"""Whether a registry's answer is its own: signed by a key that this node has pinned.

A look-up is signed by the asker, and the answer's signature binds it to that very question: an old
answer, or one to another question, does not hold. Source: NFH-007, the fourth line of a signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kernel.clock import Clock
from kernel.errors import NodeError
from protocol import signing
from protocol.ed25519 import PublicKey
from protocol.errors import KeyExpired, SignatureInvalid
from protocol.profile import DIGEST_LABELS
from protocol.request_binding import possible_fourth_lines
from protocol.signature_header import ANSWER_SIGNATURE
from protocol.signing import SignatureHeader, Signers, parse_answer_header


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTrust:
    """What the two sides prove to each other.

    `signers` sign questions; without them they go unsigned. Every answer must hold under one of
    `keys`; with none of them answers are believed as they come over the line.
    """

    clock: Clock
    signers: Signers | None = None
    keys: tuple[PublicKey, ...] = ()

    def sign(self, question: bytes) -> str | None:
        """Return the Authorization of `question`. Raises: NodeError, if there is no key to sign with."""
        if self.signers is None:
            return None
        now = self.clock.now()
        return self.signers.at(now).sign(question, now=now, label=DIGEST_LABELS[0])

    def check(self, answer: bytes, signature: str | None, *, asked_under: str | None) -> None:
        """Refuse an answer that none of the pinned keys signed, now and for this question.

        Raises: SignatureMissing, SignatureInvalid.
        """
        if self.keys:
            check_answer(answer, signature, keys=self.keys, asked_under=asked_under, now=self.clock.now())


def check_answer(
    answer: bytes,
    signature: str | None,
    *,
    keys: Sequence[PublicKey],
    asked_under: str | None,
    now: datetime,
) -> None:
    """Refuse an answer unless one of `keys` signed it lately.

    `asked_under` is the header that the question was signed with; then the answer must bind it.
    Raises: SignatureMissing, SignatureInvalid.
    """
    header = parse_answer_header(signature)
    request_signatures: tuple[str, ...] = ()
    if asked_under is not None:
        if header.headers != signing.FOUR_LINES:
            raise SignatureInvalid(
                "the registry's signature does not bind its answer to the question",
                path=ANSWER_SIGNATURE,
                hint="It must repeat the question's signature as request-signature.",
            )
        request_signatures = possible_fourth_lines(asked_under)
    failures = [
        failure
        for key in keys
        if (failure := _failure(answer, header, key, request_signatures, now)) is not None
    ]
    if len(failures) == len(keys):
        raise failures[0]


def _failure(
    answer: bytes, header: SignatureHeader, key: PublicKey, bound_to: tuple[str, ...], now: datetime
) -> NodeError | None:
    try:
        signing.verify(answer, header, key=key, now=now, labels=DIGEST_LABELS, request_signatures=bound_to)
    except (SignatureInvalid, KeyExpired) as error:
        return error
    return None
