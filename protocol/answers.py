"""The synchronous answer to a message: ACK or NACK, written in one shape, read in all four."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.clock import format_instant
from protocol.codes import is_retryable
from protocol.errors import UNKNOWN, WireError, is_retryable_status
from protocol.profile import AckShape, ErrorShape

NO_CALLBACK_STATUS: Final[Mapping[AckShape, int]] = {AckShape.LTS: 409, AckShape.NFH: 202}
"""The HTTP status of an ACK that no callback will follow, in the shapes that know such an ACK.

The LTS document says 409; NFH-008 and the common adapter have moved to 202.
"""

_ERROR_SHAPES: Final[Mapping[AckShape, ErrorShape]] = {
    AckShape.V1: ErrorShape.V1,
    AckShape.RC: ErrorShape.RC,
    AckShape.LTS: ErrorShape.LTS,
    AckShape.NFH: ErrorShape.NFH,
}
_NO_CALLBACK: Final = frozenset(NO_CALLBACK_STATUS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a peer said on the spot.

    `no_callback` says that it has the message and will send no callback. A message that was not
    acknowledged may be sent again if it is `retryable`, after `retry_after` where the peer says so.
    """

    acknowledged: bool
    error: WireError | None = None
    no_callback: bool = False
    retryable: bool = False
    retry_after: timedelta | None = None


def write_answer(
    shape: AckShape,
    *,
    transaction_id: str,
    message_id: str,
    at: datetime,
    error: WireError | None = None,
    no_callback: bool = False,
) -> dict[str, Any]:
    """Return the body of an ACK, or of a NACK when there is an error, in the given shape.

    With `no_callback` the message is acknowledged in spite of the error that ends it, where the
    shape knows such an ACK. A CounterSignature is added to the bytes, not here.
    """
    is_ack = error is None or (no_callback and shape in NO_CALLBACK_STATUS)
    status = "ACK" if is_ack else "NACK"
    cause = {} if error is None else {"error": error.to_wire(_ERROR_SHAPES[shape])}
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


def read_answer(http_status: int, body: object, *, retry_after: timedelta | None = None) -> Answer:
    """Return what a peer meant by its answer, in whichever of the four shapes it came.

    A 2xx without a readable status counts as ACK only when it names no error. `retry_after` is what
    its header of that name says.
    """
    said = _read(body)
    is_final = said.status == "ACK" and http_status in _NO_CALLBACK and said.knows_no_callback
    is_success = 200 <= http_status < 300 and said.status in ("ACK", None)
    if said.error is None and (is_success or is_final):
        return Answer(acknowledged=True, no_callback=is_final)
    error = said.error or WireError(code=UNKNOWN, message=f"HTTP {http_status} with status {said.status}")
    may_retry = not is_final and (is_retryable_status(http_status) or is_retryable(error.code))
    return Answer(
        acknowledged=False,
        error=error,
        no_callback=is_final,
        retryable=may_retry,
        retry_after=retry_after if may_retry else None,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """The status and the error of an answer, and whether its shape knows an ACK without a callback."""

    status: str | None
    error: WireError | None
    knows_no_callback: bool


def _read(body: object) -> _Said:
    body = _mapping(body)
    message = _mapping(body.get("message"))
    ack = _mapping(message.get("ack"))
    old = ack.get("status") or body.get("ack_status")
    status = old or message.get("status") or body.get("status")
    error = body.get("error") or message.get("error") or ack.get("error")
    return _Said(status if isinstance(status, str) else None, _read_error(error), not old)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _read_error(error: object) -> WireError | None:
    if not error:
        return None
    return WireError.from_wire(error if isinstance(error, Mapping) else {"message": error})
