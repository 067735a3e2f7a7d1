"""Where files that nobody keeps are cheap: the machine's memory, seen as a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - what is put there has a name of its own and other users' files are theirs
ROOM_BYTES = 2 * 1024**3
"""What must be free: several workers put a server there, and each takes up to 300 MB."""


def memory_with_room(folder: Path = MEMORY, *, room: int = ROOM_BYTES) -> Path | None:
    """Return the folder that lies in memory if it has `room` bytes; None leaves it to the system's own.

    A container often has one of 64 MB, and other systems have none.
    """
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return None
    return folder if shutil.disk_usage(folder).free >= room else None
