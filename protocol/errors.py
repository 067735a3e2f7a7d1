"""The errors of the wire: what is raised when a message is refused, and how errors travel.

What the codes mean, and in which order the layers look, says `protocol/codes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kernel.errors import NodeError
from kernel.plain_text import one_line
from protocol.codes import CODES, GENERIC, V1_CODES, number_of
from protocol.profile import ErrorShape


class ContextFieldMissing(NodeError):
    """The context lacks a field that the wire profile requires."""

    code, http_status, retryable = "CTX_MISSING_FIELD", 400, False


class ContextFieldInvalid(NodeError):
    """A field of the context cannot be read."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


class ActionMismatch(NodeError):
    """The context names another action than the path it was posted to."""

    code, http_status, retryable = "CTX_ACTION_MISMATCH", 400, False


class VersionUnsupported(NodeError):
    """The message says it is of a protocol version that this node does not speak."""

    code, http_status, retryable = "CTX_VERSION_UNSUPPORTED", 400, False


class TtlExpired(NodeError):
    """The message came after its own time to live."""

    code, http_status, retryable = "CTX_TTL_EXPIRED", 400, False


class MessageIdReused(NodeError):
    """The sender used a message id again for another body."""

    code, http_status, retryable = "CTX_MESSAGE_ID_DUPLICATE", 409, False


class NotAddressedHere(NodeError):
    """The message is addressed to another participant."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


class SignatureMissing(NodeError):
    """The request carries no Authorization header."""

    code, http_status, retryable = "AUT_SIGNATURE_MISSING", 401, False


class SignatureInvalid(NodeError):
    """The Authorization header cannot be read, has lapsed, or does not fit the body."""

    code, http_status, retryable = "AUT_SIGNATURE_INVALID", 401, False


class GatewaySignatureInvalid(NodeError):
    """The gateway that passed the message on signed it wrongly."""

    code, http_status, retryable = "AUT_SIGNATURE_INVALID", 401, False


class SubscriberUnknown(NodeError):
    """The registry knows no such subscriber."""

    code, http_status, retryable = "AUT_SUBSCRIBER_NOT_FOUND", 401, False


class KeyUnknown(NodeError):
    """The registry knows the subscriber, but not this key."""

    code, http_status, retryable = "AUT_KEY_NOT_FOUND", 401, False


class KeyExpired(NodeError):
    """The key was not valid when the message was signed."""

    code, http_status, retryable = "AUT_KEY_EXPIRED_OR_REVOKED", 401, False


class SenderMismatch(NodeError):
    """The signer is not the participant that the context names as sender."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 401, False


class RoleNotEntitled(NodeError):
    """The registry does not know the sender in the role that sends this action."""

    code, http_status, retryable = "AUT_UNAUTHORIZED_ACTION", 403, False


class NetworkNotAllowed(NodeError):
    """The message belongs to a network that its sender, or this node, is not in."""

    code, http_status, retryable = "AUT_DOMAIN_NOT_ALLOWED", 403, False


class JsonInvalid(NodeError):
    """The body is no JSON object."""

    code, http_status, retryable = "SCH_INVALID_JSON", 400, False


class SchemaViolated(NodeError):
    """The message breaks the schema of its action."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 400, False


class MediaTypeUnsupported(NodeError):
    """The body is not declared as JSON."""

    code, http_status, retryable = "SCH_TYPE_NOT_SUPPORTED", 415, False


class BodyTooLarge(NodeError):
    """The body is over this node's limit."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 413, False


class ActionUnknown(NodeError):
    """No action of this role lives at that path."""

    code, http_status, retryable = "NET_NOT_IMPLEMENTED", 404, False


class RegistryUnavailable(NodeError):
    """The registry could not be asked, so nobody can say who signed."""

    code, http_status, retryable = "NET_DOWNSTREAM_UNAVAILABLE", 503, True


class Unanticipated(NodeError):
    """Something of our own broke; the details are in our log, not in the answer."""

    code, http_status, retryable = "NET_INTERNAL_ERROR", 500, True


UNKNOWN: Final = "UNKNOWN"
"""The code of a peer's error that has none."""

_DEEPEST_CAUSE: Final = 3
_NAMED: Final = re.compile(r"([A-Z]{3}_[A-Z_]+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """An error as it travels: in a NACK, or as `error` of a callback.

    `cause` is what somebody further down said, in their own words.
    """

    code: str
    message: str
    path: str | None = None
    hint: str | None = None
    cause: WireError | None = None

    @classmethod
    def of(cls, error: NodeError) -> WireError:
        return cls(code=error.code, message=error.message, path=error.path, hint=error.hint)

    def to_wire(self, shape: ErrorShape | None = None) -> dict[str, Any]:
        """Return the error as peers of a generation read it; without a shape, as our own API tells it.

        Peers get codes of the network only: one of our own becomes the cause of a generic one.
        """
        return _plain(self) if shape is None else _WRITERS[shape](_canonical(self))

    @classmethod
    def from_wire(cls, error: Mapping[str, Any], *, depth: int = 1) -> WireError:
        """Read the `error` of any generation; a number of v1 is read as the code it has become.

        Its words come from strangers and are shown to people: each is one line that can be printed.
        """
        details = error.get("details") or error.get("errorDetails")
        details = details if isinstance(details, Mapping) else {}
        path = details.get("path") or error.get("paths") or error.get("path")
        cause = details.get("cause")
        code, message = _named(
            one_line(str(error.get("code") or error.get("errorCode") or UNKNOWN)),
            one_line(str(error.get("message") or error.get("errorMessage") or "")),
        )
        return cls(
            code=code,
            message=message,
            path=one_line(str(path)) if path else None,
            hint=one_line(str(details["hint"])) if details.get("hint") else None,
            cause=cls.from_wire(cause, depth=depth + 1)
            if isinstance(cause, Mapping) and depth < _DEEPEST_CAUSE
            else None,
        )


def _canonical(error: WireError) -> WireError:
    """Return `error` under a code of the network's."""
    if error.code in CODES:
        return error
    return replace(
        error, code=GENERIC, cause=WireError(code=error.code, message=error.message, cause=error.cause)
    )


def _details(error: WireError) -> dict[str, Any]:
    details = {
        "path": error.path,
        "hint": error.hint,
        "cause": None if error.cause is None else _plain(error.cause),
    }
    return {name: value for name, value in details.items() if value}


def _plain(error: WireError) -> dict[str, Any]:
    details = _details(error)
    return {"code": error.code, "message": error.message} | ({"details": details} if details else {})


def _prefixed(error: WireError) -> dict[str, Any]:
    details = _details(error)
    written: dict[str, Any] = {"errorCode": error.code, "errorMessage": error.message}
    return written | ({"errorDetails": details} if details else {})


def _numbered(error: WireError) -> dict[str, Any]:
    """Write an error of v1: what it has no number or field for stands in the message."""
    number = number_of(error.code)
    own = error.cause.code if error.cause is not None else error.code
    name = "" if own == V1_CODES[number] else f"{own}: "
    hint = f". {error.hint}" if error.hint else ""
    paths = {"paths": error.path} if error.path else {}
    return {"code": number} | paths | {"message": f"{name}{error.message}{hint}"}


_WRITERS: Final[Mapping[ErrorShape, Callable[[WireError], dict[str, Any]]]] = {
    ErrorShape.V1: _numbered,
    ErrorShape.RC: _plain,
    ErrorShape.LTS: _prefixed,
    ErrorShape.NFH: _plain,
}


def _named(code: str, message: str) -> tuple[str, str]:
    """Return a code of v1 and its message as v2 has them: the code that we put there, or its own."""
    if code not in V1_CODES:
        return code, message
    match = _NAMED.fullmatch(message)
    if match is not None and match[1] in CODES and number_of(match[1]) == code:
        return match[1], match[2]
    return V1_CODES[code], message


RETRYABLE_STATUSES: Final = frozenset({408, 425, 429})


def is_retryable_status(http_status: int) -> bool:
    """Say whether a peer's answer of this status may be followed by another try."""
    return http_status >= 500 or http_status in RETRYABLE_STATUSES
