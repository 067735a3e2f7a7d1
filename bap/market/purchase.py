"""A quote, and the order that may have become of it, as they are kept and as the seller stated them last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bap.market.forms import QuoteForm
from bap.market.requests import Asked, latest
from bap.market.tables import OrderStatus
from kernel.errors import NodeError
from protocol.actions import Action
from trading.lifecycle import ContractStatus
from trading.mapping import wire_of
from trading.mapping.bags.proposal import read_proposal
from trading.report import ContractReport, ProposalReport
from trading.terms import PaymentTiming

Json = dict[str, Any]

STATUS_OF: Final = {
    ContractStatus.PENDING: OrderStatus.HELD,
    ContractStatus.ACTIVE: OrderStatus.ACTIVE,
    ContractStatus.COMPLETED: OrderStatus.COMPLETED,
    ContractStatus.TERMINATED: OrderStatus.CANCELLED,
}
"""What a contract's status is called where no wire is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A quote, and the order that was made of it if one was."""

    id: str
    account: str
    asked: Json
    offer: Json
    names: dict[str, str]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A purchase as it stands: its requests, and the order as the seller stated it last."""

    purchase: Purchase
    requests: list[Asked]
    bpp_url: str
    profile: str
    document: Json | None
    contract_status: str | None

    @property
    def report(self) -> ContractReport | None:
        """What the stated order says, None if there is none or nobody can read it."""
        if self.document is None:
            return None
        try:
            return wire_of(self.profile).read_contract(self.document)
        except NodeError:
            return None

    @property
    def proposal(self) -> ProposalReport | None:
        """The newest change that a side proposed, None if there is none or nobody can read it."""
        if self.document is None:
            return None
        told = wire_of(self.profile).find_parts(self.document).proposal
        try:
            return None if told is None else read_proposal(told)
        except NodeError:
            return None

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
