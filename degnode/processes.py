"""A small network of real processes on this machine: for the demo, the benchmarks and the tests."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from kernel.errors import NodeError
from node.api_key_store import new_api_key
from storage.database import create_database
from storage.embedded import start_embedded

BAP_ID: Final = "bap.demo.local"
BPP_ID: Final = "bpp.demo.local"
_PARTS: Final = ("registry", "bap", "bpp")
_READY_SECONDS: Final = 120.0  # one that ended is noticed at once; a busy machine may take its time
_STOP_SECONDS: Final = 10.0
_PORTS: Final = range(12_000, 32_768)


class ProcessFailed(NodeError):
    """A process of the network ended or did not become ready."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, True


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free, and that no connection takes meanwhile.

    It lies below what systems give to outgoing connections (32768 on Linux, 49152 elsewhere), and is
    drawn by lot, so that two who ask at the same time are not told the same.
    """
    for port in secrets.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ProcessFailed(f"none of a hundred ports between {_PORTS[0]} and {_PORTS[-1]} is free on 127.0.0.1")


@dataclass(slots=True, kw_only=True)
class Service:
    """One process: the command it runs, the environment it runs in, the URL it serves."""

    name: str
    url: str
    environment: Mapping[str, str]
    log_file: Path
    process: Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start the process and return when it says that it is ready.

        Raises: ProcessFailed.
        """
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "degnode",
                "serve",
                self.name,
                env={**_own_environment(), **self.environment},
                stdin=DEVNULL,
                stdout=DEVNULL,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the parent, which ends its children in order
            )
        await self._become_ready()

    async def stop(self) -> None:
        """Ask the process to end; end it if it does not."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    async def _become_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        async with httpx.AsyncClient(timeout=2) as client:
            while asyncio.get_running_loop().time() < deadline:
                if self.process is not None and self.process.returncode is not None:
                    raise self._failed(f"ended with status {self.process.returncode}")
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{self.url}/readyz")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.05)
        raise self._failed(f"was not ready within {_READY_SECONDS:.0f} s")

    def log_events(self) -> list[dict[str, Any]]:
        """Return what the process has logged so far, event by event."""
        events = []
        for line in self.log_file.read_text().splitlines():
            with suppress(ValueError):
                events.append(json.loads(line))
        return events

    def _failed(self, how: str) -> ProcessFailed:
        last = "\n".join(self.log_file.read_text().splitlines()[-5:])
        return ProcessFailed(f"{self.name} {how}; its last words:\n{last}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A registry, a BAP, a BPP and utilities over one embedded PostgreSQL, and the key to their APIs.

    `utilities` are found by their subscriber ids.
    """

    folder: Path
    api_key: str
    database_urls: Mapping[str, str]
    registry: Service
    bap: Service
    bpp: Service
    utilities: Mapping[str, Service] = field(default_factory=dict)


@asynccontextmanager
async def small_network(
    *,
    catalog: Path,
    settings: Mapping[str, Mapping[str, str]] | None = None,
    start: tuple[str, ...] = ("registry", "bpp", "bap"),
    utilities: Mapping[str, Path] | None = None,
) -> AsyncIterator[Network]:
    """Run a network until the block ends; then no process, port, lock or file of it is left.

    `settings` adds environment variables by service name, or by the subscriber id of one of the `utilities`,
    which are all started with the files that they have; `start` says which of the others to start.
    """
    folder = Path(tempfile.mkdtemp(prefix="degnode-"))
    server = await asyncio.to_thread(start_embedded, folder / "postgres")
    services: dict[str, Service] = {}
    files = dict(utilities or {})
    try:
        api_key, token = new_api_key(), secrets.token_urlsafe(16)
        urls = {
            name: await create_database(server.get_uri(), f"degnode_{re.sub('[^a-z]', '_', name)}")
            for name in (*_PARTS, *files)
        }
        ports = {name: free_port() for name in urls}
        for name, port in ports.items():
            environment = {
                "DEGNODE_PORT": str(port),
                "DEGNODE_DATABASE_URL": urls[name],
                "DEGNODE_DATA_DIR": str(folder / name),
                "DEGNODE_REGISTRY_URL": f"http://127.0.0.1:{ports['registry']}",
                "DEGNODE_REGISTRY_TOKEN": token,
                "DEGNODE_API_KEY": api_key,
                "DEGNODE_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "DEGNODE_SUBSCRIBER_ID": {"bap": BAP_ID, "bpp": BPP_ID, "registry": ""}.get(name, name),
                "DEGNODE_CATALOG": str(catalog),
                "DEGNODE_UTILITY": str(files.get(name, "")),
                **(settings or {}).get(name, {}),
            }
            services[name] = Service(
                name="utility" if name in files else name,
                url=f"http://127.0.0.1:{port}",
                environment=environment,
                log_file=folder / f"{name}.log",
            )
        await asyncio.gather(*(services[name].start() for name in (*start, *files)))
        yield Network(
            folder=folder,
            api_key=api_key,
            database_urls=urls,
            utilities={name: services[name] for name in files},
            **{name: services[name] for name in _PARTS},
        )
    finally:
        await asyncio.gather(*(service.stop() for service in services.values()))
        await asyncio.to_thread(server.cleanup)
        shutil.rmtree(folder, ignore_errors=True)


def _own_environment() -> dict[str, str]:
    """Return this process's environment without settings of a node that is configured in it."""
    foreign = ("DEGNODE_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
