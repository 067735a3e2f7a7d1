"""How much memory this process and all that it started hold, watched from beside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
        self.mib = max(self.mib, in_all(process, lambda each: each.memory_info().rss) / _MIB)


def in_all(process: psutil.Process, measure: Callable[[psutil.Process], float]) -> float:
    """Return the sum of a measure over a process and all that it started and that is still there."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            total += measure(each)
    return total


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
