"""`degnode keys` on a node's database: what an operator does with keys, and what is said about it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from degnode.commands.key_desk import SubscriberUnclear
from kernel.clock import SystemClock
from keystore.key_encryption import KeyEncryptionKeyUnusable
from keystore.local_key_manager import SealBroken
from keystore.opening import open_keychain
from keystore.rotation import KeyNameTaken, KeySetNotFound
from keystore.store import record_announced
from node.audit import list_acts
from protocol.keys import read_public_key
from protocol.x25519 import read_encryption_public_key
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.command_line import invoke, printed
from tests.support.key_sets import KEK, key_manager

ID = "bpp.example"


class Shell:
    """A shell whose environment names the node's database and its key-encryption key."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.environment = {
            "DEGNODE_DATABASE_URL": database_url,
            "DEGNODE_DATA_DIR": str(data_dir),
            "DEGNODE_KEY_ENCRYPTION_KEY": b64encode(KEK).decode(),
            "DEGNODE_SUBSCRIBER_ID": "",
        }

    async def try_(self, *arguments: str, **environment: str) -> Result:
        return await invoke("keys", *arguments, environment=self.environment | environment)

    async def run(self, *arguments: str, **environment: str) -> str:
        """Return what a command prints that ends well."""
        return printed(await self.try_(*arguments, **environment))

    async def json(self, *arguments: str) -> Any:
        return json.loads(await self.run(*arguments))

    async def states(self) -> dict[str, str]:
        return {each["key_id"]: each["state"] for each in await self.json("list", "--json")}


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path)


@pytest.fixture
async def node(shell: Shell, uow_factory: UnitOfWorkFactory) -> Shell:
    """A shell beside a node that was started once."""
    await open_keychain(
        subscriber_id=ID, uow_factory=uow_factory, key_manager=key_manager(), clock=SystemClock()
    )
    return shell


async def acts(uow_factory: UnitOfWorkFactory) -> list[tuple[str, str, str | None]]:
    async with uow_factory() as uow:
        found = await list_acts(uow, what="key", limit=10)
    return [(each.act.what, each.act.target, each.act.why) for each in reversed(found)]


async def test_a_first_set_is_made_before_a_node_ever_ran(shell: Shell) -> None:
    result = await shell.try_("new")
    assert isinstance(result.exception, SubscriberUnclear)
    assert "--subscriber" in str(result.exception)
    assert "k1" in await shell.run("new", "--subscriber", ID)
    assert await shell.states() == {"k1": "valid"}


async def test_the_list_says_how_each_set_stands_and_which_signs(
    node: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    (only,) = await node.json("list", "--json")
    assert (only["subscriber_id"], only["key_id"], only["signs"], only["announced_at"]) == (
        ID,
        "k1",
        True,
        None,
    )
    shown = await node.run("list", COLUMNS="200")
    assert all(word in shown for word in (ID, "k1", "valid", "now", "open", key_manager().name))
    for secret in ("sealed_signing_key", "sealed_encryption_key"):
        assert secret not in only
    assert await acts(uow_factory) == []


async def test_a_rotation_ends_the_old_set_after_the_overlap(
    node: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    said = await node.run("rotate", "--overlap", "2h")
    assert "k2" in said
    assert "k1" in said
    old, new = await node.json("list", "--json")
    assert (old["state"], new["state"], new["valid_until"]) == ("valid", "valid", None)
    assert old["valid_until"] is not None
    assert await acts(uow_factory) == [("key.rotated", f"{ID}|k2", None)]


async def test_a_set_can_be_made_for_later_and_under_a_name(node: Shell) -> None:
    await node.run("rotate", "--at", "2090-01-01T00:00:00Z", "--key-id", "next")
    await node.run("new", "--until", "2095-01-01T00:00:00Z")
    old, new, third = await node.json("list", "--json")
    assert old["valid_until"] == "2090-01-02T00:00:00Z"
    assert (new["key_id"], new["state"]) == ("next", "waiting")
    assert third["valid_until"] == "2095-01-01T00:00:00Z"
    result = await node.try_("new", "--key-id", "next")
    assert isinstance(result.exception, KeyNameTaken)


async def test_a_revocation_keeps_its_reason_and_leaves_no_node_without_a_key(
    node: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    said = await node.run("revoke", "k1", "--why", "laptop [stolen]")
    assert "k2" in said
    assert await node.states() == {"k1": "revoked", "k2": "valid"}
    assert "laptop [stolen]" in await node.run("list", COLUMNS="200")
    assert await acts(uow_factory) == [
        ("key.revoked", f"{ID}|k1", "laptop [stolen]"),
        ("key.made", f"{ID}|k2", None),
    ]


async def test_after_a_rotation_the_revoked_new_set_is_replaced_since_the_old_one_ends(
    node: Shell,
) -> None:
    await node.run("rotate")
    said = await node.run("revoke", "k2", "--why", "lost")
    assert "Still valid: k1" in said
    assert await node.states() == {"k1": "valid", "k2": "revoked", "k3": "valid"}


async def test_who_wants_no_replacement_is_told_what_that_means(node: Shell) -> None:
    said = await node.run("revoke", "k1", "--why", "lost", "--no-replace")
    assert "cannot sign" in said
    assert await node.states() == {"k1": "revoked"}
    result = await node.try_("export-public")
    assert isinstance(result.exception, KeySetNotFound)


async def test_a_key_that_is_not_there_cannot_be_revoked(node: Shell) -> None:
    result = await node.try_("revoke", "k9", "--why", "lost")
    assert isinstance(result.exception, KeySetNotFound)
    assert (await node.try_("revoke", "k1")).exit_code == 2  # a reason is needed


async def test_public_keys_are_printed_as_a_registry_takes_them(
    node: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    await node.run("rotate")
    first, second = await node.json("export-public")
    one = await node.json("export-public", "k2")
    assert one == second
    assert [first["key_id"], second["key_id"]] == ["k1", "k2"]
    wrapped = await node.json("export-public", "k2", "--der")
    assert len(b64decode(wrapped["encr_public_key"])) == 44
    assert wrapped["signing_public_key"] == one["signing_public_key"]
    for half, name in (("signing", "signing_public_key"), ("encryption", "encr_public_key")):
        assert await node.run("export-public", "k1", "--only", half) == first[name]
    keychain = await open_keychain(
        subscriber_id=ID, uow_factory=uow_factory, key_manager=key_manager(), clock=SystemClock()
    )
    kept = keychain.sets()[1]
    assert read_public_key(one["signing_public_key"]) == kept.signing_public_key
    assert read_encryption_public_key(wrapped["encr_public_key"]) == kept.encryption_public_key


async def test_what_the_registry_knows_is_shown(node: Shell, uow_factory: UnitOfWorkFactory) -> None:
    keychain = await open_keychain(
        subscriber_id=ID, uow_factory=uow_factory, key_manager=key_manager(), clock=SystemClock()
    )
    async with uow_factory() as uow:
        await record_announced(uow, keychain.sets(), now=SystemClock().now())
    assert "since" in await node.run("list", COLUMNS="200")
    await node.run("rotate")
    old, new = await node.json("list", "--json")
    assert (old["signs"], new["signs"]) == (True, False)
    assert (old["must_be_announced"], new["must_be_announced"]) == (True, True)


async def test_no_set_is_made_that_the_node_could_not_open(node: Shell) -> None:
    other = b64encode(bytes(32)).decode()
    result = await node.try_("rotate", DEGNODE_KEY_ENCRYPTION_KEY=other)
    assert isinstance(result.exception, SealBroken)
    del node.environment["DEGNODE_KEY_ENCRYPTION_KEY"]
    result = await node.try_("rotate")
    assert isinstance(result.exception, KeyEncryptionKeyUnusable)
    assert await node.states() == {"k1": "valid"}


async def test_the_key_encryption_key_is_changed_without_losing_a_key(
    node: Shell, uow_factory: UnitOfWorkFactory
) -> None:
    new, old = b64encode(bytes(32)).decode(), node.environment["DEGNODE_KEY_ENCRYPTION_KEY"]
    before = await node.json("list", "--json")
    await node.run("reseal", DEGNODE_KEY_ENCRYPTION_KEY=f"{new},{old}")
    node.environment["DEGNODE_KEY_ENCRYPTION_KEY"] = new
    await node.run("rotate")
    after = await node.json("list", "--json")
    assert after[0]["signing_public_key"] == before[0]["signing_public_key"]
    assert after[0]["sealed_by"] == after[1]["sealed_by"] != before[0]["sealed_by"]
    assert [what for what, _, _ in await acts(uow_factory)] == ["key.resealed", "key.rotated"]


async def test_where_several_have_keys_it_must_be_said_whose(node: Shell) -> None:
    await node.run("new", "--subscriber", "registry.local")
    result = await node.try_("list")
    assert isinstance(result.exception, SubscriberUnclear)
    assert all(name in str(result.exception) for name in (ID, "registry.local"))
    assert ID in await node.run("list", DEGNODE_SUBSCRIBER_ID=ID, COLUMNS="200")
    assert "no keys here yet" in await node.run("list", "--subscriber", "nobody.example")
