"""EnergyTradeDelivery of the branch p2p-trading: what was cut from a contract.

The plain family's bag of that name has no place for it, so this one stands beside that where there is
something to tell, and repeats of it only how far the delivery has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from kernel.clock import format_instant
from kernel.energy import Energy
from schemas import iris
from trading.contract import Contract
from trading.delivery import CurtailmentReason, Cut, Delivery
from trading.mapping.find import Json

_QUANTITY: Final = "curtailedQuantity"


def write_cut(contract: Contract, delivery: Delivery, cut: Cut) -> Json:
    """Return what was cut as an EnergyTradeDelivery of p2p-trading."""
    return {
        "@context": iris.P2P_DELIVERY_CONTEXT,
        "@type": iris.ENERGY_TRADE_DELIVERY,
        "deliveryStatus": delivery.status.value,
        "deliveryMode": contract.source.delivery_mode.value,
        "deliveredQuantity": delivery.delivered.kilowatt_hours,
        _QUANTITY: cut.quantity.kilowatt_hours,
        "curtailmentReason": cut.reason.value,
        "lastUpdated": format_instant(contract.updated_at),
    }


def find_cut(bags: Iterable[Mapping[str, Any]]) -> Cut | None:
    """Return what the first bag that tells of a cut says, None where none does.

    Raises: LookupError, TypeError, ValueError.
    """
    for bag in bags:
        if _QUANTITY in bag:
            return Cut(
                quantity=Energy.from_kwh(bag[_QUANTITY]), reason=CurtailmentReason(bag["curtailmentReason"])
            )
    return None


def cut_id(contract: Contract) -> str:
    """Return the id under which what was cut stands among the fulfilments of a contract."""
    return f"curtailment-{contract.id}"
