"""What is wrong with a file of ours, for whoever wrote it: every mistake, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pydantic import BaseModel, ValidationError

from kernel.plain_text import one_line
from schemas.forms.faults import faults_of

_MOST: Final = 20
"""How many mistakes of one file are told."""


class Mistake(NamedTuple):
    """One thing that is wrong: where, as a key of the file, and of which entry."""

    where: str
    entry: str | None
    what: str
    hint: str


def in_entry(name: str, entry: str | None) -> str:
    """Return the name of a file with the id of one of its entries: nobody counts them."""
    return f"{name}, {one_line(entry)}" if entry else name


def list_mistakes(error: ValidationError, content: object, *, form: type[BaseModel]) -> list[Mistake]:
    """Return the mistakes in `content`, one for each place, in the order of the file."""
    found: dict[str, Mistake] = {}
    for fault in faults_of(error.errors(), form=form):
        where = ".".join(map(str, fault.steps)) or "(top)"
        found.setdefault(where, Mistake(where, _entry_id(content, fault.steps), fault.message, fault.hint))
    return [each for each in found.values() if not _is_emptied(each.where, found)]


def tell_mistakes(mistakes: Sequence[Mistake], name: str) -> str:
    """Return what is wrong with the file `name`, a line for each mistake; the last is without its hint."""
    told = [f"{in_entry(name, each.entry)}: {each.where}: {each.what}" for each in mistakes]
    lines = [f"{line}. {each.hint}" for line, each in zip(told[:_MOST], mistakes, strict=False)]
    if (more := len(mistakes) - _MOST) > 0:
        return "\n".join([*lines, f"{name}: {more} more mistakes are not told here"])
    return "\n".join([*lines[:-1], told[-1]])


def _is_emptied(where: str, found: Iterable[str]) -> bool:
    """Say whether a list is wrong only because what is in it is."""
    return any(other.startswith(f"{where}.") for other in found)


def _entry_id(content: object, steps: Sequence[int | str]) -> str | None:
    """Return the id of the entry of a list at the top of the file that the steps lead into."""
    if not isinstance(content, Mapping) or len(steps) <= 1 or not isinstance(steps[1], int):
        return None
    entry = content[steps[0]][steps[1]]
    found = entry.get("id") if isinstance(entry, Mapping) else None
    return found if isinstance(found, str) else None
