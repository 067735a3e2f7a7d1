"""Who works on the command line, for the record of administrative acts."""

from __future__ import annotations

import getpass
import socket

from kernel.plain_text import one_line
from node.audit import Actor


def operator() -> Actor:
    """Return who works on the command line, as the machine knows them: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "somebody"
    return Actor(who=one_line(f"{user}@{socket.gethostname()} (command line)"))
