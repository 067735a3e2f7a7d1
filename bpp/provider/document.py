"""Questions and events as JSON: amounts are decimal strings, energy is in kWh, times are in UTC."""

from __future__ import annotations

from typing import Any

from bpp.provider.order import OrderTerms
from bpp.provider.port import Correction, Event, IssuedBill, Question
from kernel.clock import format_instant
from kernel.money import Money


def write_question(question: Question) -> dict[str, Any]:
    """Return a question as it is posted."""
    return {
        "type": "question",
        "id": question.id,
        "stage": question.stage.value,
        "answer_by": format_instant(question.answer_by),
        "order": {"id": question.order_id, **_order(question.terms)},
        "change": None if question.change is None else _change(question.change),
    }


def write_event(event: Event) -> dict[str, Any]:
    """Return an event as it is posted."""
    return {
        "type": "event",
        "id": event.id,
        "event": event.kind.value,
        "at": format_instant(event.at),
        "reason": event.reason,
        "order": {"id": event.order_id, "status": event.status, **_order(event.terms)},
        "bill": None if event.bill is None else _bill(event.bill),
        "correction": None if event.correction is None else _correction(event.correction),
    }


def _order(terms: OrderTerms) -> dict[str, Any]:
    return {
        "transaction": terms.transaction_id,
        "buyer_platform": terms.buyer_platform,
        "buyer": terms.buyer,
        "provider": terms.provider,
        "resource": terms.resource,
        "offer": terms.offer,
        "meter": terms.meter,
        **_change(terms),
    }


def _change(terms: OrderTerms) -> dict[str, Any]:
    """Return what of an order can become otherwise."""
    return {
        "kwh": f"{terms.quantity.kilowatt_hours:f}",
        "from": format_instant(terms.window.start),
        "until": format_instant(terms.window.end),
        "price": _money(terms.price),
    }


def _bill(bill: IssuedBill) -> dict[str, Any]:
    return {
        "id": bill.id,
        "from": format_instant(bill.period.start),
        "until": format_instant(bill.period.end),
        "total": _money(bill.total),
    }


def _correction(correction: Correction) -> dict[str, Any]:
    return {"number": correction.run, "kind": correction.kind, "amount": _money(correction.amount)}


def _money(money: Money) -> dict[str, str]:
    return {"amount": f"{money.amount:f}", "currency": money.currency.code}
