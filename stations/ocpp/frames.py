"""The frames of OCPP-J: calls, results and errors, each a JSON array; read exactly, checked by schema.

Source: OCPP-J 1.6, 4.2; OCPP 2.0.1 part 4, 4.2. The schemas are the official ones, as the library `ocpp`
brings them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import orjson
from jsonschema.exceptions import ValidationError
from ocpp.messages import get_validator

from metering.sources.json_lines import JsonUnreadable, read_json

_LONGEST_ID: Final = 36
_LONGEST_DESCRIPTION: Final = 255
_CALL_PARTS: Final = 4
_RESULT_PARTS: Final = 3
_LEAST_ERROR_PARTS: Final = 4
_CODES: Final[Mapping[str, str]] = {
    "type": "TypeConstraintViolation",
    "maxLength": "TypeConstraintViolation",
    "required": "ProtocolError",
    "additionalProperties": "FormationViolation",
}
"""The error that goes with a keyword of JSON Schema; all others are PropertyConstraintViolation."""


class FrameUnreadable(ValueError):
    """What came is no frame of OCPP; nobody can be answered."""


class CallRefused(Exception):
    """A call cannot be done; `code` and `description` are what the station is answered."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description[:_LONGEST_DESCRIPTION]


class Kind(IntEnum):
    """The number that a frame begins with."""

    CALL = 2
    RESULT = 3
    ERROR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Something that is asked; `raw` are its bytes."""

    id: str
    action: str
    payload: Any
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The answer to a call."""

    id: str
    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The answer to a call that could not be done."""

    id: str
    code: str
    description: str


Frame = Call | Result | Failure


def read_frame(raw: bytes) -> Frame:
    """Return the frame in `raw`; numbers with a fraction are Decimals. Raises: FrameUnreadable."""
    try:
        parts = read_json(raw)
    except JsonUnreadable as error:
        raise FrameUnreadable(str(error)) from error
    if not isinstance(parts, list) or len(parts) < _RESULT_PARTS or type(parts[0]) is not int:
        raise FrameUnreadable("it is no array of a number, an id and a payload")
    number, name, *rest = parts
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID:
        raise FrameUnreadable(f"its id is no text of 1 to {_LONGEST_ID} characters")
    if number == Kind.CALL and len(parts) == _CALL_PARTS and isinstance(rest[0], str):
        return Call(id=name, action=rest[0], payload=rest[1], raw=raw)
    if number == Kind.RESULT and len(parts) == _RESULT_PARTS:
        return Result(id=name, payload=rest[0])
    if number == Kind.ERROR and len(parts) >= _LEAST_ERROR_PARTS:
        return Failure(id=name, code=str(rest[0]), description=str(rest[1]))
    raise FrameUnreadable(f"no frame of {len(parts)} parts begins with {number}")


def call_text(name: str, action: str, payload: Mapping[str, Any]) -> str:
    """Return the frame that asks."""
    return orjson.dumps([Kind.CALL, name, action, payload]).decode()


def result_text(name: str, payload: Mapping[str, Any]) -> str:
    """Return the frame that answers."""
    return orjson.dumps([Kind.RESULT, name, payload]).decode()


def failure_text(name: str, refused: CallRefused) -> str:
    """Return the frame that says why there is no answer."""
    return orjson.dumps([Kind.ERROR, name, refused.code, refused.description, {}]).decode()


def check_call(action: str, payload: object, *, version: str) -> None:
    """Check a call by its official schema. Raises: CallRefused."""
    _check(Kind.CALL, action, payload, version)


def check_result(action: str, payload: object, *, version: str) -> None:
    """Check the answer to a call by its official schema. Raises: CallRefused."""
    _check(Kind.RESULT, action, payload, version)


def _check(kind: Kind, action: str, payload: object, version: str) -> None:
    try:
        get_validator(kind, action, version).validate(payload)
    except ValidationError as error:
        code = _CODES.get(str(error.validator), "PropertyConstraintViolation")
        where = ".".join(["$", *map(str, error.absolute_path)])
        raise CallRefused(code, f"{where}: {error.message}") from error
