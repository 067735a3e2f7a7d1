"""The embedded PostgreSQL of a network, struck by a power cut and started again."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import psutil


def cut_power(data_directory: Path) -> None:
    """Kill the server at once, and return when nothing of it is left."""
    postmaster = psutil.Process(int((data_directory / "postmaster.pid").read_text().split()[0]))
    family = [postmaster, *postmaster.children(recursive=True)]
    postmaster.kill()
    psutil.wait_procs(family, timeout=10)


def start_again(data_directory: Path) -> None:
    """Start the server with the command line it had, as the owner of its files; it recovers by itself."""
    command = shlex.split((data_directory / "postmaster.opts").read_text())
    owner = data_directory.stat()
    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=[],
        start_new_session=True,
        cwd="/",
    )
