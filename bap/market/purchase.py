"""A quote, and the order that may have become of it, as they are kept and as the seller stated them last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final, TypeVar

from bap.market.forms import QuoteForm
from bap.market.goods import Good, find_good
from bap.market.requests import Asked, latest
from bap.market.tables import OrderStatus
from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from protocol.actions import Action
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.bags.proposal import read_proposal
from trading.mapping.find import find_text
from trading.mapping.lines import read_contracts
from trading.report import ContractReport, ProposalReport
from trading.request import OrderRequest
from trading.terms import PaymentTiming

Json = dict[str, Any]
T = TypeVar("T")

STATUS_OF: Final = {
    ContractStatus.PENDING: OrderStatus.HELD,
    ContractStatus.ACTIVE: OrderStatus.ACTIVE,
    ContractStatus.COMPLETED: OrderStatus.COMPLETED,
    ContractStatus.TERMINATED: OrderStatus.CANCELLED,
}
"""What a contract's status is called where no wire is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A quote, and the order that was made of it if one was.

    `offer` and `names` are those of its first line, `further` has them of the others.
    """

    id: str
    account: str
    asked: Json
    offer: Json
    names: dict[str, str]
    further: Sequence[Json] | None
    created_at: datetime
    ordered_at: datetime | None
    confirm_wanted: bool
    status: OrderStatus | None
    updated_at: datetime

    @property
    def form(self) -> QuoteForm:
        return QuoteForm(**self.asked)

    @property
    def bpp_id(self) -> str:
        return self.names["bpp_id"]

    @property
    def goods(self) -> tuple[Good, ...]:
        """Its lines, the first first."""
        kept = [{"offer": self.offer, "names": self.names}, *(self.further or ())]
        return tuple(
            Good(number=number, item=item, **each)
            for number, (item, each) in enumerate(zip(self.form.lines, kept, strict=True), start=1)
        )

    @property
    def energy(self) -> Energy:
        """How much was asked for in all."""
        return sum((item.energy for item in self.form.lines), ZERO_ENERGY)

    @property
    def wanted(self) -> list[OrderRequest]:
        """What was asked for, line by line, in words of no wire."""
        form = self.form
        return [good.wanted(form) for good in self.goods]


@dataclass(frozen=True, kw_only=True)
class Stated:
    """A purchase as it stands: its requests, and the order as the seller stated it last."""

    purchase: Purchase
    requests: list[Asked]
    bpp_url: str
    profile: str
    document: Json | None
    contract_status: str | None

    @cached_property
    def reports(self) -> Sequence[ContractReport]:
        """What the stated order says of each line; nothing if there is none, or nobody can read it so."""
        if self.document is None:
            return ()
        document = self.document
        read = _readable(lambda: read_contracts(wire_of(self.profile), document)) or []
        return read if len(read) == len(self.purchase.goods) else ()

    @cached_property
    def proposals(self) -> Sequence[ProposalReport | None]:
        """The newest change of each line that a side proposed, None if there is none or it is unreadable."""
        return [self._proposal_of(each) for each in self._lines] or [None] * len(self.purchase.goods)

    @property
    def statuses(self) -> Sequence[OrderStatus | None]:
        """How far each line has come, None where nobody says so."""
        wire = wire_of(self.profile)
        told = [find_text(wire.find_parts(each).contract, "contractStatus") for each in self._lines]
        known = {status.value: plain for status, plain in STATUS_OF.items()}
        return [known.get(status or "") for status in told] or [None] * len(self.purchase.goods)

    @property
    def payment(self) -> PaymentTiming | None:
        """How it is paid, as the seller told it, None if it did not."""
        return None if self.document is None else wire_of(self.profile).find_parts(self.document).payment

    @property
    def order_id(self) -> str | None:
        """What the seller calls the order."""
        return None if self.document is None else wire_of(self.profile).find_parts(self.document).order_id

    def latest(self, action: Action) -> Asked | None:
        return latest(self.requests, action)

    def agreed(self, line: int | None = None) -> OrderRequest:
        """Return a line of the order as it is agreed now, in words of no wire. Raises: LineUnclear."""
        good = find_good(self.purchase.goods, line)
        asked = replace(good.wanted(self.purchase.form), order_id=self.order_id)
        if not self.reports:
            return asked
        report = self.reports[good.number - 1]
        asked = replace(asked, quantity=report.quantity, payment=None, code=None)
        if good.item.window is None:
            return asked
        return replace(asked, trade_start=report.window.start, trade_end=report.window.end)

    @cached_property
    def _lines(self) -> Sequence[Json]:
        """The stated order taken apart into its lines, if these are as many as were asked for."""
        if self.document is None:
            return ()
        document = self.document
        lines = _readable(lambda: wire_of(self.profile).split_order(document)) or []
        return lines if len(lines) == len(self.purchase.goods) else ()

    def _proposal_of(self, line: Json) -> ProposalReport | None:
        told = wire_of(self.profile).find_parts(line).proposal
        return None if told is None else _readable(lambda: read_proposal(told))


def _readable(read: Callable[[], T]) -> T | None:
    """Return what is read, None if that cannot be done."""
    try:
        return read()
    except NodeError:
        return None
