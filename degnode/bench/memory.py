"""How much memory this process and all that it started hold, watched from beside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Final

import psutil

_EVERY: Final = 0.02  # s
_MIB: Final = 2**20


@dataclass(slots=True)
class Peak:
    """The most memory that was seen. Units: MiB, resident; what processes share counts in each."""

    mib: float = 0.0

    def look(self, process: psutil.Process) -> None:
        """Take notice of what is held now."""
        held = 0
        for each in [process, *process.children(recursive=True)]:
            try:
                held += each.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        self.mib = max(self.mib, held / _MIB)


@contextmanager
def watch_memory() -> Iterator[Peak]:
    """Watch for as long as the block runs."""
    peak, process, over = Peak(), psutil.Process(), Event()

    def look_on() -> None:
        while not over.wait(_EVERY):
            peak.look(process)

    watcher = Thread(target=look_on, daemon=True)
    peak.look(process)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.look(process)
