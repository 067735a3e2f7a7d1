"""Sealing without a server: what is sealed opens with the same key and under the same label only."""

from __future__ import annotations

import pytest

from keystore.local_key_manager import LocalKeyManager, SealBroken

OLD, NEW = bytes(32), bytes(range(32))
SECRET = b"the seed of a signing key, 32 by"


async def test_what_is_sealed_opens_under_its_label() -> None:
    manager = LocalKeyManager([NEW])
    sealed = await manager.seal(SECRET, label="bpp.example/k1")
    assert SECRET not in sealed
    assert manager.recognises(sealed)
    assert await manager.open(sealed, label="bpp.example/k1") == SECRET


async def test_no_two_sealings_are_alike() -> None:
    manager = LocalKeyManager([NEW])
    assert await manager.seal(SECRET, label="a") != await manager.seal(SECRET, label="a")


async def test_a_sealing_moved_to_another_place_opens_no_more() -> None:
    manager = LocalKeyManager([NEW])
    sealed = await manager.seal(SECRET, label="bpp.example/k1")
    with pytest.raises(SealBroken):
        await manager.open(sealed, label="bpp.example/k2")


@pytest.mark.parametrize("spoilt", range(0, 61, 4))
async def test_a_sealing_with_a_changed_bit_opens_no_more(spoilt: int) -> None:
    manager = LocalKeyManager([NEW])
    sealed = bytearray(await manager.seal(SECRET, label="a"))
    sealed[spoilt] ^= 1
    with pytest.raises(SealBroken):
        await manager.open(bytes(sealed), label="a")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12), b"vault:v1:abc"])
async def test_what_is_no_sealing_is_said_so(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        await LocalKeyManager([NEW]).open(sealed, label="a")


async def test_another_key_is_told_by_its_name_and_not_by_itself() -> None:
    sealed = await LocalKeyManager([OLD]).seal(SECRET, label="a")
    manager = LocalKeyManager([NEW])
    with pytest.raises(SealBroken) as refusal:
        await manager.open(sealed, label="a")
    assert manager.name in str(refusal.value)
    assert manager.name != LocalKeyManager([OLD]).name
    assert refusal.value.hint


async def test_while_the_key_is_changed_the_first_seals_and_both_open() -> None:
    sealed = await LocalKeyManager([OLD]).seal(SECRET, label="a")
    both = LocalKeyManager([NEW, OLD])
    assert both.name == LocalKeyManager([NEW]).name
    assert await both.open(sealed, label="a") == SECRET
    again = await both.seal(SECRET, label="a")
    assert await LocalKeyManager([NEW]).open(again, label="a") == SECRET


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, bytes(16)]])
def test_a_key_of_another_length_is_none(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LocalKeyManager(keys)
