"""What cancelling costs, and how an order was cancelled, in v1.1's own parts of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from kernel.clock import format_instant
from trading.cancellation import Cancellation
from trading.contract import Contract
from trading.delivery import ContractView
from trading.mapping.bags.amounts import plain
from trading.mapping.find import Json
from trading.mapping.v1_1.price import write_money
from trading.wheeling import Side

_CANCELLED_BY: Final = {Side.BUYER: "CONSUMER", Side.SELLER: "PROVIDER"}


def write_cancelling(view: ContractView) -> Json:
    """Return what cancelling costs the buyer, and how it was done, as far as there is such a thing."""
    terms, ended = _terms(view.contract), view.cancellation
    return ({"cancellation_terms": terms} if terms else {}) | (
        {"cancellation": _cancellation(ended)} if ended else {}
    )


def _terms(contract: Contract) -> list[Json]:
    """Return until when it is free and what it costs from then on; nothing where it is always free."""
    term = contract.terms.cancellation_of(Side.BUYER)
    if term is None:
        return []
    free_until = format_instant(term.free_until(contract.window.start))
    late: dict[str, Any] = (
        {"amount": write_money(term.amount)}
        if term.amount is not None
        else {"percentage": plain(term.percent or Decimal(0))}
    )
    return [
        {
            "reason_required": False,
            "cancel_by": {"label": "free", "timestamp": free_until},
            "cancellation_fee": {"percentage": "0"},
        },
        {
            "reason_required": False,
            "cancel_by": {"range": {"start": free_until, "end": format_instant(contract.window.end)}},
            "cancellation_fee": late,
        },
    ]


def _cancellation(ended: Cancellation) -> Json:
    reason: Json = {"id": ended.reason.code} if ended.reason.code else {}
    if ended.reason.words:
        reason["descriptor"] = {"short_desc": ended.reason.words}
    told: Json = {"time": format_instant(ended.at), "cancelled_by": _CANCELLED_BY[ended.side]}
    return told | ({"reason": reason} if reason else {})
