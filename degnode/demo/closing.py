"""The end of the demo's story: contract, readings, billing cycle, settlement cycle."""

from __future__ import annotations

from typing import Final

from degnode.demo.app import Json
from degnode.demo.narrator import Narrator
from degnode.demo.readings import as_kwh, readings_of, thinned

_MOST_ROWS: Final = 12


def tell_closing(narrator: Narrator, transaction: Json) -> None:
    """Print what the buyer's platform knows at the end, as tables."""
    contract, bill = transaction["contract"], transaction["bill"]
    narrator.facts(
        "Contract",
        {
            "order": transaction["order_id"],
            "status": contract["contractStatus"],
            "source meter": contract["sourceMeterId"],
            "target meter": contract["targetMeterId"],
            "contracted": f"{contract['contractedQuantity']} kWh",
            "window": f"{contract['tradeStartTime']} … {contract['tradeEndTime']}",
        },
    )
    narrator.table(
        "Readings (kWh)",
        ("at", "source", "target", "energy flow"),
        (
            (
                row["timestamp"],
                *(as_kwh(row[key]) for key in ("sourceReading", "targetReading", "energyFlow")),
            )
            for row in thinned(readings_of(transaction))
        ),
    )
    for cycle in bill["billing_cycles"]:
        narrator.table(
            f"Billing cycle {cycle['cycleId']} ({cycle['status']})",
            ("line item", cycle["currency"]),
            [
                *((line["title"], line["amount"]) for line in cycle["lineItems"]),
                ("[bold]Total[/bold]", cycle["totalAmount"]),
            ],
        )
    cycles = bill["settlement_cycles"]
    narrator.table(
        "Settlement cycles" if len(cycles) <= _MOST_ROWS else f"The last of {len(cycles)} settlement cycles",
        ("cycle", "from, UTC", "status", "amount"),
        (
            (
                cycle["cycleId"],
                cycle["startTime"].rstrip("Z").replace("T", " "),
                cycle["status"],
                f"{cycle['amount']} {cycle['currency']}",
            )
            for cycle in cycles[-_MOST_ROWS:]
        ),
    )
