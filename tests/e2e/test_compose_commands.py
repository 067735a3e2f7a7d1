"""The network of docker-compose.yml, run without Docker: its very commands, with its environment.

Only what Docker provides is replaced: host names and ports, folders, PostgreSQL, Redis.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
import yaml
from redis.asyncio import Redis

from degnode.processes import free_port
from node.api_keys import HEADER
from storage.database import create_database
from tests.support.calling import calling
from tests.support.processes import eventually, own_environment
from tests.support.redis_server import RedisServer

TOP: Final = Path(__file__).resolve().parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((TOP / "docker-compose.yml").read_text(encoding="utf-8"))
ROLES: Final = tuple(name for name, service in COMPOSE["services"].items() if "build" in service)
SECRETS: Final = {
    "POSTGRES_PASSWORD": "a-password",
    "DEGNODE_REGISTRY_TOKEN": "a-token",
    "DEGNODE_API_KEY": "an-api-key",
}
"""What an operator sets in the environment or in .env."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What stands in for Docker: where each service listens, and where its files and servers are."""

    folder: Path
    ports: dict[str, int]
    database_urls: dict[str, str]
    redis_url: str

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.ports[role]}"

    def environment(self, role: str) -> dict[str, str]:
        """Return the environment of a service, at home on this machine."""
        written = COMPOSE["services"][role]["environment"]
        here = {"DEGNODE_HOST": "127.0.0.1", "DEGNODE_PORT": str(self.ports[role])}
        return {name: self._at_home(_filled_in(value), role) for name, value in written.items()} | here

    def _at_home(self, value: str, role: str) -> str:
        if database := re.fullmatch(r"postgresql://degnode:a-password@postgres/(\w+)", value):
            return self.database_urls[database[1]]
        if redis := re.fullmatch(r"redis://redis:6379/(\d+)", value):
            return f"{self.redis_url}?db={redis[1]}"
        if service := re.fullmatch(r"http://(\w+):8080", value):
            return self.url(service[1])
        if value.startswith("/"):
            return self._path(value, role)
        return value

    def _path(self, value: str, role: str) -> str:
        service = COMPOSE["services"][role]
        for config in service.get("configs", ()):
            if config["target"] == value:
                return str(TOP / COMPOSE["configs"][config["source"]]["file"])
        assert f"{role}:{value}" in service["volumes"], f"{value} of {role} lies on no volume"
        return str(self.folder / role)


def _filled_in(value: str) -> str:
    return re.sub(r"\$\{(\w+)(?::\?[^}]*)?\}", lambda match: SECRETS[match[1]], value)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="degnode-redis-") as folder, RedisServer(Path(folder)) as server:
        yield server


@pytest.fixture
async def stage(tmp_path: Path, postgres_url: str, redis_server: RedisServer) -> AsyncIterator[Stage]:
    names = {role: f"compose_{role}_{uuid4().hex[:12]}" for role in ROLES}
    yield Stage(
        folder=tmp_path,
        ports={role: free_port() for role in ROLES},
        database_urls={role: await create_database(postgres_url, name) for role, name in names.items()},
        redis_url=redis_server.url,
    )
    server = await asyncpg.connect(postgres_url)
    try:
        for name in names.values():
            await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


@asynccontextmanager
async def running(role: str, stage: Stage) -> AsyncIterator[Process]:
    """Run the command of a service until the block ends; it is ready when the block begins."""
    program, *arguments = shlex.split(COMPOSE["services"][role]["command"])
    log_file = stage.folder / f"{role}.log"
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name(program)),
            *arguments,
            cwd=stage.folder,
            env=own_environment() | stage.environment(role),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=log,
        )
    try:
        await _become_ready(role, stage, process)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(15):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _become_ready(role: str, stage: Stage, process: Process) -> None:
    async with calling() as client:

        async def is_ready() -> bool:
            log = stage.folder / f"{role}.log"
            assert process.returncode is None, f"{role} ended:\n{log.read_text()}"
            try:
                return (await client.get(f"{stage.url(role)}/readyz")).status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        await eventually(is_ready, what=f"{role} is ready")


def _in_order() -> list[str]:
    """Return the roles so that each comes after those that it waits for."""
    ordered: list[str] = []
    while len(ordered) < len(ROLES):
        ordered += [
            role
            for role in ROLES
            if role not in ordered
            and set(COMPOSE["services"][role]["depends_on"]) & set(ROLES) <= set(ordered)
        ]
    return ordered


async def test_the_commands_of_the_compose_file_make_a_network_that_finds_energy(stage: Stage) -> None:
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(running(role, stage)) for role in _in_order()]
        async with calling(headers={HEADER: SECRETS["DEGNODE_API_KEY"]}) as app:
            response = await app.post(
                f"{stage.url('bap')}/api/v1/discover",
                params={"wait": 10},
                json={
                    "bpp_id": COMPOSE["services"]["bpp"]["environment"]["DEGNODE_SUBSCRIBER_ID"],
                    "message": {"text_search": "solar"},
                },
            )
        answer = response.json()
        assert (response.status_code, answer["action"]) == (200, "on_discover"), answer
        (catalog,) = answer["message"]["catalogs"]
        assert [item["beckn:id"] for item in catalog["beckn:items"]] == ["rooftop-solar-07"]
        assert await _keys_in_redis(stage, "bap") > 0
        assert await _keys_in_redis(stage, "bpp") > 0
    assert [process.returncode for process in processes].count(None) == 0
    assert [role for role in ROLES if await _answers(stage.ports[role])] == []


async def _keys_in_redis(stage: Stage, role: str) -> int:
    redis = Redis.from_url(stage.environment(role)["DEGNODE_REDIS_URL"])
    try:
        return int(await redis.dbsize())
    finally:
        await redis.aclose()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
