"""The end of the demo's story: contract, readings, billing cycle, settlement cycle."""

from __future__ import annotations

from degnode.demo.app import Json
from degnode.demo.narrator import Narrator


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
            (row["timestamp"], row["sourceReading"], row["targetReading"], row["energyFlow"])
            for row in transaction["delivery"]["meterReadings"]
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
    narrator.table(
        "Settlement cycles",
        ("cycle", "from", "to", "status", "amount"),
        (
            (
                cycle["cycleId"],
                cycle["startTime"],
                cycle["endTime"],
                cycle["status"],
                f"{cycle['amount']} {cycle['currency']}",
            )
            for cycle in bill["settlement_cycles"]
        ),
    )
