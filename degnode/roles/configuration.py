"""Settings from the environment and the data directory, or a clear word on what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import SecretStr, ValidationError

from degnode.roles.node_env import node_env_file
from kernel.errors import NodeError
from node.settings import ServiceSettings

S = TypeVar("S", bound=ServiceSettings)

_PREFIX: Final = "Value error, "  # pydantic's, before every word of our own


class SettingsInvalid(NodeError):
    """The environment does not say what the node must know; it does not start."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def load_settings(
    kind: type[S],
    *,
    data_dir: Path | None = None,
    **given: Any,  # noqa: ANN401  whatever the settings hold
) -> S:
    """Return the settings of `kind`: what the environment holds, and for the rest `node.env`.

    That file lies in `data_dir`, which is DEGNODE_DATA_DIR if it is not given; `degnode join` writes it.
    What is `given` goes before both.
    Raises: SettingsInvalid, naming every variable that is missing or cannot be read.
    """
    if data_dir is not None:
        given["data_dir"] = data_dir
    try:
        return kind(_env_file=node_env_file(data_dir), **given)
    except ValidationError as error:
        complaints = [
            _complaint(kind, entry["loc"], str(entry["type"]), str(entry["msg"]).removeprefix(_PREFIX))
            for entry in error.errors()
        ]
        raise SettingsInvalid("the settings cannot be used:\n" + "\n".join(complaints)) from None


def _complaint(kind: type[ServiceSettings], place: tuple[int | str, ...], fault: str, message: str) -> str:
    """Return what is wrong with one setting, or with several that do not go together."""
    if not place:
        return f"  {message}."
    field = str(place[0])
    name = field.lower().removeprefix("degnode_")
    about = kind.model_fields[name].description if name in kind.model_fields else ""
    reason = "is not set" if fault == "missing" else f"cannot be used: {message}"
    return f"  DEGNODE_{name.upper()} {reason}. {about}"


def secret(value: SecretStr | None) -> str | None:
    """Return what a secret setting holds, for the one place that needs it."""
    return None if value is None else value.get_secret_value()
