"""In which order test files run: the long ones spread over the run, and none of them at its end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

NETWORKS: Final = frozenset({"e2e", "fuzz"})
"""Folders whose tests start processes and wait for them: minutes a file, little of it work."""

QUICK: Final = frozenset({"unit"})
"""Folders whose files take seconds: with them at the end, the workers of a run end together."""


def in_running_order(items: Iterable[pytest.Item], *, root: Path) -> list[pytest.Item]:
    """Return the tests file by file, each file whole and as it was.

    Files that wait stand among those that work, so that the processors have something to do meanwhile
    and do not run a network for every worker at once.
    """
    waiting, working, quick = [], [], []
    for path, tests in groupby(items, key=lambda item: item.path):
        file = list(tests)
        folder = path.relative_to(root).parts[0]
        if folder in NETWORKS or any(test.get_closest_marker("slow") for test in file):
            waiting.append(file)
        elif folder in QUICK:
            quick.append(file)
        else:
            working.append(file)
    return [test for file in (*_spread(waiting, working), *quick) for test in file]


def _spread(some: list[list[pytest.Item]], others: list[list[pytest.Item]]) -> Iterable[list[pytest.Item]]:
    """Return both lists as one, each as evenly spread as it can be, beginning with one of `some`."""
    places = [(number / len(some), file) for number, file in enumerate(some)]
    places += [((number + 0.5) / len(others), file) for number, file in enumerate(others)]
    return [file for _, file in sorted(places, key=lambda place: place[0])]
