"""What the operator's routes on contracts take and tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from bpp.api.meter_views import Reason as Words
from bpp.changes.cancelling import Ended
from bpp.changes.seller_changes import SellerWish
from kernel.clock import format_instant
from kernel.energy import Energy
from trading.cancellation import Reason
from trading.proposal import Proposal
from trading.request import OrderRequest

_MOST_WATT_HOURS: Final = 2**63 - 1
_NOBODY: Final[Mapping[str, list[str]]] = {}
PricePerKwh = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=6)]
Code = Annotated[str, StringConstraints(max_length=50, pattern=r"^[^\x00-\x1f\x7f]*$")]


class WhyForm(BaseModel):
    """Why something is done: `why` in words, `reason` by a code that the buyer's wire may carry."""

    model_config = ConfigDict(extra="forbid")

    why: Words
    reason: Code = Field(
        "", description="A code of the network's own, told to the buyer where there is room."
    )

    @property
    def told(self) -> Reason:
        """Return it as the domain has it."""
        return Reason(code=self.reason, words=self.why)


class ChangeForm(WhyForm):
    """What of a contract is to be otherwise: at least one of quantity, start, end and price."""

    watt_hours: int | None = Field(None, gt=0, le=_MOST_WATT_HOURS)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    price_per_kwh: PricePerKwh | None = Field(None, description="In major units of the contract's currency.")

    @property
    def wish(self) -> SellerWish:
        """Return what is wished."""
        quantity = None if self.watt_hours is None else Energy(self.watt_hours)
        request = OrderRequest(quantity=quantity, trade_start=self.start, trade_end=self.end)
        return SellerWish(request=request, price=self.price_per_kwh)


class CancelledLine(BaseModel):
    """A line of an order that the seller ended, and what it owes the buyer for that."""

    contract_id: str
    line: int
    owed_minor: int


class CancelledView(BaseModel):
    """What the seller ended, and what it owes the buyer for that in all; `lines` are those that ended now."""

    contract_id: str
    status: str
    cancelled_at: str
    owed_minor: int
    currency: str
    lines: list[CancelledLine]


class ProposalView(BaseModel):
    """A proposed change with what became of it; what stays is null.

    One that is OPEN and was accepted waits for the utilities in `asks`.
    """

    id: str
    contract_id: str
    proposed_by: str
    watt_hours: int | None
    start: str | None
    end: str | None
    price_per_kwh: str | None
    why: str
    proposed_at: str
    lapses_at: str
    status: str
    answered_at: str | None
    answer: str
    asks: list[str] = []


class Proposals(BaseModel):
    """Proposed changes, in order."""

    proposals: list[ProposalView]


def view_cancelled(ended: Sequence[Ended]) -> CancelledView:
    """Return what the operator is told of contracts of one order that it ended."""
    first = ended[0].contract
    lines = [
        CancelledLine(contract_id=each.contract.id, line=each.contract.line, owed_minor=_owed(each))
        for each in ended
    ]
    return CancelledView(
        contract_id=first.id if len(ended) == 1 else first.order_id,
        status=first.status.value,
        cancelled_at=format_instant(first.ended_at or first.updated_at),
        owed_minor=sum(line.owed_minor for line in lines),
        currency=first.terms.currency.code,
        lines=lines,
    )


def _owed(ended: Ended) -> int:
    return 0 if ended.cancellation is None else ended.cancellation.owed.minor


def view_proposal(proposal: Proposal, asked: Mapping[str, list[str]] = _NOBODY) -> ProposalView:
    """Return what the operator is told of a proposal; `asked` are the utilities still asked, by contract."""
    quantity, window = proposal.amendment.quantity, proposal.amendment.window
    return ProposalView(
        id=proposal.id,
        contract_id=proposal.contract_id,
        proposed_by=proposal.side.value,
        watt_hours=None if quantity is None else quantity.watt_hours,
        start=None if window is None else format_instant(window.start),
        end=None if window is None else format_instant(window.end),
        price_per_kwh=None if proposal.amendment.price is None else f"{proposal.amendment.price:f}",
        why=proposal.words,
        proposed_at=format_instant(proposal.proposed_at),
        lapses_at=format_instant(proposal.lapses_at),
        status=proposal.status.value,
        answered_at=None if proposal.answered_at is None else format_instant(proposal.answered_at),
        answer=proposal.answer,
        asks=asked.get(proposal.contract_id, []) if proposal.is_open else [],
    )
