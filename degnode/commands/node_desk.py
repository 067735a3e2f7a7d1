"""The line of an operator's commands to a running node: its HTTP API, with the API key in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import httpx
import typer
from pydantic import Field, SecretStr

from degnode.roles.configuration import load_settings, secret
from kernel.errors import NodeError
from node.settings import ServiceSettings
from protocol.errors import WireError

_PATIENCE: Final = 30.0  # seconds
_REFUSED: Final = 400

NodeUrl = Annotated[
    str, typer.Option("--url", envvar="DEGNODE_NODE_URL", show_envvar=True, help="Where the node listens.")
]
HERE: Final = "http://127.0.0.1:8080"


class NodeRefused(NodeError):
    """The node does not do what its operator asks."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


class NodeSilent(NodeError):
    """Nothing answers at the address, or no node."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


class DeskSettings(ServiceSettings):
    """What the operator's commands are told."""

    api_key: SecretStr = Field(description="A key of the node that may do what is asked.")


def ask_node(url: str, method: str, path: str, *, form: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what the node at `url` answers. Raises: NodeRefused, NodeSilent, SettingsInvalid."""
    key = secret(load_settings(DeskSettings).api_key) or ""
    try:
        answer = httpx.request(
            method, f"{url.rstrip('/')}{path}", json=form, headers={"X-Api-Key": key}, timeout=_PATIENCE
        )
        content = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NodeSilent(
            f"no node answers at {url}: {type(error).__name__}", path="--url", hint="Name its own address."
        ) from error
    if answer.status_code < _REFUSED and isinstance(content, dict):
        return content
    said = content.get("error") if isinstance(content, dict) else None
    refusal = WireError.from_wire(said) if isinstance(said, dict) else None
    raise NodeRefused(
        refusal.message if refusal else f"the node answers HTTP {answer.status_code}",
        path=refusal.path if refusal else "--url",
        hint=refusal.hint if refusal else None,
    )
