"""The error codes of the wire, by the layer that raises them.

Source: NFH-008 "Handling Exceptions and Errors"; the codes are the network's, the words are ours.
Layers are evaluated in this order: CTX, AUT, SCH before the ACK; BIZ and POL after it, in the
callback; NET wherever the network or this node is at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kernel.errors import NodeError


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """An error as it travels: in a NACK, or as `error` of a callback."""

    code: str
    message: str
    path: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, error: NodeError) -> WireError:
        return cls(code=error.code, message=error.message, path=error.path, hint=error.hint)

    def to_wire(self) -> dict[str, Any]:
        """Return `{code, message, details?}`; details hold where it is and what to do."""
        details = {key: value for key, value in (("path", self.path), ("hint", self.hint)) if value}
        return {"code": self.code, "message": self.message} | ({"details": details} if details else {})

    @classmethod
    def from_wire(cls, error: Mapping[str, Any]) -> WireError:
        """Read the `error` of any generation: `{code,…}`, `{errorCode,…}`, `paths` or `details`."""
        details = error.get("details")
        details = details if isinstance(details, Mapping) else {}
        path = details.get("path") or error.get("paths") or error.get("path")
        return cls(
            code=str(error.get("code") or error.get("errorCode") or "UNKNOWN"),
            message=str(error.get("message") or error.get("errorMessage") or ""),
            path=str(path) if path else None,
            hint=str(details["hint"]) if details.get("hint") else None,
        )


RETRYABLE_STATUSES: Final = frozenset({408, 425, 429})


def is_retryable_status(http_status: int) -> bool:
    """Say whether a peer's answer of this status may be followed by another try."""
    return http_status >= 500 or http_status in RETRYABLE_STATUSES
