"""The first start of a participant: it makes keys, or takes over the one that it had."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from degnode.roles.own_keys import VaultSettingsInvalid, key_manager_of, open_own_keys, open_service_keys
from kernel.clock import SystemClock
from keystore.key_encryption import KeyEncryptionKeyUnusable
from keystore.key_file import SigningKeyUnusable, make_key_file
from keystore.keychain import Keychain
from keystore.local_key_manager import SealBroken
from node.settings import ServiceSettings, Settings
from storage.database import Database
from tests.support.vault_server import TOKEN, Transit, transit_server

CLOCK = SystemClock()


def settings(data_dir: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "subscriber_id": "bpp.example",
        "public_url": "https://bpp.example",
        "registry_url": "https://registry.example",
        "data_dir": data_dir,
    }
    return Settings(**values | changes)


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def opened(database: Database, data_dir: Path, **changes: Any) -> Keychain:
    return await open_own_keys(settings(data_dir, **changes), database=database, clock=CLOCK)


async def test_the_first_start_makes_keys_and_the_next_one_finds_them(
    database: Database, tmp_path: Path
) -> None:
    first = await opened(database, tmp_path)
    second = await opened(database, tmp_path)
    assert [each.key_id for each in second.sets()] == ["k1"]
    assert first.at(CLOCK.now()).private_key == second.at(CLOCK.now()).private_key
    assert (tmp_path / "key-encryption.key").stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["key-encryption.key"]


async def test_processes_that_start_at_once_agree_on_their_keys(database: Database, tmp_path: Path) -> None:
    keychains = await asyncio.gather(*(opened(database, tmp_path) for _ in range(5)))
    assert len({keychain.at(CLOCK.now()).public_key.raw for keychain in keychains}) == 1


@pytest.mark.parametrize("named", [True, False])
async def test_the_key_of_an_older_node_goes_on_under_its_name(
    database: Database, tmp_path: Path, *, named: bool
) -> None:
    file = tmp_path / ("my.key" if named else "signing.key")
    key = make_key_file(file)
    keychain = await opened(database, tmp_path, key_id="k7", key_file=file if named else None)
    signer = keychain.at(CLOCK.now())
    assert (signer.key_id, signer.public_key) == ("k7", key.public_key)
    file.unlink()  # it is needed no more
    assert (await opened(database, tmp_path)).at(CLOCK.now()).public_key == key.public_key


async def test_a_key_file_that_is_named_must_be_there_at_the_first_start(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(SigningKeyUnusable, match="cannot be read"):
        await opened(database, tmp_path, key_file=tmp_path / "nowhere")


async def test_a_key_file_that_counts_no_more_is_said_and_not_used(
    database: Database, tmp_path: Path
) -> None:
    key = make_key_file(tmp_path / "first.key")
    make_key_file(tmp_path / "second.key")
    await opened(database, tmp_path, key_file=tmp_path / "first.key")
    with capture_logs() as logs:
        again = await opened(database, tmp_path, key_file=tmp_path / "first.key")
    assert logs == []
    with capture_logs() as logs:
        again = await opened(database, tmp_path, key_file=tmp_path / "second.key")
    assert [entry["event"] for entry in logs] == ["keys.file_ignored"]
    assert again.at(CLOCK.now()).public_key == key.public_key


async def test_what_was_sealed_is_not_opened_without_its_key_and_none_is_made_in_its_place(
    database: Database, tmp_path: Path
) -> None:
    await opened(database, tmp_path / "here")
    with pytest.raises(KeyEncryptionKeyUnusable, match="cannot be read"):
        await opened(database, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    other = b64encode(bytes(32)).decode()
    with pytest.raises(SealBroken):
        await opened(database, tmp_path / "here", key_encryption_key=other)


@pytest.mark.parametrize("by_file", [True, False])
async def test_the_key_encryption_key_may_come_from_outside(
    database: Database, tmp_path: Path, *, by_file: bool
) -> None:
    text = b64encode(bytes(range(32))).decode()
    (tmp_path / "kek").write_text(text)
    given = {"key_encryption_file": tmp_path / "kek"} if by_file else {"key_encryption_key": SecretStr(text)}
    first = await opened(database, tmp_path / "here", **given)
    second = await opened(database, tmp_path / "there", **given)
    assert first.at(CLOCK.now()).private_key == second.at(CLOCK.now()).private_key
    assert not (tmp_path / "here").exists()


async def test_a_service_such_as_a_registry_has_keys_of_its_own_beside(
    database: Database, tmp_path: Path
) -> None:
    ours = await opened(database, tmp_path)
    theirs = await open_service_keys(
        ServiceSettings(data_dir=tmp_path), subscriber_id="registry.local", database=database, clock=CLOCK
    )
    assert [each.subscriber_id for each in theirs.sets()] == ["registry.local"]
    assert ours.at(CLOCK.now()).public_key != theirs.at(CLOCK.now()).public_key


async def test_vault_seals_where_it_is_set_and_opens_at_the_next_start(
    database: Database, tmp_path: Path
) -> None:
    async with transit_server(Transit()) as url:
        given = {"vault_url": url, "vault_token": TOKEN}
        first = await opened(database, tmp_path, **given)
        second = await opened(database, tmp_path, **given)
    assert first.at(CLOCK.now()).private_key == second.at(CLOCK.now()).private_key
    assert [each.sealed_by for each in first.sets()] == ["vault:transit/degnode"]
    assert not names_in(tmp_path)


async def test_when_vault_takes_over_what_was_sealed_before_still_opens(
    database: Database, tmp_path: Path
) -> None:
    before = await opened(database, tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    async with transit_server(Transit()) as url:
        after = await opened(database, tmp_path, vault_url=url, vault_token_file=tmp_path / "token")
    assert before.at(CLOCK.now()).private_key == after.at(CLOCK.now()).private_key


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({}, "DEGNODE_VAULT_TOKEN"),
        ({"vault_token": TOKEN, "vault_key": "degnode"}, "DEGNODE_VAULT_KEY"),
        ({"vault_token": TOKEN, "vault_url": "http://vault.example:8200"}, "DEGNODE_VAULT_URL"),
    ],
)
def test_what_is_wrong_with_vaults_settings_is_named(
    tmp_path: Path, given: dict[str, Any], path: str
) -> None:
    told = settings(tmp_path, **{"vault_url": "https://vault.example"} | given)
    with pytest.raises(VaultSettingsInvalid) as refusal:
        key_manager_of(told, may_make=True)
    assert refusal.value.path == path
    assert refusal.value.hint


def test_secrets_of_the_settings_do_not_show(tmp_path: Path) -> None:
    told = settings(tmp_path, vault_token="hush", key_encryption_key="hush")
    assert "hush" not in repr(told)
