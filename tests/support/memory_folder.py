"""Where files that nobody keeps are cheap: the machine's memory, seen as a folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there has a name of its own and other users' files are theirs
ROOM_BYTES = 3 * 1024**3
"""What must be free: several workers put two servers there, and each takes up to 300 MB."""


def memory_with_room(folder: Path = MEMORY, *, room: int = ROOM_BYTES) -> Path | None:
    """Return the folder that lies in memory if it has `room` bytes; None leaves it to the system's own.

    A container often has one of 64 MB, and other systems have none.
    """
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return None
    return folder if shutil.disk_usage(folder).free >= room else None


@contextmanager
def temporary_files_in(folder: Path | None) -> Iterator[None]:
    """Let this process, and those it starts, put temporary files there until the block ends.

    What is left of them is removed then, pytest's own folders too: `--basetemp` keeps those of a test that
    is looked into. None leaves everything as it is.
    """
    if folder is None:
        yield
        return
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="pytest-", dir=folder, ignore_cleanup_errors=True) as scratch:
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        try:
            yield
        finally:
            tempfile.tempdir = None
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before
