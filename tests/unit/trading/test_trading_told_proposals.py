"""Proposals and tickets as a buyer's side reads them, whatever somebody else wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from kernel.energy import Energy
from kernel.interval import Interval
from trading.amendment import Amendment
from trading.mapping import WIRES
from trading.mapping.bags.proposal import read_proposal, write_proposal
from trading.offer import SupportContact
from trading.proposal import Proposal, ProposalStatus
from trading.refusals import FieldInvalid
from trading.request import Inquiry, TicketNote
from trading.wheeling import Side

START = datetime(2026, 1, 9, 12, tzinfo=UTC)
WINDOW = Interval(START, START + timedelta(hours=2))
PROPOSAL = Proposal(
    id="p-1",
    contract_id="c-1",
    side=Side.SELLER,
    amendment=Amendment(quantity=Energy(4_500), window=WINDOW),
    proposed_at=START - timedelta(hours=5),
    lapses_at=START,
    words="clouds",
)


@pytest.mark.parametrize(
    "amendment",
    [
        Amendment(quantity=Energy(4_500)),
        Amendment(window=WINDOW),
        Amendment(price=Decimal("0.125")),
        Amendment(price=Decimal(0)),
        PROPOSAL.amendment,
    ],
)
def test_a_proposal_is_read_as_it_was_written(amendment: Amendment) -> None:
    written = replace(
        PROPOSAL, amendment=amendment, status=ProposalStatus.REFUSED, answered_at=START, answer="no"
    )
    read = read_proposal(write_proposal(written))
    assert (read.id, read.side, read.amendment, read.lapses_at) == ("p-1", Side.SELLER, amendment, START)
    assert (read.status, read.is_open, read.words, read.answer) == (
        ProposalStatus.REFUSED,
        False,
        "clouds",
        "no",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"status": "PERHAPS"},
        {"proposedBy": None},
        {"quantity": "much"},
        {"quantity": "0.00001"},
        {"pricePerKwh": "cheap"},
        {"tradeEndTime": None},
        {"validUntil": "tomorrow"},
    ],
)
def test_a_proposal_that_cannot_be_read_is_refused(wrong: dict[str, Any]) -> None:
    told = write_proposal(PROPOSAL) | wrong
    with pytest.raises(FieldInvalid):
        read_proposal({key: value for key, value in told.items() if value is not None})


CONTACT = SupportContact(name="Help desk", phone=None, email="help@example.com", url=None, hours=None)
TICKET = TicketNote(id="t-1", status="ANSWERED", answer="It is mended.")


@pytest.mark.parametrize("generation", WIRES)
def test_a_ticket_is_read_where_the_wire_has_room(generation: str) -> None:
    wire, inquiry = WIRES[generation], Inquiry(category="ORDER", target_id="c-1")
    told = wire.write_contact(inquiry, CONTACT, TICKET)
    assert wire.read_ticket(told) == (None if generation == "v2_rc" else TICKET)
    assert wire.read_ticket(wire.write_contact(inquiry, CONTACT)) is None


def test_a_descriptor_that_tells_of_something_else_is_no_ticket() -> None:
    descriptor = {"code": "ORDER", "name": "Help desk", "shortDesc": "We are glad to help"}
    assert WIRES["v2_lts"].read_ticket({"support": {"descriptor": descriptor}}) is None
