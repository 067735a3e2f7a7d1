"""What utilities say was delivered, as the buyer is told: among the attributes of its order.

Each is told in the words of an EnergyTradeDelivery of the branch p2p-trading, less what the whole meters
counted, which is other people's, too. EnergyTradeOrder has no place for it; its keys are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kernel.clock import format_instant, parse_instant
from kernel.energy import Energy
from trading.mapping.bags.period import read_period, write_period
from trading.mapping.find import Json, find_object, find_objects
from trading.utility_account import Allotted, UtilityAccount

ACCOUNTS: Final = "utilityAllocations"


def write_accounts(accounts: tuple[UtilityAccount, ...]) -> Json:
    """Return what utilities say was delivered; nothing where none says anything."""
    return {ACCOUNTS: [_write(each) for each in accounts]} if accounts else {}


def read_accounts(bag: Mapping[str, Any]) -> tuple[UtilityAccount, ...]:
    """Return what utilities are said to say. Raises: LookupError, TypeError, ValueError."""
    return tuple(_read(each) for each in find_objects(bag, ACCOUNTS))


def _write(account: UtilityAccount) -> Json:
    whole = {} if account.delivered is None else {"deliveredQuantity": account.delivered.kilowatt_hours}
    rows = [
        {
            "beckn:timeWindow": write_period(each.period),
            "allocatedEnergy": each.energy.kilowatt_hours,
            "unit": "kWh",
        }
        for each in account.periods
    ]
    return {
        "utilityId": account.utility_id,
        **whole,
        "meterReadings": rows,
        "lastUpdated": format_instant(account.said_at),
    }


def _read(told: Mapping[str, Any]) -> UtilityAccount:
    whole = told.get("deliveredQuantity")
    return UtilityAccount(
        utility_id=str(told["utilityId"]),
        said_at=parse_instant(told["lastUpdated"]),
        delivered=None if whole is None else Energy.from_kwh(whole),
        periods=tuple(_read_row(row) for row in find_objects(told, "meterReadings")),
    )


def _read_row(row: Mapping[str, Any]) -> Allotted:
    return Allotted(
        period=read_period(find_object(row, "beckn:timeWindow")),
        energy=Energy.from_kwh(row["allocatedEnergy"]),
    )
