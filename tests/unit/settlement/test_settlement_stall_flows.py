"""A session at a stall is settled from its ledger alone; the published figures come out exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import simplejson

from kernel.clock import format_instant
from kernel.money import Money
from settlement.stall_flows import StallFlow, flows_of, total_of
from tests.support.command_line import invoke
from trading.charging.stall_ledger import StallSession, faults_of, late_by
from trading.mapping.bags.stall_session import read_stall_session
from trading.refusals import FieldInvalid

Json = dict[str, Any]
Row = tuple[int, str, dict[str, Any]]
SIX = datetime(2026, 10, 2, 18, tzinfo=UTC)
STALL = {"stallId": "stall-1"}
EVENT = {"eventId": "dr-1"}

SERVED: list[Row] = [
    (-355, "QUEUED", {}),
    (12, "ASSIGNED", STALL),
    (15, "CHARGING", {"kWh": "10"}),
    (25, "LIMITED_BY_GRID", {"kWh": "5", **EVENT}),
    (35, "LIMITED_BY_CPO", {"kWh": "0"}),
    (39, "CHARGING", {"kWh": "16"}),
    (55, "IDLE", {}),
    (64, "DEPARTED", {}),
]
"""A stall that was reserved for six and ready at twelve past, limited by the grid and by a fault."""


def contract(rows: Sequence[Row] = SERVED, *, reserved: bool = True, promised: str = "60") -> Json:
    """Return a contract with that ledger, whose minutes count from the start that was reserved."""
    terms: Json = {
        "currency": "INR",
        "energyPerKWh": "18",
        "occupancyPerMin": "2",
        "idlePerMin": "10",
        "graceMin": 5,
        "maxDemotions": 2,
        "gridDelayCreditPerMin": "1",
    }
    attributes: Json = {"quote": {"promisedKW": promised}}
    if reserved:
        terms["reservation"] = {
            "fee": "100",
            "cancelBeforeMin": 60,
            "cpoDelayCreditPerMin": "5",
            "liabilityCap": "500",
        }
        attributes["reservedStart"] = format_instant(SIX)
    ledger = [
        {"at": format_instant(SIX + timedelta(minutes=minutes)), "state": state, **more}
        for minutes, state, more in rows
    ]
    offer = {"offerAttributes": {"terms": terms}}
    return {
        "commitments": [{"commitmentAttributes": attributes, "offer": offer}],
        "performance": [{"performanceAttributes": {"ledger": ledger}}],
    }


def session(rows: Sequence[Row] = SERVED, **options: Any) -> StallSession:
    return read_stall_session(contract(rows, **options))


def amounts(found: tuple[StallFlow, ...]) -> dict[str, int]:
    """Return what the driver pays, in whole units; it has no fractions here."""
    assert all(flow.driver.minor % 100 == 0 for flow in found)
    assert all(flow.driver + flow.operator == Money.zero(flow.driver.currency) for flow in found)
    return {flow.title: flow.driver.minor // 100 for flow in found}


def test_the_published_session_comes_to_the_published_figures(shared: Path) -> None:
    cases = simplejson.loads((shared / "golden" / "billing.json").read_text(), use_decimal=True)
    [golden] = [case for case in cases if "stall ledger" in case["name"]]
    served = session()
    found = flows_of(served)
    assert faults_of(served) == []
    assert list(amounts(found).values()) == [-int(amount) for amount in golden["components"].values()]
    total = total_of(found, served.terms.energy.currency)
    assert str(total.amount) == golden["driver"]


def test_a_stall_that_is_ready_in_time_keeps_its_fee_and_owes_no_lateness() -> None:
    in_time = [(minutes - 7 if minutes > 0 else minutes, state, more) for minutes, state, more in SERVED]
    served = session(in_time)
    assert late_by(served) == timedelta(0)
    assert amounts(flows_of(served)) == {
        "energy": -558,
        "occupancy": -62,
        "idle": -40,
        "reservation fee": -100,
        "operator delay credit": 20,
        "grid delay credit": 5,
    }


def test_who_walks_in_pays_no_fee_and_is_owed_for_the_grid_alone() -> None:
    walked_in = [(15, "ASSIGNED", STALL), (16, "CHARGING", {"kWh": "10"}), (26, "DEPARTED", {})]
    served = session(walked_in, reserved=False)
    assert faults_of(served) == []
    assert amounts(flows_of(served)) == {"energy": -180, "occupancy": -20}


@pytest.mark.parametrize(
    ("rows", "driver"),
    [
        ([(-300, "QUEUED", {}), (-60, "CANCELLED", {})], {}),
        ([(-300, "QUEUED", {}), (-59, "CANCELLED", {})], {"reservation fee": -100}),
        ([(-300, "QUEUED", {}), (25, "FAILED_BY_CPO", {})], {"operator delay credit": 100}),
        ([(-300, "QUEUED", {}), (999, "FAILED_BY_CPO", {})], {"operator delay credit": 500}),
        ([(0, "ASSIGNED", STALL), (1, "FAILED_BY_CPO", {})], {}),
    ],
)
def test_a_session_that_came_to_nothing_costs_whoever_is_responsible(
    rows: list[Row], driver: dict[str, int]
) -> None:
    ended = session(rows)
    assert faults_of(ended) == []
    assert amounts(flows_of(ended)) == driver


def test_who_lets_three_stalls_wait_forfeits_the_fee() -> None:
    waited = [
        row
        for number in range(3)
        for row in [(number * 10, "ASSIGNED", STALL), (number * 10 + 5, "QUEUED", {})]
    ]
    gone = [*waited[:-1], (25, "NO_SHOW", {})]
    assert faults_of(session(gone)) == []
    assert amounts(flows_of(session(gone))) == {"reservation fee": -100}


def test_a_session_that_goes_on_comes_to_nothing_yet() -> None:
    assert flows_of(session(SERVED[:-1])) == ()
    assert late_by(session(SERVED[:1])) == timedelta(0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no rows"),
        ([(0, "CHARGING", {"kWh": "1"})], "begins QUEUED or ASSIGNED"),
        ([(0, "QUEUED", {}), (0, "ASSIGNED", STALL)], "not later"),
        ([(0, "QUEUED", {}), (1, "IDLE", {})], "IDLE cannot follow QUEUED"),
        ([(0, "QUEUED", {}), (1, "CANCELLED", {}), (2, "QUEUED", {})], "QUEUED cannot follow CANCELLED"),
        ([(0, "QUEUED", {"kWh": "1"})], "QUEUED .* has no kWh"),
        ([(0, "ASSIGNED", {})], "ASSIGNED .* needs stallId"),
        ([(0, "ASSIGNED", STALL), (1, "LIMITED_BY_GRID", {"kWh": "1"})], "needs eventId"),
        ([(0, "ASSIGNED", STALL), (1, "CHARGING", {"kWh": "-1"})], "is negative"),
        ([(0, "ASSIGNED", STALL), (1, "CHARGING", {"kWh": "2"}), (2, "IDLE", {})], "more than the promised"),
        ([(0, "ASSIGNED", STALL), (4, "QUEUED", {})], "grace was not over"),
        ([(0, "ASSIGNED", STALL), (6, "NO_SHOW", {})], "NO_SHOW came after 0 of 2 demotions"),
    ],
)
def test_what_no_ledger_may_say_is_found(rows: list[Row], said: str) -> None:
    assert any(re.search(said, fault) for fault in faults_of(session(rows)))


@pytest.mark.parametrize("document", [{}, contract(promised="0"), contract([(0, "SLEEPING", {})])])
def test_what_is_no_such_session_is_refused(document: Json) -> None:
    with pytest.raises(FieldInvalid, match="the session cannot be read"):
        read_stall_session(document)


def write(tmp_path: Path, document: object) -> str:
    file = tmp_path / "message.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(file)


async def test_the_command_says_what_a_session_comes_to(tmp_path: Path) -> None:
    message = write(tmp_path, {"message": {"contract": contract()}})
    told = await invoke("settle-session", message)
    assert told.exit_code == 0
    assert "-600.00" in told.output
    plain = json.loads((await invoke("settle-session", write(tmp_path, contract()), "--json")).output)
    assert (plain["driver"], plain["currency"], plain["ended"]) == ("-600.00", "INR", "DEPARTED")
    assert [flow["title"] for flow in plain["flows"]][-1] == "grid delay credit"


async def test_the_command_works_nothing_out_of_a_ledger_that_is_wrong(tmp_path: Path) -> None:
    wrong = write(tmp_path, contract([(0, "QUEUED", {}), (1, "IDLE", {})]))
    told = await invoke("settle-session", wrong)
    assert told.exit_code == 1
    assert "IDLE cannot follow QUEUED" in told.output.replace("\n", " ")
    plain = json.loads((await invoke("settle-session", wrong, "--json")).output)
    assert (plain["flows"], plain["driver"], len(plain["faults"])) == ([], "0.00", 1)


async def test_the_command_refuses_what_is_no_message(tmp_path: Path) -> None:
    told = await invoke("settle-session", write(tmp_path, "no json"))
    assert told.exit_code != 0
