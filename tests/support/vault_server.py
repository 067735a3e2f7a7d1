"""Vault for tests: an installed one where there is one, and what a node asks of it in few lines."""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes
from typing import Final

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from degnode.processes import free_port
from tests.support.loopback_server import LoopbackServer

TOKEN: Final = "let-me-seal"
MOUNT: Final = "transit"
_FORM: Final = "vault:v1:"
_START_SECONDS: Final = 30.0


@dataclass(slots=True)
class Transit:
    """The transit engine: encrypts and decrypts under named keys that never leave it.

    `mood` makes it misbehave: sealed, slow, moved, garbled.
    """

    mood: str = "well"
    token: str = TOKEN
    asked: list[str] = field(default_factory=list)
    _keys: dict[str, AESGCM] = field(default_factory=dict)

    def app(self) -> Starlette:
        path = "/v1/" + MOUNT + "/{operation}/{key}"
        return Starlette(routes=[Route(path, self._answer, methods=["POST", "PUT"])])

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request.path_params["operation"])
        if (fault := await self._misbehave()) is not None:
            return fault
        if request.headers.get("x-vault-token") != self.token:
            return JSONResponse({"errors": ["permission denied"]}, status_code=403)
        cipher = self._keys.setdefault(request.path_params["key"], AESGCM(token_bytes(32)))
        values = await request.json()
        if request.path_params["operation"] == "encrypt":
            nonce = token_bytes(12)
            sealed = nonce + cipher.encrypt(nonce, b64decode(values["plaintext"]), None)
            return JSONResponse(
                {"data": {"ciphertext": _FORM + b64encode(sealed).decode(), "key_version": 1}}
            )
        try:
            sealed = b64decode(values["ciphertext"].removeprefix(_FORM), validate=True)
            plain = cipher.decrypt(sealed[:12], sealed[12:], None)
        except (ValueError, InvalidTag):
            return JSONResponse({"errors": ["invalid ciphertext"]}, status_code=400)
        return JSONResponse({"data": {"plaintext": b64encode(plain).decode()}})

    async def _misbehave(self) -> Response | None:
        match self.mood:
            case "sealed":
                return JSONResponse({"errors": ["Vault is sealed"]}, status_code=503)
            case "slow":
                await asyncio.sleep(3600)  # until the server stops
            case "moved":
                return RedirectResponse("http://127.0.0.1:9/", status_code=307)
            case "garbled":
                return Response("no JSON", media_type="text/plain")
            case "empty":
                return JSONResponse({"data": {}})
        return None


@asynccontextmanager
async def transit_server(transit: Transit) -> AsyncIterator[str]:
    """Serve `transit`; yield its URL."""
    async with LoopbackServer(transit.app()) as server:
        yield server.url


def find_vault_executable() -> str | None:
    """Return the path of an installed Vault, or of OpenBao, which speaks the same."""
    return shutil.which("vault") or shutil.which("bao")


@asynccontextmanager
async def installed_vault(executable: str, home: Path) -> AsyncIterator[str]:
    """Run a development server in memory, with the transit engine mounted; yield its URL."""
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        executable,
        "server",
        "-dev",
        f"-dev-root-token-id={TOKEN}",
        f"-dev-listen-address={address}",
        "-dev-no-store-token",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    try:
        await _mount_transit(f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()


async def _mount_transit(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, headers={"X-Vault-Token": TOKEN}) as client:
        deadline = asyncio.get_running_loop().time() + _START_SECONDS
        while True:
            try:
                answer = await client.post(f"/v1/sys/mounts/{MOUNT}", json={"type": "transit"})
                if answer.is_success:
                    return
            except httpx.TransportError:
                pass
            if asyncio.get_running_loop().time() > deadline:
                raise RuntimeError(f"{url} did not become ready")
            await asyncio.sleep(0.05)
