"""The registry's process: its keys and its token are made once, and stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from degnode.processes import Service, free_port
from degnode.roles.registry import RegistrySettings, make_guard
from kernel.clock import SystemClock
from registry.tokens import TokenRefused
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.calling import calling
from tests.support.subscribers import NOW, record

WORDS = "Token of this registry's operator, shown only now: "


async def test_a_token_is_made_and_shown_once(
    uow_factory: UnitOfWorkFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    guard = await make_guard(RegistrySettings(), uow_factory, SystemClock())
    token = capsys.readouterr().err.removeprefix(WORDS).strip()
    assert guard.check(token, address=None, now=NOW) == "operator"
    again = await make_guard(RegistrySettings(), uow_factory, SystemClock())
    assert capsys.readouterr().err == ""
    assert again.check(token, address=None, now=NOW)
    told = await make_guard(RegistrySettings(registry_token=SecretStr("told")), uow_factory, SystemClock())
    assert told.check("told", address=None, now=NOW)
    with pytest.raises(TokenRefused):
        told.check(token, address=None, now=NOW)


@asynccontextmanager
async def running(folder: Path, url: str, port: int) -> AsyncIterator[Service]:
    service = Service(
        name="registry",
        url=f"http://127.0.0.1:{port}",
        environment={
            "DEGNODE_PORT": str(port),
            "DEGNODE_DATABASE_URL": url,
            "DEGNODE_DATA_DIR": str(folder / "data"),
            "DEGNODE_NETWORK_ID": "pilot.example/2026",
        },
        log_file=folder / "registry.log",
    )
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def test_a_real_process_keeps_its_keys_and_its_token(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    async with running(tmp_path, database_url, port) as service, calling() as client:
        card = (await client.get(service.url)).json()
        (line,) = [each for each in service.log_file.read_text().splitlines() if each.startswith(WORDS)]
        token = {"Authorization": f"Bearer {line.removeprefix(WORDS)}"}
        entered = await client.post(f"{service.url}/subscribe", json=record().to_wire(), headers=token)
        assert entered.json() == {"status": "SUBSCRIBED"}
    assert (card["subscriber_id"], card["checks"]) == ("registry.local", "loopback")
    async with running(tmp_path, database_url, port) as service, calling() as client:
        assert (await client.get(service.url)).json() == card
        listed = await client.get(f"{service.url}/admin/subscriptions", headers=token)
        assert len(listed.json()["subscriptions"]) == 1
        assert service.log_file.read_text().count(WORDS) == 1
