"""Sealing by Vault's transit engine, over HTTP; and what is said when Vault does not help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from keystore.local_key_manager import LocalKeyManager, SealBroken
from keystore.succession import Succession
from keystore.vault_key_manager import VaultKeyManager, VaultUnusable, token_from_file
from tests.support.vault_server import (
    MOUNT,
    TOKEN,
    Transit,
    find_vault_executable,
    installed_vault,
    transit_server,
)

SECRET = b"the seed of a signing key, 32 by"


def manager(url: str, **changes: Any) -> VaultKeyManager:
    values: dict[str, Any] = {"url": url, "mount": MOUNT, "key": "degnode", "token": lambda: TOKEN}
    return VaultKeyManager(**values | changes)


@pytest.fixture
def transit() -> Transit:
    return Transit()


@pytest.fixture
async def url(transit: Transit) -> AsyncIterator[str]:
    async with transit_server(transit) as served:
        yield served


@pytest.fixture(params=["few lines", "installed"])
async def vault(request: pytest.FixtureRequest, tmp_path: Path, transit: Transit) -> AsyncIterator[str]:
    """A Vault at work: the tests' own, and a real one where one is installed."""
    executable = find_vault_executable()
    if request.param == "few lines":
        async with transit_server(transit) as served:
            yield served
    elif executable is None:
        pytest.skip("no Vault is installed")
    else:
        async with installed_vault(executable, tmp_path) as served:
            yield served


async def test_what_vault_seals_it_opens_under_its_label_only(vault: str) -> None:
    sealing = manager(vault)
    sealed = await sealing.seal(SECRET, label="bpp.example/k1")
    assert sealing.recognises(sealed)
    assert SECRET not in sealed
    assert await sealing.open(sealed, label="bpp.example/k1") == SECRET
    with pytest.raises(SealBroken, match="k2"):
        await sealing.open(sealed, label="bpp.example/k2")


async def test_what_another_key_sealed_is_said_so(vault: str) -> None:
    sealed = await manager(vault, key="other").seal(SECRET, label="a")
    await manager(vault).seal(SECRET, label="a")  # so that this key is there, too
    with pytest.raises(SealBroken, match=f"{MOUNT}/degnode") as refusal:
        await manager(vault).open(sealed, label="a")
    assert refusal.value.hint
    with pytest.raises(SealBroken):
        await manager(vault).open(b"\x01 no sealing of Vault's", label="a")


async def test_a_token_that_is_not_allowed_is_said_without_being_shown(vault: str) -> None:
    refused = manager(vault, token=lambda: "wrong-token")
    with pytest.raises(VaultUnusable, match="Forbidden") as refusal:
        await refused.seal(SECRET, label="a")
    assert refusal.value.retryable  # for the token's file may hold another soon
    assert "wrong-token" not in str(refusal.value) + repr(refused)


async def test_a_token_in_a_file_is_read_each_time(url: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    sealing = manager(url, token=token_from_file(file))
    with pytest.raises(VaultUnusable, match="token cannot be read: FileNotFoundError") as refusal:
        await sealing.seal(SECRET, label="a")
    assert refusal.value.path == str(file)
    file.write_text("old\n")
    with pytest.raises(VaultUnusable, match="Forbidden"):
        await sealing.seal(SECRET, label="a")
    file.write_text(f"{TOKEN}\n")
    assert await sealing.seal(SECRET, label="a")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(VaultUnusable, match="token cannot be read: UnicodeDecodeError"):
        await sealing.seal(SECRET, label="a")


@pytest.mark.parametrize(
    ("mood", "patience"), [("sealed", 20), ("slow", 1), ("moved", 20), ("garbled", 20), ("empty", 20)]
)
async def test_a_vault_that_does_not_help_ends_in_time_with_a_clear_word(
    transit: Transit, url: str, mood: str, patience: float
) -> None:
    sealing = manager(url, timeout=timedelta(seconds=patience))
    transit.mood = mood
    with pytest.raises(VaultUnusable) as refusal:
        await sealing.seal(SECRET, label="a")
    assert refusal.value.retryable
    assert refusal.value.hint
    assert transit.asked == ["encrypt"]  # and nobody followed a redirect, or tried again unasked


async def test_a_vault_that_is_away_is_said_so() -> None:
    with pytest.raises(VaultUnusable):
        await manager("http://127.0.0.1:9").seal(SECRET, label="a")


async def test_vault_takes_over_from_a_key_on_the_machine(url: str) -> None:
    local, vault = LocalKeyManager([bytes(32)]), manager(url)
    both = Succession(heir=vault, predecessor=local)
    old = await local.seal(SECRET, label="a")
    assert await both.open(old, label="a") == SECRET
    new = await both.seal(SECRET, label="a")
    assert both.name == vault.name
    assert vault.recognises(new)
    assert await both.open(new, label="a") == await vault.open(new, label="a") == SECRET
