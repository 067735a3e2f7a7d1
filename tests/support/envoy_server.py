"""bsgip/envoy, a utility's 2030.5 server, run from a checkout with a database of its own.

`DEGNODE_ENVOY_CHECKOUT` names the checkout, and `DEGNODE_ENVOY_PYTHON` the Python that it is installed
for, which is that of the checkout's .venv by default. Its migrations need a PostgreSQL with ICU, which
the one of the tests' wheel has not: `DEGNODE_TEST_DATABASE_URL` must name one that has.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, Request, Response

from degnode.processes import free_port
from storage.database import create_database
from tests.support.loopback_server import LoopbackServer

CHECKOUT: Final = "DEGNODE_ENVOY_CHECKOUT"
OWN_SERVER: Final = "DEGNODE_TEST_DATABASE_URL"
PYTHON: Final = "DEGNODE_ENVOY_PYTHON"
AGGREGATOR: Final = "AA" * 20
"""The LFDI of the aggregator that we are to it."""
SITE: Final = "BB" * 20
_CERTIFICATE_HEADER: Final = "x-forwarded-client-cert"
_SECONDS_TO_START: Final = 60
_WORLD: Final = """
    INSERT INTO aggregator (aggregator_id, name, created_time, changed_time)
        VALUES (0, 'none', now(), now()), (1, 'ours', now(), now());
    INSERT INTO aggregator_domain (aggregator_id, created_time, changed_time, domain)
        VALUES (1, now(), now(), '127.0.0.1');
    INSERT INTO certificate (certificate_id, created, lfdi, expiry)
        VALUES (1, now(), lower('{aggregator}'), now() + interval '1 day');
    INSERT INTO aggregator_certificate_assignment (certificate_id, aggregator_id) VALUES (1, 1);
    INSERT INTO site (site_id, nmi, aggregator_id, timezone_id, created_time, changed_time, lfdi, sfdi,
                      device_category, registration_pin)
        VALUES (1, '1111111111', 1, 'Australia/Brisbane', now(), now(), lower('{site}'), 1111, 0, 11111);
"""


def envoy_checkout() -> Path:
    """Return the checkout, or skip the test with the reason."""
    if CHECKOUT not in os.environ:
        pytest.skip(f"no envoy: {CHECKOUT} names no checkout of bsgip/envoy")
    if OWN_SERVER not in os.environ:
        pytest.skip(f"no envoy: {OWN_SERVER} names no PostgreSQL with ICU, which its migrations need")
    return Path(os.environ[CHECKOUT])


@asynccontextmanager
async def running_envoy(postgres_url: str) -> AsyncIterator[str]:
    """Run envoy, behind what would end TLS for it; yield its address. It notifies from the same process."""
    checkout = envoy_checkout()
    python = os.environ.get(PYTHON, str(checkout / ".venv/bin/python"))
    database = await create_database(postgres_url, f"envoy_{uuid4().hex[:12]}")
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": _for_envoy(database),
        "ENABLE_NOTIFICATIONS": "true",
        "NOTIFICATION_POLL_SECONDS": "0.1",
        "CERT_HEADER": _CERTIFICATE_HEADER,
    }
    await asyncio.to_thread(_migrate, python, checkout, environment)
    await _populate(database)
    port = free_port()
    command = [python, "-m", "uvicorn", "envoy.server.main:app", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=checkout / "src", env=environment, stdout=sys.stderr, stderr=sys.stderr
    )
    try:
        await _until_it_answers(f"http://127.0.0.1:{port}")
        async with LoopbackServer(_terminator(f"http://127.0.0.1:{port}")) as terminator:
            yield terminator.url
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _migrate(python: str, checkout: Path, environment: dict[str, str]) -> None:
    program = "from envoy.server.alembic import upgrade; upgrade()"
    done = subprocess.run(
        [python, "-c", program],
        cwd=checkout / "src",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def _populate(database: str) -> None:
    connection = await asyncpg.connect(database.replace("+asyncpg", ""))
    try:
        await connection.execute(_WORLD.format(aggregator=AGGREGATOR, site=SITE))
    finally:
        await connection.close()


def _for_envoy(database: str) -> str:
    """Return the address as envoy's settings want it: with a host, and nothing escaped."""
    parts = urlsplit(database)
    where = parts.netloc if parts.hostname else f"{parts.username or 'postgres'}@localhost"
    return f"postgresql+asyncpg://{where}{parts.path}" + (f"?{unquote(parts.query)}" if parts.query else "")


async def _until_it_answers(url: str) -> None:
    async with httpx.AsyncClient(headers=_SHOWN) as client, asyncio.timeout(_SECONDS_TO_START):
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(f"{url}/dcap")).status_code == 200:
                    return
            await asyncio.sleep(0.1)


_SHOWN: Final = {_CERTIFICATE_HEADER: AGGREGATOR.lower().ljust(64, "0")}
"""The fingerprint of our certificate, as far as envoy looks at it."""


def _terminator(url: str) -> FastAPI:
    """Return what stands in front of envoy: it says whose certificate was shown."""
    app = FastAPI(openapi_url=None)

    async def pass_on(request: Request) -> Response:
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method,
                url + request.url.path,
                params=request.query_params,
                content=await request.body(),
                headers={"Content-Type": request.headers.get("content-type", "text/plain"), **_SHOWN},
            )
        headers = {
            name: answer.headers[name] for name in ("location", "content-type") if name in answer.headers
        }
        return Response(answer.content, status_code=answer.status_code, headers=headers)

    app.add_api_route("/{path:path}", pass_on, methods=["GET", "POST"])
    return app
