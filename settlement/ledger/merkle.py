"""The Merkle tree over a day's digests, and proofs that a digest is in it.

As in RFC 9162, section 2.1, with SHA-256: a leaf is the hash of 0x00 and the digest, a node that of 0x01
and both below it, and the left tree is the largest full one that leaves something for the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """That a digest stands at `index` (from 0) of `size`; `path` are the hashes beside its way up."""

    index: int
    size: int
    path: tuple[bytes, ...]


def merkle_root(digests: Sequence[bytes]) -> bytes:
    """Return the root of the tree over `digests`; of none, the hash of nothing."""
    level = [_leaf(each) for each in digests]
    while len(level) > 1:
        pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[len(pairs) * 2 :]  # who has no neighbour goes up alone
    return level[0] if level else EMPTY_ROOT


def prove_inclusion(digests: Sequence[bytes], index: int) -> InclusionProof:
    """Return the proof of the digest at `index`. Raises: IndexError, if there is none."""
    if not 0 <= index < len(digests):
        raise IndexError(f"{len(digests)} digests have none at {index}")
    level, place, path = [_leaf(each) for each in digests], index, []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append(level[beside])
        pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level, place = pairs + level[len(pairs) * 2 :], place // 2
    return InclusionProof(index=index, size=len(digests), path=tuple(path))


def proves_inclusion(proof: InclusionProof, *, digest: bytes, root: bytes) -> bool:
    """Say whether `digest` stands where `proof` says, in the tree of which `root` is the root."""
    if not 0 <= proof.index < proof.size:
        return False
    place, last, above, path = proof.index, proof.size - 1, _leaf(digest), iter(proof.path)
    while last:
        if place % 2 or place < last:
            beside = next(path, None)
            if beside is None:
                return False
            above = _node(beside, above) if place % 2 else _node(above, beside)
        place, last = place // 2, last // 2
    return above == root and next(path, None) is None


def _leaf(digest: bytes) -> bytes:
    return sha256(b"\x00" + digest).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
