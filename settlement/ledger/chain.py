"""A day of the journal as a chain of hashes, and its seal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from itertools import accumulate
from typing import Final

import orjson

from protocol.ed25519 import PublicKey
from settlement.ledger.merkle import merkle_root

NO_SEAL: Final = bytes(32)
"""What stands for the seal before the first."""
_FORM: Final = "degnode-ledger-seal-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary:
    """What is signed of a day: how many entries it has, and the hashes that fix each of them."""

    day: date  # UTC
    entries: int
    previous: bytes  # the digest of the day before
    head: bytes  # the last hash of the chain, `previous` if there are no entries
    root: bytes  # of the Merkle tree over the entries' digests

    @property
    def signed_bytes(self) -> bytes:
        """The bytes that are signed: a JSON array without spaces, hashes in hexadecimal."""
        hashes = (self.previous.hex(), self.head.hex(), self.root.hex())
        return orjson.dumps((_FORM, self.day, self.entries, *hashes))

    @property
    def digest(self) -> bytes:
        """What the next day begins its chain with."""
        return sha256(self.signed_bytes).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A day's summary with its signature."""

    summary: DaySummary
    key_id: str  # subscriber|key
    signature: bytes = field(repr=False)
    sealed_at: datetime

    def is_signed_by(self, key: PublicKey) -> bool:
        return key.verifies(self.signature, self.summary.signed_bytes)


def next_hash(before: bytes, digest: bytes) -> bytes:
    """Return the chain's next hash after `before`, for an entry with that digest."""
    return sha256(before + digest).digest()


def chain_hashes(previous: bytes, digests: Iterable[bytes]) -> list[bytes]:
    """Return the hash of each entry of a day that begins after `previous`."""
    return list(accumulate(digests, next_hash, initial=previous))[1:]


def summarise(day: date, *, previous: bytes, digests: Sequence[bytes]) -> DaySummary:
    """Return the summary of a day whose entries have these digests, in order."""
    hashes = chain_hashes(previous, digests)
    return DaySummary(
        day=day,
        entries=len(digests),
        previous=previous,
        head=hashes[-1] if hashes else previous,
        root=merkle_root(digests),
    )
