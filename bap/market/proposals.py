"""Changes of an order that a side proposed, as apps are told of them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from bap.market.amounts import Instant, KwhText, Span, plain, tell_energy, tell_span
from kernel.clock import format_instant
from trading.report import ProposalReport


class ProposalView(BaseModel):
    """A change that waits, or waited, for the other side's consent."""

    id: str
    line: int = Field(description="Of which line; they count from one.")
    status: str = Field(description="open, accepted, refused or lapsed.")
    by: str = Field(description="Who proposes it, seller or buyer; the other side answers.")
    kwh: KwhText | None = Field(None, description="The quantity instead; null: it stays.")
    window: Span | None = Field(None, description="The time instead; null: it stays.")
    price_per_kwh: str | None = Field(None, description="What a kWh costs instead; null: it stays.")
    answer_before: Instant = Field(description="Then it lapses.")
    reason: str | None = None
    answer: str | None = Field(None, description="What was said to it.")


def tell_proposal(proposal: ProposalReport, *, line: int) -> ProposalView:
    """Return a proposal as apps read of it."""
    quantity, window = proposal.amendment.quantity, proposal.amendment.window
    return ProposalView(
        id=proposal.id,
        line=line,
        status=proposal.status.lower(),
        by=proposal.side.lower(),
        kwh=None if quantity is None else tell_energy(quantity),
        window=None if window is None else tell_span(window),
        price_per_kwh=None if proposal.amendment.price is None else plain(proposal.amendment.price),
        answer_before=format_instant(proposal.lapses_at),
        reason=proposal.words or None,
        answer=proposal.answer or None,
    )
