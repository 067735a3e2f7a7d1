"""What is put before our schemas and the official ones: real messages, our own, and damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from tests.support import lts_examples, rc_examples, v1_1_examples
from tests.support.mutations import Mutation, misspellings, mutations

_EXAMPLES: Final[dict[str, tuple[tuple[str, ...], Callable[[str], Any]]]] = {
    "v1_1": (v1_1_examples.ACTIONS, v1_1_examples.example),
    "v2_rc": (rc_examples.ACTIONS, rc_examples.example),
    "v2_lts": (lts_examples.ACTIONS, lts_examples.example),
}
"""The messages of each generation by their names on the wire, and an example of each."""

GENERATIONS: Final = tuple(_EXAMPLES)

_NAMED_IN_CORPUS: Final = {"v1_1": "v1.1", "v2_rc": "rc", "v2_lts": "lts"}


class RealMessage(NamedTuple):
    """A message of the corpus and the official verdict on it."""

    file: str
    action: str
    accepted: bool
    document: Any


class Case(NamedTuple):
    """A message that is no longer what it was."""

    action: str
    mutation: Mutation

    @property
    def label(self) -> str:
        """The action, the place and the damage in words."""
        return f"{self.action} {self.mutation.place} {self.mutation.kind}"


def actions(generation: str) -> tuple[str, ...]:
    """Return the names on the wire of the messages of a generation."""
    return _EXAMPLES[generation][0]


def example(generation: str, action: str) -> Any:
    """Return a valid message of our own, the caller's own to change."""
    return _EXAMPLES[generation][1](action)


def examples(generation: str) -> list[tuple[str, Any]]:
    """Return a valid message of our own for every action."""
    return [(action, example(generation, action)) for action in actions(generation)]


def real_messages(shared: Path, generation: str) -> list[RealMessage]:
    """Return every message of the corpus."""
    folder = shared / "corpus"
    return [
        RealMessage(
            entry["file"],
            entry["action"],
            entry["valid"],
            orjson.loads((folder / entry["file"]).read_bytes()),
        )
        for entry in orjson.loads((folder / "manifest.json").read_bytes())
        if entry["profile"] == _NAMED_IN_CORPUS[generation]
    ]


def good_messages(shared: Path, generation: str) -> list[tuple[str, Any]]:
    """Return every accepted real message and every example of ours."""
    real = [(m.action, m.document) for m in real_messages(shared, generation) if m.accepted]
    return real + examples(generation)


def damaged(shared: Path, generation: str) -> Iterator[Case]:
    """Yield every good message with every kind of damage, once for each action and place."""
    return _distinct(_damaged(shared, generation), by=lambda case: case.label)


def some_damaged(shared: Path, generation: str) -> Iterator[Case]:
    """Yield one case for every key and kind of damage, for what takes longer."""
    return _distinct(
        _damaged(shared, generation), by=lambda case: f"{case.mutation.path[-1]} {case.mutation.kind}"
    )


def _damaged(shared: Path, generation: str) -> Iterator[Case]:
    for action, document in good_messages(shared, generation):
        for mutation in chain(mutations(document), misspellings(document)):
            yield Case(action, mutation)


def _distinct(cases: Iterator[Case], *, by: Callable[[Case], str]) -> Iterator[Case]:
    seen: set[str] = set()
    for case in cases:
        label = by(case)
        if label not in seen:
            seen.add(label)
            yield case
