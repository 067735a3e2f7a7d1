"""What is to be said of a message by itself: its generation, its action, and every rule it breaks.

Signatures, addressees and time are not looked at; this is for files as much as for live messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kernel.errors import NodeError
from protocol.detection import detect
from protocol.document import parse_document
from protocol.errors import ActionUnknown, ContextFieldMissing
from protocol.profile import PROFILES, Profile
from schemas.library import Rules
from schemas.packs import Packs
from schemas.validation import SchemaSet, schema_set
from schemas.violation import Violation

_CODES: Final = {
    "required": "SCH_REQUIRED_FIELD_MISSING",
    "additionalProperties": "SCH_FIELD_NOT_ALLOWED",
    "unevaluatedProperties": "SCH_FIELD_NOT_ALLOWED",
    "enum": "SCH_INVALID_ENUM",
    "const": "SCH_INVALID_ENUM",
    "format": "SCH_INVALID_FORMAT",
    "pattern": "SCH_INVALID_FORMAT",
}
_SCHEMA_NAMES: Final = {"on_catalog_publish": "catalog_on_publish"}
"""Messages whose action is named otherwise than their path."""

_OTHERWISE: Final = "SCH_SCHEMA_VALIDATION_FAILED"
_MOST_ERRORS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a message: the wire's code, where it is, the rule, and what to do."""

    path: str
    code: str
    message: str
    rule: str
    hint: str | None = None

    @classmethod
    def of_violation(cls, violation: Violation) -> Fault:
        return cls(
            path=violation.path,
            code=code_of_rule(violation.rule),
            message=violation.message,
            rule=violation.rule,
            hint=violation.hint,
        )

    @classmethod
    def of_error(cls, error: NodeError) -> Fault:
        return cls(
            path=error.path or "$", code=error.code, message=error.message, rule=error.code, hint=error.hint
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A message's profile and action, as far as they can be told, and its faults."""

    profile: str | None
    action: str | None
    faults: tuple[Fault, ...]

    @property
    def is_valid(self) -> bool:
        return not self.faults


def code_of_rule(rule: str) -> str:
    """Return the wire's code (NFH-008) for a broken rule of JSON Schema."""
    return _CODES.get(rule, _OTHERWISE)


def judge(
    raw: bytes,
    *,
    profile: Profile | None = None,
    rules: Rules = Rules.PARTICIPANT,
    packs: Packs | None = None,
) -> Verdict:
    """Return what is to be said of the message that `raw` holds.

    Without a `profile` the message's own keys tell which it is of; without `packs` attributes are
    held to those that come along.
    """
    try:
        document = parse_document(raw)
    except NodeError as error:
        name = None if profile is None else profile.name
        return Verdict(profile=name, action=None, faults=(Fault.of_error(error),))
    spoken = profile or detect(document, tuple(PROFILES.values()))
    schemas = schema_set(spoken.schemas, rules, packs=packs)
    try:
        action = _action_of(document, spoken)
    except NodeError as error:
        if rules is Rules.TRANSPORT and _fits_some_path(document, error, schemas):
            return Verdict(profile=spoken.name, action=None, faults=())
        return Verdict(profile=spoken.name, action=None, faults=(Fault.of_error(error),))
    violations = schemas.violations(action, document, limit=_MOST_ERRORS)
    return Verdict(profile=spoken.name, action=action, faults=_faults(violations))


def _faults(violations: Sequence[Violation]) -> tuple[Fault, ...]:
    return tuple(map(Fault.of_violation, violations))


def _fits_some_path(document: Mapping[str, Any], error: NodeError, schemas: SchemaSet) -> bool:
    """Say whether a message is good though it names no action: some generations leave that to the path.

    What `message` holds tells which paths it can have been meant for.
    """
    message = document.get("message")
    keys = message if isinstance(message, dict) else ()
    return isinstance(error, ContextFieldMissing) and any(
        schemas.is_valid(name, document) for name in schemas.actions_about(keys)
    )


def _action_of(document: Mapping[str, Any], profile: Profile) -> str:
    """Return the name of the message's schema: its action, a slash in it written as in file names."""
    context = document.get("context")
    name = context.get(profile.keys.action) if isinstance(context, dict) else None
    path = f"$.context.{profile.keys.action}"
    if not isinstance(name, str):
        raise ContextFieldMissing(
            "the message does not say which action it is", path=path, hint='Write it like "confirm".'
        )
    known = schema_set(profile.schemas).actions
    action = _SCHEMA_NAMES.get(name, name.replace("/", "_"))
    if action not in known:
        raise ActionUnknown(
            f"{name!r} is no action of {profile.name}",
            path=path,
            hint=f"There are {', '.join(sorted(known))}.",
        )
    return action
