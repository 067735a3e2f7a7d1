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
    """Start the server as it was started, as the owner of its files; return when it has recovered."""
    program, _, _, *options = shlex.split((data_directory / "postmaster.opts").read_text())
    owner = data_directory.stat()
    control, log = Path(program).with_name("pg_ctl"), data_directory / "log"
    subprocess.run(
        [control, "-w", "-D", data_directory, "-l", log, "-o", shlex.join(options), "start"],
        check=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the server keeps it, so no pipe may wait for its end
        stderr=subprocess.DEVNULL,
        user=owner.st_uid,
        group=owner.st_gid,
        extra_groups=[],
        cwd="/",
    )
