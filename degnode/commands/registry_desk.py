"""The line of a registry's operator to the registry: it shows the token, and nothing else proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr

from degnode.roles.configuration import load_settings, secret
from kernel.errors import NodeError
from node.settings import ServiceSettings
from protocol.errors import WireError
from registry_client.connection import ConnectionLimits, RegistryAnswer, RegistryConnection
from registry_client.reach import Reach, check_registry_url

_LIMITS: Final = ConnectionLimits(
    max_answer_bytes=16_777_216
)  # a thousand subscriptions, and as many requests
_ADMIN: Final = "/admin"


class OperatorRefused(NodeError):
    """The registry does not do what its operator asks."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class OperatorSettings(ServiceSettings):
    """What the operator's commands are told."""

    registry_token: SecretStr = Field(
        description="What the registry showed at its first start, or what it was told."
    )
    reach: Reach = Field(Reach.PUBLIC, description="private: a registry in a closed network may lack https.")


class RegistryDesk:
    """Asks and tells a registry in its operator's name."""

    def __init__(self, url: str, *, token: str, reach: Reach = Reach.PUBLIC) -> None:
        """Point at the registry; the token goes there only. Raises: DestinationRefused."""
        check_registry_url(url, reach=reach, path="--url")
        self._token = token
        self._connection = RegistryConnection(url, limits=_LIMITS)

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the desk of whoever has the token in the environment. Raises: SettingsInvalid."""
        settings = load_settings(OperatorSettings)
        return cls(url, token=secret(settings.registry_token) or "", reach=settings.reach)

    async def subscriptions(self, status: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return what stands and who asks. Raises: OperatorRefused, RegistryUnavailable."""
        listed: dict[str, list[dict[str, Any]]] = await self._get("/subscriptions", {"status": status})
        return listed

    async def history(self, subscriber_id: str | None, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return entries of the history. Raises: OperatorRefused, RegistryUnavailable."""
        question = {"subscriber_id": subscriber_id, "after": after, "limit": limit}
        entries: list[dict[str, Any]] = (await self._get("/history", question))["history"]
        return entries

    async def decide(self, what: str, subscriber_id: str, form: Mapping[str, Any]) -> str:
        """Approve, reject or revoke; return how the subscriber stands then.

        Raises: OperatorRefused, RegistryUnavailable.
        """
        path = f"{_ADMIN}/subscriptions/{quote(subscriber_id, safe='')}/{what}"
        return str(self._read(await self._connection.post(path, dict(form), token=self._token))["status"])

    async def _get(self, path: str, question: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever it said
        given = urlencode({name: value for name, value in question.items() if value is not None})
        return self._read(
            await self._connection.exchange(
                "GET", f"{_ADMIN}{path}?{given}", headers={"Authorization": f"Bearer {self._token}"}
            )
        )

    def _read(self, answer: RegistryAnswer) -> Any:  # noqa: ANN401  whatever it said
        content = answer.content
        if answer.status == 200 and isinstance(content, dict):
            return content
        said = content.get("error") if isinstance(content, dict) else None
        error = WireError.from_wire(said) if isinstance(said, dict) else None
        raise OperatorRefused(
            error.message if error else f"no registry answers so: HTTP {answer.status}",
            path=error.path if error else "--url",
            hint=error.hint if error else "Name the registry's own address.",
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()
