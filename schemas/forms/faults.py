"""What a validator finds wrong with a form: where it is, what it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kernel.plain_text import one_line
from schemas.forms.field import NOTHING, find_field
from schemas.forms.words import Case, short, words_of

_OF_THE_VALIDATOR: Final = ("[", "(")
"""What the steps hold that a validator adds for its own kinds, such as `function-after[…]`."""

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with a form.

    `steps` lead to it, from the form's top; `rule` is the validator's name of the rule. `message` and
    `hint` are sentences: the first without a capital and a full stop, so that it can follow a place.
    """

    steps: Steps
    rule: str
    message: str
    hint: str


def faults_of(errors: Iterable[Mapping[str, Any]], *, form: object = None) -> list[Fault]:
    """Return what is wrong, in the validator's order; `form` is the model or annotation, if it is known.

    `errors` are those of a `ValidationError`, with their context and input.
    """
    return [_fault(error, form) for error in errors]


def _fault(error: Mapping[str, Any], form: object) -> Fault:
    rule, steps = str(error["type"]), _own_steps(tuple(error["loc"]), rule=str(error["type"]))
    home = steps[:-1] if rule == "extra_forbidden" else steps
    case = Case(
        rule=rule,
        name=str(steps[-1]) if steps else "the whole of it",
        value=error.get("input"),
        bounds=error.get("ctx", {}),
        words=str(error["msg"]),
        field=NOTHING if form is None else find_field(form, home),
    )
    message, hint = words_of(case)
    return Fault(steps=steps, rule=rule, message=one_line(message), hint=one_line(hint))


def _own_steps(steps: Steps, *, rule: str) -> Steps:
    """Return the steps that lead through what was sent, without those of the validator's own."""
    last = len(steps) if rule == "extra_forbidden" else 0
    return tuple(
        short(one_line(step)) if isinstance(step, str) else step
        for number, step in enumerate(steps, 1)
        if isinstance(step, int) or number == last or not any(mark in step for mark in _OF_THE_VALIDATOR)
    )
