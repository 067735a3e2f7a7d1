"""Whether a registry's answer is its own: signed by a key that this node has pinned.

A look-up is signed by the asker, and the answer's signature binds it to that very question: an old
answer, or one to another question, does not hold. Source: NFH-007, the fourth line of a signature.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.clock import Clock
from protocol.ed25519 import PublicKey
from protocol.errors import SignatureInvalid
from protocol.profile import DIGEST_LABELS
from protocol.request_binding import possible_fourth_lines
from protocol.signature_header import ANSWER_SIGNATURE
from protocol.signing import FOUR_LINES, SignatureHeader, Signers, parse_answer_header, verify_by_any


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

        `asked_under` is the header that the question was signed with; then the answer must bind it.
        Raises: SignatureMissing, SignatureInvalid.
        """
        if not self.keys:
            return
        header = parse_answer_header(signature)
        bound_to = () if asked_under is None else _bound_to(asked_under, header)
        verify_by_any(
            answer,
            header,
            keys=self.keys,
            now=self.clock.now(),
            labels=DIGEST_LABELS,
            request_signatures=bound_to,
        )


def _bound_to(asked_under: str, header: SignatureHeader) -> tuple[str, ...]:
    """Return what the answer may repeat of the question's signature. Raises: SignatureInvalid."""
    if header.headers != FOUR_LINES:
        raise SignatureInvalid(
            "the registry's signature does not bind its answer to the question",
            path=ANSWER_SIGNATURE,
            hint="It must repeat the question's signature as request-signature.",
        )
    return possible_fourth_lines(asked_under)
