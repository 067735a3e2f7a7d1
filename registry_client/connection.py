"""The line to a registry: bounded in time and size, without redirects, signed where it can be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

import httpx
import orjson
import structlog

from kernel.errors import NodeError
from protocol.errors import RegistryUnavailable
from registry_client.answer_signature import RegistryTrust
from registry_client.reach import AnswerTooLong, read_at_most

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
    """Exchanges JSON with one registry."""

    def __init__(
        self,
        registry_url: str,
        *,
        limits: ConnectionLimits | None = None,
        trust: RegistryTrust | None = None,
    ) -> None:
        """Point at `registry_url`; nothing is opened until it is asked.

        With `trust`, what is posted without a token is signed, and answers are verified where keys
        of the registry are pinned. Raises: RegistryUrlInvalid.
        """
        self.url = _checked(registry_url)
        self._trust = trust
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

        Raises: RegistryUnavailable, if it does not come in time, is a 5xx, a redirect, too long or
        not the registry's own.
        """
        body = orjson.dumps(content)
        headers = {"Content-Type": "application/json"}
        asked_under = None if token is not None else self._sign(body)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        elif asked_under is not None:
            headers["Authorization"] = asked_under
        return await self.exchange("POST", path, body=body, headers=headers, asked_under=asked_under)

    async def get(self, path: str) -> RegistryAnswer:
        """Return what is at `path`; raises as `post` does."""
        return await self.exchange("GET", path)

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        asked_under: str | None = None,
    ) -> RegistryAnswer:
        """Send `body` as it is and return the answer; raises as `post` does.

        `asked_under` is the signature header among `headers` that the answer must be bound to.
        """
        try:
            async with asyncio.timeout(self._limits.answer_timeout.total_seconds()):
                status, signature, raw = await self._exchange(method, path, body, dict(headers or {}))
        except (httpx.HTTPError, TimeoutError) as error:
            raise self.unavailable("does not answer", cause=repr(error)) from error
        except AnswerTooLong as error:
            raise self.unavailable(f"said more than {self._limits.max_answer_bytes} bytes") from error
        if 300 <= status < 400 or status >= 500:
            raise self.unavailable(f"answered with HTTP {status}")
        if self._trust is not None:
            try:
                self._trust.check(raw, signature, asked_under=asked_under)
            except NodeError as error:
                raise self.unavailable("gave an answer that is not its own", cause=str(error)) from error
        return RegistryAnswer(status=status, content=_read_json(raw))

    def _sign(self, body: bytes) -> str | None:
        try:
            return None if self._trust is None else self._trust.sign(body)
        except NodeError as error:
            raise self.unavailable("was not asked: there is no key to sign with", cause=str(error)) from error

    async def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, str | None, bytes]:
        url = self.url + path
        async with self._client.stream(method, url, content=body, headers=headers) as response:
            raw = await read_at_most(response, self._limits.max_answer_bytes)
        return response.status_code, response.headers.get("Signature"), raw

    def unavailable(
        self, why: str, *, cause: str | None = None, kind: type[RegistryUnavailable] = RegistryUnavailable
    ) -> RegistryUnavailable:
        """Return the refusal of whoever depends on this registry; our log keeps the cause."""
        log.warning("registry.unavailable", registry=self.url, reason=why, cause=cause)
        return kind(f"the registry {why}", hint=_LATER)

    async def close(self) -> None:
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
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
