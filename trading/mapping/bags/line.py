"""The contract of one line of an order: what an EnergyTradeContract says of that line alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas import iris
from trading.mapping.bags.grid import BUYER_UTILITY, LIMIT
from trading.mapping.bags.utility_account import ACCOUNTS
from trading.mapping.find import Json

_FOR_ALL: Final = ("targetMeterId", "tradeStartTime", "tradeEndTime", BUYER_UTILITY)
"""What a buyer may say once for all lines."""
_OWN: Final = frozenset(
    {
        "contractStatus",
        "sourceType",
        "sourceMeterId",
        "inverterId",
        "certification",
        "wheelingCharges",
        "contractedQuantity",
        "settlementCycles",
        "billingCycles",
        "lastUpdated",
        "bap_id",
        "bpp_id",
        "total_quantity",
        "utilityIdSeller",
        LIMIT,
        ACCOUNTS,
        *_FOR_ALL,
    }
)
"""What a line says of itself; anything else that a buyer put beside it is said once, of the order."""


def line_bag(order: Mapping[str, Any], own: Mapping[str, Any]) -> Json:
    """Return what is said of one line: its own bag, over what the order's says for all of them."""
    shared = {key: order[key] for key in _FOR_ALL if key in order}
    return _named(shared | dict(own))


def own_bag(bag: Mapping[str, Any]) -> Json:
    """Return what of a bag is the line's own."""
    own = {key: value for key, value in bag.items() if key in _OWN or key.startswith("@")}
    explained = own | {"@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT, "@type": iris.ENERGY_TRADE_CONTRACT}
    is_plain = "utilityIdSeller" not in own
    return _named(explained if is_plain else own)


def _named(bag: Mapping[str, Any]) -> Json:
    """Return a bag with its names, an empty one if it holds nothing else."""
    names = {"@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT, "@type": iris.ENERGY_TRADE_CONTRACT}
    return names | dict(bag) if any(not key.startswith("@") for key in bag) else {}
