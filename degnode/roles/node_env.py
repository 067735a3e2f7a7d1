"""`node.env`: the settings that `degnode join` leaves in a node's data directory.

Lines `DEGNODE_…=…`, for their owner only. `degnode serve` reads them when it is told that directory;
what the environment says goes before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

from dotenv import dotenv_values

from kernel.errors import NodeError
from keystore.private_file import write_private_file

FILE_NAME: Final = "node.env"
_DATA_DIR: Final = "DEGNODE_DATA_DIR"
_USUAL: Final = Path(".degnode")
_SAFE: Final = re.compile(r"[^'\\\r\n]*")
_HEAD: Final = """\
# Written by `degnode join`; `degnode serve --data-dir` reads it. What the environment says goes before.
# Add settings of your own; `degnode serve settings` lists them.
"""


class NodeEnvUnusable(NodeError):
    """The settings of a data directory cannot be read or written."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


class DirectoryOfAnother(NodeError):
    """The data directory belongs to a participant of another role."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


def node_env_file(data_dir: Path | None = None) -> Path:
    """Return where the settings of `data_dir` lie, or of the one that the environment names."""
    return (data_dir or Path(os.environ.get(_DATA_DIR) or _USUAL)) / FILE_NAME


def read_node_env(data_dir: Path | None = None) -> dict[str, str]:
    """Return the settings in the file, none if there is no file. Raises: NodeEnvUnusable."""
    file = node_env_file(data_dir)
    try:
        values = dotenv_values(file, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise NodeEnvUnusable(
            f"the settings cannot be read: {error}", path=str(file), hint="Let its owner run this."
        ) from error
    return {name: value for name, value in values.items() if value is not None}


def write_node_env(data_dir: Path, changes: Mapping[str, str]) -> Path:
    """Set `changes` in the file, keep what else stands there, and return where it is.

    Raises: NodeEnvUnusable.
    """
    file = node_env_file(data_dir)
    values = read_node_env(data_dir) | dict(changes)
    lines = [f"{name}={_quoted(name, value)}" for name, value in values.items()]
    draft = file.with_name(f"{file.name}.{token_hex(4)}")
    try:
        write_private_file(draft, _HEAD + "\n".join(lines) + "\n")
        draft.replace(file)
    except OSError as error:
        raise NodeEnvUnusable(
            f"the settings cannot be written: {error}",
            path=str(file),
            hint="Name a --data-dir that you may write to.",
        ) from error
    return file


def serve_from(data_dir: Path | None, *, role: str) -> None:
    """Let this process, and those that it starts, have their settings and data in `data_dir`.

    Raises: DirectoryOfAnother, if a participant of another role has joined from there.
    """
    if data_dir is not None:
        os.environ[_DATA_DIR] = str(data_dir)
    joined_as = read_node_env(data_dir).get("DEGNODE_ROLE", role)
    if joined_as != role:
        raise DirectoryOfAnother(
            f"this is the directory of a {joined_as}, not of a {role}",
            path=str(node_env_file(data_dir).parent),
            hint=f"Run `degnode serve {served_as(joined_as)}` here, or name the other's --data-dir.",
        )


def served_as(role: str) -> str:
    """Return what `degnode serve` calls a role."""
    return {"bg": "gateway", "cds": "discovery"}.get(role, role)


def _quoted(name: str, value: str) -> str:
    """Return `value` so that it is read back as it is, also by a shell."""
    if not _SAFE.fullmatch(value):
        raise NodeEnvUnusable(
            f"{name} holds a quote, a backslash or a line feed, which the file cannot keep",
            path=name,
            hint="Set it in the environment instead.",
        )
    return value if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]*", value) else f"'{value}'"
