"""The Merkle tree and the chain, against the definition written out again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.ledger.chain import NO_SEAL, chain_hashes, summarise
from settlement.ledger.merkle import InclusionProof, merkle_root, prove_inclusion, proves_inclusion

digests = st.lists(st.binary(min_size=32, max_size=32), max_size=40)


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, word for word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


@given(digests)
def test_the_root_is_the_defined_one(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == defined_root(leaves)


@given(digests.filter(bool), st.data())
def test_a_proof_holds_for_its_digest_at_its_place_and_for_nothing_else(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = merkle_root(leaves), prove_inclusion(leaves, index)
    assert proves_inclusion(proof, digest=leaves[index], root=root)
    assert not proves_inclusion(proof, digest=bytes(32) + leaves[index], root=root)
    assert not proves_inclusion(proof, digest=leaves[index], root=bytes(32))
    longer = replace(proof, path=(*proof.path, bytes(32)))
    assert not proves_inclusion(longer, digest=leaves[index], root=root)
    if proof.path:
        shorter = replace(proof, path=proof.path[:-1])
        assert not proves_inclusion(shorter, digest=leaves[index], root=root)
        other = replace(proof, path=(sha256(proof.path[0]).digest(), *proof.path[1:]))
        assert not proves_inclusion(other, digest=leaves[index], root=root)


@pytest.mark.parametrize(("index", "size"), [(1, 1), (-1, 1), (0, 0)])
def test_there_is_no_proof_of_a_place_outside(index: int, size: int) -> None:
    leaves = [bytes(32)] * size
    with pytest.raises(IndexError):
        prove_inclusion(leaves, index)
    proof = InclusionProof(index=index, size=size, path=())
    assert not proves_inclusion(proof, digest=bytes(32), root=merkle_root(leaves))


@given(digests)
def test_a_day_s_chain_begins_with_the_day_before_and_ends_in_its_head(leaves: list[bytes]) -> None:
    link = NO_SEAL
    hashes = []
    for leaf in leaves:
        link = sha256(link + leaf).digest()
        hashes.append(link)
    assert chain_hashes(NO_SEAL, leaves) == hashes
    summary = summarise(date(2026, 1, 15), previous=NO_SEAL, digests=leaves)
    assert (summary.entries, summary.head, summary.root) == (len(leaves), link, defined_root(leaves))
    text = (
        f'["degnode-ledger-seal-1","2026-01-15",{len(leaves)},"{NO_SEAL.hex()}","{link.hex()}",'
        f'"{defined_root(leaves).hex()}"]'
    )
    assert summary.signed_bytes == text.encode()
    assert summary.digest == sha256(text.encode()).digest()
