"""A node's own database, opened beside the node, whether that runs or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import SecretStr

from degnode.roles.configuration import load_settings
from degnode.serve import open_database
from kernel.errors import NodeError
from node.settings import ServiceSettings
from storage.database import Database
from storage.embedded import start_embedded

_PREFIX: Final = "degnode_"


class RoleUnclear(NodeError):
    """The data directory does not tell which role is meant."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, False


@asynccontextmanager
async def node_database(
    role: str | None, data_dir: Path, database_url: str | None
) -> AsyncIterator[Database]:
    """Open a node's database, with its schema up to date, and close it at the end.

    That is the one of `database_url`, or of the settings in `data_dir` or the environment. Else it is
    the embedded one of `role`, which is made if it is not there; without a role the only one in
    `data_dir`. The embedded server may run already.
    Raises: RoleUnclear, DatabaseUnusable, SettingsInvalid.
    """
    settings = load_settings(ServiceSettings, data_dir=data_dir)
    if database_url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
    if role is not None or settings.database_url is not None:
        async with open_database(settings, name=role or "") as database:
            yield database
        return
    server = start_embedded(_server_folder(data_dir))
    try:
        async with open_database(settings, name=await _only_role(server.get_uri(), data_dir)) as database:
            yield database
    finally:
        server.cleanup()


def _server_folder(data_dir: Path) -> Path:
    folder = data_dir.resolve() / "postgres"
    if not folder.exists():
        raise RoleUnclear(
            "there is no node's database here",
            path=str(data_dir),
            hint="Say --data-dir or --database-url; or --role, to begin with a new node.",
        )
    return folder


async def _only_role(server_url: str, data_dir: Path) -> str:
    """Return the role whose database is the only one of the server. Raises: RoleUnclear."""
    connection = await asyncpg.connect(server_url)
    try:
        names = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1", _PREFIX
        )
    finally:
        await connection.close()
    found = [str(row["datname"]).removeprefix(_PREFIX) for row in names]
    if len(found) == 1:
        return found[0]
    raise RoleUnclear(
        f"there are the databases of {', '.join(found)} here"
        if found
        else "there is no node's database here",
        path=str(data_dir),
        hint="Say which by --role." if found else "Say --role, to begin with a new node.",
    )
