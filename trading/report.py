"""What a buyer's side is told of a contract."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.energy import Energy
from kernel.interval import Interval
from trading.amendment import Amendment
from trading.delivery import BillingCycleView, ContractView, Delivery, SettlementCycleView
from trading.lifecycle import ContractStatus
from trading.offer import EnergySource
from trading.proposal import ProposalStatus
from trading.quote import Quote
from trading.terms import Wheeling
from trading.utility_account import UtilityAccount
from trading.wheeling import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReport:
    """A contract as it was stated to the buyer: everything that every wire carries of it."""

    order_id: str
    provider_id: str
    resource_id: str
    offer_id: str
    status: ContractStatus
    source: EnergySource
    target_meter: str
    quantity: Energy
    window: Interval
    quote: Quote
    wheeling: Wheeling | None
    delivery: Delivery
    cycles: tuple[SettlementCycleView, ...]
    bills: tuple[BillingCycleView, ...]
    updated_at: datetime
    utilities: tuple[UtilityAccount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalReport:
    """A change that `side` proposed, as an order tells of it."""

    id: str
    status: ProposalStatus
    side: Side
    amendment: Amendment
    lapses_at: datetime
    words: str = ""
    answer: str = ""

    @property
    def is_open(self) -> bool:
        return self.status is ProposalStatus.OPEN


def report_contract(view: ContractView) -> ContractReport:
    """Return what a buyer learns from `view`."""
    contract = view.contract
    return ContractReport(
        order_id=contract.id,
        provider_id=contract.provider_id,
        resource_id=contract.resource_id,
        offer_id=contract.offer_id,
        status=contract.status,
        source=contract.source,
        target_meter=contract.target_meter,
        quantity=contract.quantity,
        window=contract.window,
        quote=contract.quote,
        wheeling=contract.terms.told_wheeling,
        delivery=view.delivery,
        cycles=view.cycles,
        bills=view.bills,
        updated_at=contract.updated_at,
        utilities=view.utilities,
    )
