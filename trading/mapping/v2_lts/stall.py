"""What a contract for a stall says in its own way: its offer, what is promised, and that it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from trading.charging.stall_ledger import LAST_STATES
from trading.charging.stall_terms import StallOffer
from trading.delivery import ContractView
from trading.lifecycle import ContractStatus
from trading.mapping.bags.stall_commitment import write_promise
from trading.mapping.bags.stall_offer import write_taken_offer
from trading.mapping.find import Json, find_object
from trading.terms import Terms


def stall_of(terms: Terms) -> StallOffer | None:
    """Return the stall that terms are of, None of all others."""
    return None if terms.session is None else terms.session.stall


def write_stall_parts(
    sent: Mapping[str, Any], written: Mapping[str, Any], stall: StallOffer, start: datetime
) -> Json:
    """Return the parts of a commitment that a stall has in its own way; `sent` is what the buyer sent.

    `start` is when the session was to begin.
    """
    offer = write_taken_offer(find_object(sent, "offer", "offerAttributes"), stall.terms)
    promise = write_promise(find_object(sent, "commitmentAttributes"), stall, start)
    return {"offer": written["offer"] | {"offerAttributes": offer}, "commitmentAttributes": promise}


def told_status(view: ContractView) -> ContractStatus:
    """Return how far a contract has come; one for a stall as soon as its ledger has ended (rule N8)."""
    status, session = view.contract.status, view.delivery.session
    has_ended = session is not None and bool(session.rows) and session.rows[-1].state in LAST_STATES
    return ContractStatus.COMPLETED if has_ended and status is ContractStatus.ACTIVE else status
