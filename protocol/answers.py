"""The synchronous answer to a message: ACK or NACK, written in one shape, read in all four."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.clock import format_instant
from protocol.errors import WireError
from protocol.profile import AckShape


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a peer said on the spot."""

    acknowledged: bool
    error: WireError | None = None


def write_answer(
    shape: AckShape,
    *,
    transaction_id: str,
    message_id: str,
    at: datetime,
    error: WireError | None = None,
) -> dict[str, Any]:
    """Return the body of an ACK, or of a NACK when there is an error, in the given shape."""
    status = "ACK" if error is None else "NACK"
    cause = {} if error is None else {"error": error.to_wire()}
    match shape:
        case AckShape.RC:
            return {
                "transaction_id": transaction_id,
                "timestamp": format_instant(at),
                "ack_status": status,
            } | cause
        case AckShape.V1:
            return {"message": {"ack": {"status": status}}} | cause
        case AckShape.LTS:
            return {"status": status} | cause
        case AckShape.NFH:  # pragma: no branch  the last of them
            return {"message": {"status": status, "messageId": message_id} | cause}


def read_answer(http_status: int, body: object) -> Answer:
    """Return what a peer meant by its answer, in whichever of the four shapes it came.

    A 2xx without a readable status counts as ACK only when it names no error.
    """
    status, error = _status_and_error(body)
    ok = 200 <= http_status < 300
    if ok and status in ("ACK", None) and error is None:
        return Answer(acknowledged=True)
    if error is None:
        error = WireError(code="UNKNOWN", message=f"HTTP {http_status} with status {status}")
    return Answer(acknowledged=False, error=error)


def _status_and_error(body: object) -> tuple[str | None, WireError | None]:
    if not isinstance(body, Mapping):
        return None, None
    message = body.get("message")
    message = message if isinstance(message, Mapping) else {}
    ack = message.get("ack")
    ack = ack if isinstance(ack, Mapping) else {}
    status = ack.get("status") or message.get("status") or body.get("ack_status") or body.get("status")
    error = body.get("error") or message.get("error") or ack.get("error")
    return status if isinstance(status, str) else None, _read_error(error)


def _read_error(error: object) -> WireError | None:
    if not error:
        return None
    return WireError.from_wire(error if isinstance(error, Mapping) else {"message": error})
