"""When an order is paid, as the `type` of its first payment says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trading.mapping.find import Json, find_object, find_text
from trading.terms import PaymentTiming

_TIMINGS: Final = {
    "PRE-ORDER": PaymentTiming.PREPAID,
    "PRE-FULFILLMENT": PaymentTiming.PREPAID,
    "ON-FULFILLMENT": PaymentTiming.POSTPAID,
    "POST-FULFILLMENT": PaymentTiming.POSTPAID,
}
_TYPES: Final = {PaymentTiming.PREPAID: "PRE-ORDER", PaymentTiming.POSTPAID: "POST-FULFILLMENT"}


def read_timing(order: Mapping[str, Any]) -> PaymentTiming | None:
    """Return when an order is paid, None if it does not say so."""
    return _TIMINGS.get(find_text(order, "payments", 0, "type") or "")


def write_timing(timing: PaymentTiming | None, sent: Mapping[str, Any]) -> Json:
    """Return the type of a payment, as the other side has it if that says the same; nothing of no timing."""
    told = find_text(sent, "type") or ""
    if timing is None or _TIMINGS.get(told) is timing:
        return {}
    return {"type": _TYPES[timing]}


def payment_sent(order: Mapping[str, Any]) -> Json:
    """Return the first payment of an order."""
    return find_object(order, "payments", 0)
