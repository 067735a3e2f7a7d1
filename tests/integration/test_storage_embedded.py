"""The embedded PostgreSQL: starts, is joined, forgets the dead, stops with its last user."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from storage.embedded import start_embedded

ROOT = Path(__file__).resolve().parents[2]


async def where(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


async def test_a_server_starts_on_a_private_socket_and_stops_with_its_last_user(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    server = start_embedded(folder)
    assert await where(server.get_uri()) == str(folder)
    postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
    assert not [c for c in postmaster.net_connections() if c.family.name != "AF_UNIX"]
    assert start_embedded(folder).get_uri() == server.get_uri()  # whoever comes second joins it
    server.cleanup()
    postmaster.wait(20)
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await where(server.get_uri())


def test_a_killed_user_does_not_keep_the_server_alive(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    script = (
        "import os, signal, sys; from pathlib import Path; from storage.embedded import start_embedded;"
        "start_embedded(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=False)
    postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().splitlines()[0]))
    assert postmaster.is_running()
    start_embedded(folder).cleanup()
    postmaster.wait(20)


def test_a_list_of_users_that_cannot_be_read_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    server = start_embedded(folder)
    users = folder / ".handle_pids.json"
    mine = json.loads(users.read_text())
    users.write_text("[broken")
    assert start_embedded(folder).get_uri() == server.get_uri()
    users.write_text(json.dumps(mine))
    server.cleanup()
