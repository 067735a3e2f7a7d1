"""A settled transaction as the BAP's API tells it, for tests of the demo's report."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

DAY: Final = {"startTime": "2026-06-11T16:00:00Z", "endTime": "2026-06-12T15:59:59Z"}
READINGS: Final = (("0", "0", "0"), ("2.3", "2.5", "2.3"), ("5.1", "5.1", "2.8"), ("8.0", "7.8", "2.7"))


def transaction() -> dict[str, Any]:
    """Return what the report is made of; its texts hold what a page must not take for markup."""
    return {
        "transaction_id": "25b4f562-200e-441a-81ca-ee78fb32c485",
        "order_id": "order-<b>7f3a</b>",
        "bpp_id": "bpp.sunfield.example",
        "contract": {
            "contractStatus": "COMPLETED",
            "contractedQuantity": Decimal(10),
            "sourceMeterId": "5F1A0001",
            "targetMeterId": "5F1A0002",
            "tradeStartTime": "2026-06-12T10:00:00Z",
            "tradeEndTime": "2026-06-12T10:45:00Z",
        },
        "bill": {
            "billing_cycles": [
                {
                    "cycleId": "bill-1",
                    "status": "PENDING",
                    "currency": "USD",
                    "totalAmount": Decimal("4.00"),
                    "lineItems": [
                        {"title": "Energy Cost", "amount": Decimal("1.50")},
                        {"title": "Wheeling Charges", "amount": Decimal("2.50")},
                    ],
                }
            ],
            "settlement_cycles": [
                {
                    **DAY,
                    "cycleId": "settle-1",
                    "status": "SETTLED",
                    "amount": Decimal("4.00"),
                    "currency": "USD",
                }
            ],
        },
        "delivery": {
            "deliveredQuantity": Decimal("7.8"),
            "meterReadings": [
                {
                    "timestamp": f"2026-06-12T10:{15 * number:02}:00Z",
                    "sourceReading": Decimal(source),
                    "targetReading": Decimal(target),
                    "energyFlow": Decimal(flow),
                }
                for number, (source, target, flow) in enumerate(READINGS)
            ],
        },
        "messages": [
            {
                "at": "2026-06-12T09:58:03.566Z",
                "action": "on_confirm",
                "direction": "in",
                "explanation": "arrived",
                "document": {"message": "</pre><script>throw new Error('injected')</script>"},
            }
        ],
    }
