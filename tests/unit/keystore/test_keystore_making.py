"""A key set is made of two pairs, sealed apart, and opens to the very same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from keystore.local_key_manager import SealBroken
from keystore.making import KeyPairMismatch, open_key_set, seal_key_set
from protocol.ed25519 import PrivateKey
from tests.support.key_sets import NOW, SUBSCRIBER, key_manager, sealed


async def test_a_set_holds_two_pairs_that_have_nothing_in_common() -> None:
    made = await sealed()
    secrets = await open_key_set(made, key_manager=key_manager())
    assert secrets.signing.public_key == made.signing_public_key
    assert secrets.encryption.public_key == made.encryption_public_key
    assert secrets.signing.seed != secrets.encryption.raw
    assert made.signing_public_key.raw != made.encryption_public_key.raw
    for secret in (secrets.signing.seed, secrets.encryption.raw):
        assert secret not in made.sealed_signing_key + made.sealed_encryption_key


async def test_no_two_sets_share_a_key() -> None:
    first, second = await sealed("k1"), await sealed("k2")
    assert first.signing_public_key != second.signing_public_key
    assert first.encryption_public_key != second.encryption_public_key


async def test_a_key_that_was_in_use_before_goes_on() -> None:
    key = PrivateKey(bytes(32))
    made = await sealed(signing_key=key)
    secrets = await open_key_set(made, key_manager=key_manager())
    assert secrets.signing.seed == key.seed
    assert secrets.encryption.raw != key.seed


async def test_its_time_begins_with_a_whole_second_as_signatures_do() -> None:
    made = await sealed(valid_from=NOW + timedelta(microseconds=999_999))
    assert made.valid_from == NOW


@pytest.mark.parametrize("change", [{"subscriber_id": "other.example"}, {"key_id": "k2"}])
async def test_a_row_under_another_name_opens_no_more(change: dict[str, Any]) -> None:
    made = await sealed()
    with pytest.raises(SealBroken):
        await open_key_set(replace(made, **change), key_manager=key_manager())


async def test_a_signing_key_cannot_be_put_in_the_encryption_keys_place() -> None:
    made = await sealed()
    with pytest.raises(SealBroken):
        await open_key_set(
            replace(made, sealed_encryption_key=made.sealed_signing_key), key_manager=key_manager()
        )


async def test_a_public_key_put_in_place_by_hand_is_found_out() -> None:
    made, other = await sealed(), await sealed()
    with pytest.raises(KeyPairMismatch, match=SUBSCRIBER):
        await open_key_set(
            replace(made, signing_public_key=other.signing_public_key), key_manager=key_manager()
        )


async def test_secrets_do_not_show() -> None:
    secrets = await open_key_set(await sealed(), key_manager=key_manager())
    for secret in (secrets.signing.seed, secrets.encryption.raw):
        assert repr(secret) not in repr(secrets)


async def test_sealing_again_changes_the_seals_alone() -> None:
    made, manager = await sealed(), key_manager()
    again = await seal_key_set(made, await open_key_set(made, key_manager=manager), key_manager=manager)
    assert again.sealed_signing_key != made.sealed_signing_key
    assert await open_key_set(again, key_manager=manager)
    assert replace(again, sealed_signing_key=b"", sealed_encryption_key=b"") == replace(
        made, sealed_signing_key=b"", sealed_encryption_key=b""
    )
