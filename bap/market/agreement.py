"""Whether what a seller holds is what was ordered at the price that was quoted, line by line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bap.market.amounts import tell_energy, tell_span
from bap.market.bills import tell_quote
from bap.market.forms import QuoteForm
from bap.market.goods import Good
from bap.market.problem import Problem, make_problem
from bap.market.purchase import Purchase
from trading.order_lines import sum_quotes
from trading.report import ContractReport
from trading.terms import PaymentTiming

Json = dict[str, Any]


def why_not_as_agreed(
    purchase: Purchase, quoted: Json | None, reports: Sequence[ContractReport]
) -> Problem | None:
    """Return what is held otherwise than it was ordered and quoted, None if it is that."""
    goods = purchase.goods
    if len(reports) != len(goods):
        return _differs(f"{len(reports)} lines are held; ordered were {len(goods)}.")
    prices: Sequence[Json | None] = (quoted or {}).get("each") or [None] * len(goods)
    for good, report, price in zip(goods, reports, prices, strict=True):
        where = "" if len(goods) == 1 else f"Of line {good.number}, "
        if found := _otherwise(good, report, quoted if len(goods) == 1 else price, where):
            return found
    held = tell_quote(sum_quotes([report.quote for report in reports])).total.model_dump()
    agreed = None if quoted is None else quoted["total"]
    if agreed == held:
        return None
    return _differs(f"All of it is held at {_money(held)}; quoted was {_money(agreed)}.")


def why_not_pay(form: QuoteForm, held: PaymentTiming | None) -> Problem | None:
    """Return that the order is paid otherwise than was asked for, None if it is not."""
    if form.payment in (None, held):
        return None
    return make_problem(
        "payment-refused",
        f"Ordered was to pay {form.payment}; the seller holds it {held or 'without saying how it is paid'}.",
        what_to_do="Confirm the order if you agree to that, or cancel it.",
    )


def _otherwise(good: Good, report: ContractReport, quoted: Json | None, where: str) -> Problem | None:
    """Return what is held otherwise of a line; a price that was not quoted for it alone is passed over."""
    names, window = good.names, good.item.window
    if (report.resource_id, report.offer_id) != (names["resource"], names["offer"]):
        return _differs(
            f"{where}the seller holds {report.offer_id} of {report.resource_id}; "
            f"ordered was {names['offer']} of {names['resource']}."
        )
    held = tell_quote(report.quote).total.model_dump()
    is_whole = report.quantity == good.item.energy
    if not is_whole or (quoted is not None and quoted["total"] != held):
        was = "" if quoted is None else f", quoted at {_money(quoted['total'])}"
        return _differs(
            f"{where}{tell_energy(report.quantity)} kWh are held at {_money(held)}; "
            f"ordered were {tell_energy(good.item.energy)} kWh{was}."
        )
    if window is not None and report.window != window.interval:
        told, asked = tell_span(report.window), tell_span(window.interval)
        return _differs(
            f"{where}the energy is held from {told.start} to {told.end}; "
            f"ordered was from {asked.start} to {asked.end}."
        )
    return None


def _differs(detail: str) -> Problem:
    sentence = detail[:1].upper() + detail[1:]
    return make_problem(
        "price-changed", sentence, what_to_do="Confirm the order if you agree to that, or cancel it."
    )


def _money(amount: Json | None) -> str:
    return "nothing" if amount is None else f"{amount['amount']} {amount['currency']}"
