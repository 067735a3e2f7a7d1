"""What a statement says beside what it should say, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING: Final = _Nothing()
"""What stands where one side has no such figure."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of the statement that is not what follows from the rest; `path` leads to it."""

    path: str
    told: Any
    computed: Any

    def __str__(self) -> str:
        return f"{self.path}: told {self.told!r}, computed {self.computed!r}"


def differences(told: Any, computed: Any, path: str) -> Iterator[Difference]:  # noqa: ANN401  plain JSON
    """Yield every figure that differs, at any depth."""
    if isinstance(told, dict) and isinstance(computed, dict):
        for key in [*computed, *(key for key in told if key not in computed)]:
            yield from differences(told.get(key, NOTHING), computed.get(key, NOTHING), f"{path}.{key}")
    elif isinstance(told, list) and isinstance(computed, list):
        for at in range(max(len(told), len(computed))):
            one = told[at] if at < len(told) else NOTHING
            other = computed[at] if at < len(computed) else NOTHING
            yield from differences(one, other, f"{path}[{at}]")
    elif type(told) is not type(computed) or told != computed:
        yield Difference(path, told, computed)
