"""A proposed change of a contract, and the answer to it: no generation has a place for it, each has room.

The same facts ride in all of them: as tags of the order in v1.1, as `beckn:proposal` of the order's line in
2.0 RC, as `proposal` of the commitment in LTS. A side answers by sending it back with its own status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from kernel.interval import Interval
from trading.amendment import Amendment
from trading.mapping.find import Json, find_text, read_decimal, reading, without_none
from trading.proposal import Answer, Proposal, ProposalStatus
from trading.report import ProposalReport
from trading.wheeling import Side

QUANTITY: Final = "quantity"
PRICE: Final = "pricePerKwh"
"""The keys of exact numbers, which are text where a wire has text alone."""
_ANSWERS: Final = {ProposalStatus.ACCEPTED.value: True, ProposalStatus.REFUSED.value: False}


def write_proposal(proposal: Proposal) -> Json:
    """Return a proposal; `quantity` is in kWh, as an exact number, and so is the price of a kWh."""
    quantity, window = proposal.amendment.quantity, proposal.amendment.window
    return without_none(
        {
            "id": proposal.id,
            "status": proposal.status.value,
            "proposedBy": proposal.side.value,
            "quantity": quantity and quantity.kilowatt_hours,
            "tradeStartTime": window and format_instant(window.start),
            "tradeEndTime": window and format_instant(window.end),
            PRICE: proposal.amendment.price,
            "validUntil": format_instant(proposal.lapses_at),
            "reason": proposal.words or None,
            "answer": proposal.answer or None,
        }
    )


def read_proposal(bag: Mapping[str, Any]) -> ProposalReport:
    """Return the proposal that an order tells of. Raises: FieldInvalid."""
    with reading("the proposal"):
        kilowatt_hours, start = bag.get("quantity"), find_text(bag, "tradeStartTime")
        window = start and Interval(parse_instant(start), parse_instant(bag["tradeEndTime"]))
        quantity = kilowatt_hours and Energy.from_kwh(read_decimal(kilowatt_hours, path=QUANTITY))
        price = None if bag.get(PRICE) is None else read_decimal(bag[PRICE], path=PRICE)
        return ProposalReport(
            id=str(bag["id"]),
            status=ProposalStatus(bag["status"]),
            side=Side(bag["proposedBy"]),
            amendment=Amendment(quantity=quantity or None, window=window or None, price=price),
            lapses_at=parse_instant(bag["validUntil"]),
            words=find_text(bag, "reason") or "",
            answer=find_text(bag, "answer") or "",
        )


def write_said(answer: Answer) -> Json:
    """Return what is said to a proposal."""
    return {"id": answer.proposal_id, "status": answer.status.value}


def read_answer(bag: Mapping[str, Any]) -> Answer | None:
    """Return what is said to a proposal, None where nothing is; an open one sent back says nothing."""
    proposal_id, status = find_text(bag, "id"), find_text(bag, "status")
    if proposal_id is None or status not in _ANSWERS:
        return None
    return Answer(proposal_id=proposal_id, accepts=_ANSWERS[status])
