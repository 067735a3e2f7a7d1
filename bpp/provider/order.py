"""An order as its seller's back office sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kernel.energy import Energy
from kernel.interval import Interval
from kernel.money import Money
from node.message import Inbound
from trading.contract import Contract
from trading.quote import quote_energy
from trading.request import OrderRequest, Selection, target_meter_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """Who wants how much of what, when, at which price; `meter` takes the energy, where one is named."""

    transaction_id: str
    buyer_platform: str
    buyer: str
    provider: str
    resource: str
    offer: str
    meter: str | None
    quantity: Energy
    window: Interval
    price: Money

    def is_covered_by(self, contract: Contract) -> bool:
        """Say whether a contract is what these terms say.

        A session that begins at once begins when it is held, a moment after it was asked about.
        """
        terms = terms_of_contract(contract)
        if contract.terms.session is not None:
            terms = replace(terms, window=self.window)
        return terms == self

    def as_countered(self, selection: Selection) -> OrderTerms:
        """Return the order with what of it is otherwise by its seller's counter."""
        return replace(self, quantity=selection.quantity, window=selection.window, price=_price_of(selection))


def terms_of_contract(contract: Contract) -> OrderTerms:
    """Return the order of a contract."""
    return OrderTerms(
        transaction_id=contract.transaction_id,
        buyer_platform=contract.bap_id,
        buyer=contract.buyer_id,
        provider=contract.provider_id,
        resource=contract.resource_id,
        offer=contract.offer_id,
        meter=contract.target_meter,
        quantity=contract.quantity,
        window=contract.window,
        price=contract.quote.total,
    )


def terms_of_selection(
    inbound: Inbound, request: OrderRequest, selection: Selection, *, needs_meter: bool
) -> OrderTerms:
    """Return what is asked for, before there is a contract.

    Raises: FieldMissing, FieldInvalid, OwnMeter, OtherMeter, of the meter if one is needed.
    """
    offer, resource = selection.offer, selection.resource
    return OrderTerms(
        transaction_id=inbound.transaction_id,
        buyer_platform=inbound.sender,
        buyer=request.buyer_id or inbound.sender,
        provider=resource.provider_id,
        resource=resource.id,
        offer=offer.id,
        meter=target_meter_of(request, resource) if needs_meter else request.target_meter,
        quantity=selection.quantity,
        window=selection.window,
        price=_price_of(selection),
    )


def _price_of(selection: Selection) -> Money:
    offer = selection.offer
    return quote_energy(selection.quantity, offer.terms, window=selection.window, zone=offer.zone).total
