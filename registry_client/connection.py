"""The line to a registry: bounded in time and size, without redirects."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import httpx
import orjson
import structlog

from protocol.errors import RegistryUnavailable

log = structlog.get_logger(__name__)

_LATER: Final = "Send it again later."
_LOOPBACK: Final = ("all://localhost", "all://127.0.0.1", "all://[::1]")


class RegistryUrlInvalid(ValueError):
    """The registry's address is no http or https URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How long a registry may take, how much it may say, and on how many connections."""

    connect_timeout: timedelta = timedelta(seconds=2)
    answer_timeout: timedelta = timedelta(seconds=5)  # from the call to the last byte
    max_answer_bytes: int = 1_048_576
    max_connections: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAnswer:
    """What a registry said: an HTTP status below 500, and the JSON that came with it, if any."""

    status: int
    content: Any


class RegistryConnection:
    """Posts JSON to one registry."""

    def __init__(self, registry_url: str, *, limits: ConnectionLimits | None = None) -> None:
        """Point at `registry_url`; nothing is opened until it is asked.

        Raises: RegistryUrlInvalid.
        """
        self.url = _checked(registry_url)
        self._limits = limits or ConnectionLimits()
        seconds = self._limits.answer_timeout.total_seconds()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(seconds, connect=self._limits.connect_timeout.total_seconds()),
            limits=httpx.Limits(max_connections=self._limits.max_connections),
            follow_redirects=False,
            # The raw bytes are counted, so the registry is asked not to compress them.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            mounts=dict.fromkeys(_LOOPBACK),  # a proxy of the environment is for the world outside
        )

    async def post(self, path: str, content: Any, *, token: str | None = None) -> RegistryAnswer:  # noqa: ANN401
        """Post `content` as JSON to `path` and return the answer.

        Raises: RegistryUnavailable, if it does not come in time, is a 5xx, a redirect or too long.
        """
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with asyncio.timeout(self._limits.answer_timeout.total_seconds()):
                status, raw = await self._exchange(path, orjson.dumps(content), headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise self.unavailable("does not answer", cause=repr(error)) from error
        if 300 <= status < 400 or status >= 500:
            raise self.unavailable(f"answered with HTTP {status}")
        return RegistryAnswer(status=status, content=_read_json(raw))

    async def _exchange(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        raw = bytearray()
        async with self._client.stream("POST", self.url + path, content=body, headers=headers) as response:
            async for chunk in response.aiter_raw():
                raw += chunk
                if len(raw) > self._limits.max_answer_bytes:
                    raise self.unavailable(f"said more than {self._limits.max_answer_bytes} bytes")
        return response.status_code, bytes(raw)

    def unavailable(self, why: str, *, cause: str | None = None) -> RegistryUnavailable:
        """Return the refusal of whoever depends on this registry; our log keeps the cause."""
        log.warning("registry.unavailable", registry=self.url, reason=why, cause=cause)
        return RegistryUnavailable(f"the registry {why}", hint=_LATER)

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _checked(registry_url: str) -> str:
    try:
        url = httpx.URL(registry_url)
    except httpx.InvalidURL as error:
        raise RegistryUrlInvalid(f"{registry_url!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise RegistryUrlInvalid(f"{registry_url!r} is no http or https URL")
    if url.userinfo:
        raise RegistryUrlInvalid(f"the URL of the registry at {url.host} holds a password; leave it out")
    return registry_url.rstrip("/")


def _read_json(raw: bytes) -> Any:  # noqa: ANN401  whatever the registry said
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
