"""Proofs that a digest is in a day's tree, for trees of every shape up to nine leaves."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from settlement.ledger.merkle import InclusionProof, merkle_root, prove_inclusion, proves_inclusion

LEAVES = [sha256(bytes([number])).digest() for number in range(9)]
PLACES = [(size, index) for size in range(1, len(LEAVES) + 1) for index in range(size)]


@pytest.mark.parametrize(("size", "index"), PLACES)
def test_a_digest_is_proven_at_its_place_and_no_other_is(size: int, index: int) -> None:
    leaves = LEAVES[:size]
    root, proof = merkle_root(leaves), prove_inclusion(leaves, index)
    assert [proves_inclusion(proof, digest=leaf, root=root) for leaf in leaves] == [
        place == index for place in range(size)
    ]


@pytest.mark.parametrize(("size", "index"), PLACES)
def test_a_path_is_neither_too_short_nor_too_long(size: int, index: int) -> None:
    leaves = LEAVES[:size]
    root, proof = merkle_root(leaves), prove_inclusion(leaves, index)
    wrong = [replace(proof, path=(*proof.path, LEAVES[0]))]
    wrong += [replace(proof, path=proof.path[:-1])] if proof.path else []
    assert not any(proves_inclusion(each, digest=leaves[index], root=root) for each in wrong)


def test_nothing_is_proven_outside_the_tree() -> None:
    with pytest.raises(IndexError, match="9 digests have none at 9"):
        prove_inclusion(LEAVES, 9)
    outside = InclusionProof(index=1, size=1, path=())
    assert not proves_inclusion(outside, digest=LEAVES[0], root=merkle_root(LEAVES[:1]))
