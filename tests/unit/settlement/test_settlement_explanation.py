"""What a cycle tells of how it was computed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from settlement.agreement import Agreement, Matching
from settlement.explanation import MOST_READINGS
from settlement.settle import settle_contract
from settlement.side import MeteredInterval
from tests.support.agreements import SOURCE_KWH, TARGET_KWH, WINDOW, agree, readings
from trading.charges import Tax
from trading.charging.facts import SessionFacts
from trading.records import terms_to_record

CHARGES = [
    {
        "kind": "ENERGY",
        "title": "Energy Cost",
        "gross_minor": 150,
        "net_minor": 150,
        "quantity_wh": 10_000,
        "rate": "0.15",
        "side": "BUYER",
        "collected_by": "PLATFORM",
    },
    {
        "kind": "WHEELING",
        "title": "Wheeling Charges",
        "gross_minor": 250,
        "net_minor": 250,
        "quantity_wh": None,
        "rate": None,
        "side": "BUYER",
        "collected_by": "PLATFORM",
    },
]
"""What the published trade is charged."""


def told_of(
    agreement: Agreement,
    *,
    source: list[MeteredInterval] | None = None,
    target: list[MeteredInterval] | None = None,
) -> dict[str, Any]:
    outcome = settle_contract(
        agreement,
        exported=readings(SOURCE_KWH) if source is None else source,
        imported=readings(TARGET_KWH) if target is None else target,
        now=WINDOW.end + timedelta(hours=24),
    )
    explanation = outcome.cycles[0].explanation
    assert explanation is not None
    assert json.loads(json.dumps(explanation)) == explanation
    return dict(explanation)


def test_a_cycle_tells_everything_that_it_was_computed_from() -> None:
    lines = (
        "2024-10-04T10:00:00Z 2024-10-04T12:00:00Z 500\n"
        "2024-10-04T12:00:00Z 2024-10-04T14:00:00Z 500\n"
        "2024-10-04T14:00:00Z 2024-10-04T16:00:00Z 1000\n"
        "2024-10-04T16:00:00Z 2024-10-04T18:00:00Z 8000\n"
    )
    told = told_of(agree())
    imported = told.pop("imported")
    assert (imported["wh"], imported["to_date_wh"], imported["count"]) == (10_000, 10_000, 4)
    assert told == {
        "version": 2,
        "explains": "SETTLEMENT_CYCLE",
        "contract": "contract-1",
        "cycle": "settle-2024-10-04-001",
        "zone": "UTC",
        "settlement_type": "DAILY",
        "period": ["2024-10-04T00:00:00Z", "2024-10-05T00:00:00Z"],
        "metered": ["2024-10-04T10:00:00Z", "2024-10-04T18:00:00Z"],
        "closed_by": "COMPLETE_READINGS",
        "rule": "MIN_OF_TWO_BY_WINDOW",
        "rule_version": 2,
        "contracted_wh": 10_000,
        "curtailed_wh": 0,
        "exported": {
            "allocation": None,
            "wh": 10_000,
            "to_date_wh": 10_000,
            "count": 4,
            "sha256": sha256(lines.encode()).hexdigest(),
            "missing": [],
            "readings": [[*line.split()[:2], int(line.split()[2])] for line in lines.splitlines()],
        },
        "delivered_before_wh": 0,
        "delivered_to_date_wh": 10_000,
        "bands": [{"band": "ALL", "rate": "0.15", "discounts": [], "before_wh": 0, "to_date_wh": 10_000}],
        "terms": {
            "pricing_model": "PER_KWH",
            "price_per_kwh": "0.15",
            "discount_percent": None,
            "wheeling_minor": 250,
            "wheeling_utility": "Grid Services",
            "currency": "USD",
            "exponent": 2,
            "rounding": "ROUND_HALF_UP",
            "agreed": terms_to_record(agree().terms),
        },
        "charges": CHARGES,
        "lines": [
            {"kind": "ENERGY", "title": "Energy Cost", "minor": 150},
            {"kind": "WHEELING", "title": "Wheeling Charges", "minor": 250},
        ],
    }


def test_a_cycle_tells_of_a_discount_and_of_there_being_no_wheeling() -> None:
    terms = told_of(agree(discount="12.50", wheeling=None))["terms"]
    assert terms["discount_percent"] == "12.50"
    assert terms["wheeling_minor"] is terms["wheeling_utility"] is None


def test_a_cycle_tells_how_it_was_matched() -> None:
    told = told_of(replace(agree(), matching=Matching.INTERVAL))
    assert (told["rule"], told["delivered_to_date_wh"]) == ("MIN_OF_TWO_BY_INTERVAL", 9_500)


def test_what_is_missing_is_named() -> None:
    told = told_of(agree(), target=[])
    assert told["closed_by"] == "DEADLINE"
    assert told["imported"]["missing"] == [["2024-10-04T10:00:00Z", "2024-10-04T18:00:00Z"]]
    assert (told["imported"]["wh"], told["imported"]["readings"], told["bands"]) == (0, [], [])


def test_of_very_many_readings_there_is_the_digest() -> None:
    minutes = readings(["0.001"] * (MOST_READINGS + 1), every=timedelta(minutes=1))
    told = told_of(agree(), source=minutes)["exported"]
    assert "readings" not in told
    assert (told["count"], told["wh"]) == (MOST_READINGS + 1, MOST_READINGS + 1)
    assert len(told_of(agree(), source=minutes[:-1])["exported"]["readings"]) == MOST_READINGS


def test_a_cycle_tells_how_a_session_went_at_a_plug_that_has_no_ledger() -> None:
    went = SessionFacts(began=True, charging=timedelta(minutes=20), idle=timedelta(seconds=90))
    told = told_of(replace(agree(), session=went))
    assert told["session"] == {
        "began": True,
        "missed": False,
        "charging_us": 1_200_000_000,
        "idle_us": 90_000_000,
    }


def test_a_bill_tells_its_taxes_and_their_shares() -> None:
    tax = Tax(title="GST", percent=Decimal("5.0"), jurisdiction="KA")
    agreement = replace(agree(), terms=replace(agree().terms, taxes=(tax,)))
    (bill,) = settle_contract(
        agreement, exported=readings(SOURCE_KWH), imported=readings(TARGET_KWH), now=WINDOW.end
    ).bills
    assert bill.explanation is not None
    assert bill.explanation["taxes"] == [
        {"title": "GST", "percent": "5.0", "jurisdiction": "KA", "minor": 20, "shares_minor": [8, 12]}
    ]
