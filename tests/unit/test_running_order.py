"""The order in which test files run."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.support.running_order import in_running_order

ROOT = Path("/tests")


class Collected:
    """A test as far as its place in the run is concerned."""

    def __init__(self, name: str, *marks: str) -> None:
        self.path = ROOT / name.partition("::")[0]
        self.name, self.marks = name, marks

    def get_closest_marker(self, name: str) -> bool:
        return name in self.marks


def ordered(*tests: Collected) -> list[str]:
    items = cast("list[pytest.Item]", tests)
    return [test.name for test in in_running_order(items, root=ROOT)]


def test_files_that_wait_stand_among_those_that_work_and_quick_ones_come_last() -> None:
    assert ordered(
        Collected("e2e/a.py::1"),
        Collected("e2e/a.py::2"),
        Collected("e2e/b.py::1"),
        Collected("integration/a.py::1"),
        Collected("integration/b.py::1"),
        Collected("unit/a.py::1"),
        Collected("integration/c.py::1"),
        Collected("integration/c.py::2", "slow"),
        Collected("property/a.py::1"),
    ) == [
        "e2e/a.py::1",
        "e2e/a.py::2",
        "integration/a.py::1",
        "e2e/b.py::1",
        "integration/b.py::1",
        "integration/c.py::1",
        "integration/c.py::2",
        "property/a.py::1",
        "unit/a.py::1",
    ]


@pytest.mark.parametrize("folder", ["e2e", "integration", "unit"])
def test_tests_of_one_kind_stay_as_they_are(folder: str) -> None:
    names = [f"{folder}/{file}.py::{test}" for file in "cab" for test in "21"]
    assert ordered(*map(Collected, names)) == names


def test_without_tests_there_is_no_order() -> None:
    assert ordered() == []
