"""What is wrong with the body and the parameters of a request, in plain words, for every HTTP API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from kernel.errors import NodeError
from schemas.forms.faults import Steps, faults_of
from schemas.forms.field import is_form
from schemas.violation import json_path

BODY: Final = "body"
_JSON: Final = "application/json"


class FormInvalid(NodeError):
    """The body or a parameter of a request is not as it has to be."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 422, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """One thing that is wrong: in which part of the request, where in it, what, and what to do.

    `part` is `body`, `query`, `path`, `header` or `cookie`. `message` begins without a capital and ends
    without a full stop.
    """

    part: str
    steps: Steps
    message: str
    hint: str


def flaws_of(request: Request, error: RequestValidationError) -> list[Flaw]:
    """Return all that is wrong with a request, as FastAPI found it; there is one flaw at least."""
    return [_flaw(request, found) for found in error.errors()]


def form_error(request: Request, error: RequestValidationError) -> FormInvalid:
    """Return the error that tells what is wrong with a request: the first of it, and how much more."""
    first, *others = flaws_of(request, error)
    more = f"; {len(others)} more" if others else ""
    return FormInvalid(f"{first.message}{more}", path=place_of(first), hint=first.hint)


def place_of(flaw: Flaw) -> str:
    """Return where a flaw is: a JSON path into the body, or the kind and the name of a parameter."""
    if flaw.part == BODY:
        return json_path(flaw.steps)
    return " ".join((flaw.part, ".".join(map(str, flaw.steps))))


def _flaw(request: Request, found: dict[str, Any]) -> Flaw:
    part, *steps = found["loc"]
    if part == BODY and found["type"] == "json_invalid":
        return _no_json(steps)
    fault = faults_of([found | {"loc": tuple(steps)}], form=_form(request, str(part)))[0]
    if part == BODY and not fault.steps:
        return _of_the_whole(request, fault.rule) or Flaw(
            part=BODY, steps=(), message=fault.message.replace("the whole of it", "the body"), hint=fault.hint
        )
    return Flaw(part=str(part), steps=fault.steps, message=fault.message, hint=fault.hint)


def _no_json(steps: Sequence[Any]) -> Flaw:
    place = f" from character {steps[0] + 1} on" if steps and isinstance(steps[0], int) else ""
    hint = "Send one JSON object, in UTF-8, as application/json."
    return Flaw(part=BODY, steps=(), message=f"the body is no JSON{place}", hint=hint)


def _of_the_whole(request: Request, rule: str) -> Flaw | None:
    """Return what is wrong with a body that was not looked into, because it is said to be something else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if rule == "missing" or kind == _JSON or kind.endswith("+json"):
        return None
    said = f"it says it is {kind[:60]}" if kind else "it does not say what it is"
    return Flaw(
        part=BODY,
        steps=(),
        message=f"the body is not read as JSON, because {said}",
        hint=f"Send it with the header Content-Type: {_JSON}.",
    )


def _form(request: Request, part: str) -> object:
    """Return what FastAPI reads that part of the request into, if it can be told."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if not isinstance(dependant, Dependant):
        return None
    fields = [field for each in _all(dependant) for field in getattr(each, f"{part}_params", ())]
    if len(fields) == 1 and (part == BODY or is_form(fields[0].field_info.annotation)):
        return fields[0].field_info.annotation
    return {field.alias: field.field_info for field in fields}


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)
