"""What has to be true of a town after every step: what is kept, against what the naive town comes to."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from settlement.payments.prepaid import Advance
from tests.support.naive_money import Demand, Money
from tests.support.naive_town import (
    AHEAD,
    DAY,
    GIVES,
    TAKES,
    Counted,
    Cycle,
    Sale,
    billed_cycles,
    closed_cycles,
    tax_on,
)
from tests.support.seller_world import BPP_ID
from tests.support.town import OWNERS, Rows, Town, second_of

Json = dict[str, Any]
Pair = tuple[str, str]

STANDS: Final = {
    "settlement_runs": ("cycle", "run"),
    "billed_cycles": ("settlement_cycle",),
    "bill_corrections": ("id",),
    "carried_corrections": ("correction", "billing_cycle"),
    "settlement_events": ("contract_id", "number"),
    "payment_parts": ("payment", "bill"),
    "payment_events": ("rail", "event_id"),
    "payment_allocations": ("payment", "bill", "is_returned"),
    "returned_payment_bills": ("bill",),
    "contract_curtailments": ("contract_id", "since"),
    "ledger_transfers": ("id",),
    "ledger_chain": ("transfer",),
    "ledger_seals": ("day",),
}
"""Tables of which no row is ever changed or taken away, and what names a row."""
FINAL: Final = {"settlement_cycles": "SETTLED", "billing_cycles": "PAID"}
"""The status after which nothing of a row changes."""


@dataclass(kw_only=True)
class Books:
    """What was said to the town, and what of it was seen before."""

    sales: list[Sale] = field(default_factory=list)
    counted: dict[Pair, dict[tuple[int, int], int]] = field(default_factory=lambda: defaultdict(dict))
    money: Money = field(default_factory=Money)
    advances: dict[str, Advance] = field(default_factory=dict)
    seen: dict[tuple[str, tuple[Any, ...]], Json] = field(default_factory=dict)
    issued: dict[str, int] = field(default_factory=dict)
    bills: dict[str, Pair] = field(default_factory=dict)
    """The contract and the id of each bill of settlement cycles."""
    verified: dict[Pair, str] = field(default_factory=dict)

    def bills_of_cycles(self) -> list[Pair]:
        return sorted(self.bills.values())

    def note_late(self, now: int) -> None:
        """Note the bills that are late: issued before yesterday, by the town's clock."""
        for bill, issued in self.issued.items():
            if self.money.due(bill) and (now + AHEAD) // DAY > (issued + AHEAD) // DAY + 1:
                self.money.late.add(bill)


async def check_all(town: Town, books: Books) -> None:
    """Look at everything that is kept. Raises: AssertionError, if something of it is not as it has to be."""
    rows = await town.look()
    _nothing_was_changed(rows, books)
    _note_bills(rows, books)
    by_contract = _by_contract(rows)
    for sale in books.sales:
        closed = [] if sale.claims_nothing else closed_cycles(sale, books.sales, books.counted, town.second)
        _cycles_are_right(by_contract[sale.id], sale, closed)
        _bills_are_right(by_contract[sale.id], sale, closed, town.second)
        _status_is_right(by_contract[sale.id], sale)
    _nothing_is_sold_twice(by_contract, books.sales, books.counted)
    _payments_are_right(rows, books.money)
    _ledger_is_right(rows, books.money)
    _energy_is_on_the_ledger(rows, by_contract, books.sales, books.counted)
    wrong = await town.audit()
    assert not wrong, wrong
    await _statements_agree(town, books, by_contract)


def _nothing_was_changed(rows: Rows, books: Books) -> None:
    now: dict[tuple[str, tuple[Any, ...]], Json] = {}
    for name, keys in STANDS.items():
        now |= {(name, tuple(row[key] for key in keys)): row for row in rows[name]}
    for name, final in FINAL.items():
        for row in rows[name]:
            if row["status"] == final:
                now[name, (row["id"],)] = row
    for row in rows["billing_cycles"]:
        now["the bill", (row["id"],)] = {key: value for key, value in row.items() if key != "status"}
    for key, row in books.seen.items():
        assert now.get(key) == row, f"{key} was changed"
    books.seen = now


def _note_bills(rows: Rows, books: Books) -> None:
    """Note what is demanded by bills, and by whom of whom."""
    sides = {row["id"]: (row["bap_id"], BPP_ID) for row in rows["contracts"]}
    returned = {row["bill"] for row in rows["returned_payment_bills"]}
    kinds = {row["id"]: row["kind"] for row in rows["bill_corrections"]}
    credited: dict[str, int] = defaultdict(int)
    for row in rows["carried_corrections"]:
        if kinds[row["correction"]] == "CREDIT_NOTE":
            credited[row["billing_cycle"]] += row["amount_minor"]
    for row in rows["billing_cycles"]:
        payer, payee = sides[row["contract_id"]]
        demand = Demand(
            id=row["id"],
            payer=payer,
            payee=payee,
            total=row["total_minor"],
            credited=credited[row["id"]],
            is_of_return=row["id"] in returned,
        )
        books.money.issue(demand)
        books.issued[row["id"]] = second_of(row["issued_at"])
        if row["id"] not in returned:
            books.bills[row["id"]] = row["contract_id"], row["cycle_id"]
    for row in rows["bill_corrections"]:
        if row["kind"] == "CREDIT_NOTE":
            demand = books.money.demands[row["bill"]]
            amount = row["amount_minor"]
            books.money.credit(row["id"], payer=demand.payer, payee=demand.payee, amount=amount)


@dataclass(kw_only=True)
class Kept:
    """What is kept of one contract; `standing` has the run of each settled cycle that counts."""

    contract: Json
    cycles: dict[str, Json] = field(default_factory=dict)
    standing: dict[str, Json] = field(default_factory=dict)
    bills: list[Json] = field(default_factory=list)
    returned: list[Json] = field(default_factory=list)
    billed: dict[str, str] = field(default_factory=dict)
    """The bill of each settlement cycle."""
    corrections: list[Json] = field(default_factory=list)
    carried: list[Json] = field(default_factory=list)


def _by_contract(rows: Rows) -> dict[str, Kept]:
    found = {row["id"]: Kept(contract=row) for row in rows["contracts"]}
    of_cycle = {row["id"]: row for row in rows["settlement_cycles"]}
    of_bill = {row["id"]: row for row in rows["billing_cycles"]}
    returned = {row["bill"] for row in rows["returned_payment_bills"]}
    for row in rows["settlement_cycles"]:
        kept = found[row["contract_id"]]
        kept.cycles[row["cycle_id"]] = row
        if row["status"] == "SETTLED":
            kept.standing[row["cycle_id"]] = row | {"run": 1}
    for row in sorted(rows["settlement_runs"], key=lambda row: row["run"]):
        cycle = of_cycle[row["cycle"]]
        standing = found[cycle["contract_id"]].standing
        assert row["run"] == standing[cycle["cycle_id"]]["run"] + 1, "runs are numbered without a gap"
        standing[cycle["cycle_id"]] = row
    for row in rows["billing_cycles"]:
        kept = found[row["contract_id"]]
        (kept.returned if row["id"] in returned else kept.bills).append(row)
    for row in rows["billed_cycles"]:
        cycle = of_cycle[row["settlement_cycle"]]
        found[cycle["contract_id"]].billed[cycle["cycle_id"]] = row["billing_cycle"]
    for row in rows["bill_corrections"]:
        found[of_bill[row["bill"]]["contract_id"]].corrections.append(row)
    for row in rows["carried_corrections"]:
        found[of_bill[row["billing_cycle"]]["contract_id"]].carried.append(row)
    return found


def _cycles_are_right(kept: Kept, sale: Sale, closed: list[Cycle]) -> None:
    assert sorted(kept.standing) == sorted(cycle.id for cycle in closed), "other cycles are closed"
    for cycle in closed:
        standing = kept.standing[cycle.id]
        assert standing["delivered_wh"] == cycle.delivered, (
            f"{cycle.id} of {sale} delivered {cycle.delivered}"
        )
        assert standing["amount_minor"] == cycle.amount, f"{cycle.id} of {sale} comes to {cycle.lines}"
        assert sum(line["minor"] for line in standing["lines"]) == cycle.amount
    for name, row in kept.cycles.items():
        if name not in kept.standing:
            assert (row["status"], row["amount_minor"], row["delivered_wh"]) == ("PENDING", 0, 0)


def _bills_are_right(kept: Kept, sale: Sale, closed: list[Cycle], now: int) -> None:
    groups = [] if sale.claims_nothing else billed_cycles(sale, closed, now)
    due = {cycle.id for group in groups for cycle in group}
    assert set(kept.billed) == due, f"other cycles of {sale} are billed"
    for group in groups:
        assert len({kept.billed[cycle.id] for cycle in group}) == 1, "a day or month has one bill"
    kinds = {row["id"]: row for row in kept.corrections}
    taken: dict[str, int] = defaultdict(int)
    for row in kept.carried:
        taken[row["correction"]] += row["amount_minor"]
    asked = sum(bill["total_minor"] for bill in kept.bills)
    for key, row in kinds.items():
        assert 0 <= taken[key] <= row["amount_minor"], "more was taken up than there is"
        if row["kind"] == "ADJUSTMENT":
            asked += row["amount_minor"] - taken[key]
        else:
            asked -= row["amount_minor"]
    come_to = sum(cycle.amount for group in groups for cycle in group)
    come_to += sum(tax_on(group, sale.deal) for group in groups)
    assert asked == come_to, f"the bills of {sale} come to {asked}, its cycles to {come_to}"
    _corrections_are_taken_up(kept, taken, is_over=bool(closed) and closed[-1].end == sale.end)


def _corrections_are_taken_up(kept: Kept, taken: dict[str, int], *, is_over: bool) -> None:
    """Look whether each bill has what waited: adjustments as lines, credit as far as it reaches."""
    kinds = {row["id"]: row for row in kept.corrections}
    for bill in kept.bills:
        carried = [row for row in kept.carried if row["billing_cycle"] == bill["id"]]
        adjusted = sum(
            row["amount_minor"] for row in carried if kinds[row["correction"]]["kind"] == "ADJUSTMENT"
        )
        credited = sum(row["amount_minor"] for row in carried) - adjusted
        lines = sum(line["minor"] for line in bill["lines"] if line["kind"] == "ADJUSTMENT")
        assert lines == adjusted, "the lines of adjustments are what was taken up"
        if credited < bill["total_minor"]:
            issued = {each["id"]: each["issued_at"] for each in kept.bills}
            for row in kept.corrections:
                if row["kind"] == "CREDIT_NOTE" and row["issued_at"] <= bill["issued_at"]:
                    used = sum(
                        part["amount_minor"]
                        for part in kept.carried
                        if part["correction"] == row["id"]
                        and issued[part["billing_cycle"]] <= bill["issued_at"]
                    )
                    assert used == row["amount_minor"], "credit is left beside a bill that is not covered"
    if is_over:
        for row in kept.corrections:
            assert row["kind"] != "ADJUSTMENT" or taken[row["id"]] == row["amount_minor"], (
                "nothing waits at the end"
            )


def _status_is_right(kept: Kept, sale: Sale) -> None:
    status, ended = kept.contract["status"], kept.contract["ended_at"]
    if sale.cancelled is not None:
        assert (status, second_of(ended)) == ("TERMINATED", sale.cancelled)
    elif sale.fulfilled is not None:
        assert (status, second_of(ended)) == ("COMPLETED", sale.fulfilled)
    else:
        assert (status, ended) == ("ACTIVE", None)


def _nothing_is_sold_twice(by_contract: dict[str, Kept], sales: list[Sale], counted: Counted) -> None:
    """Look whether no meter gives or takes more than it counted, by the end of any cycle."""
    for way in (GIVES, TAKES):
        for meter in OWNERS:
            of_meter = [sale for sale in sales if getattr(sale, way) == meter]
            flows = [
                (second_of(cycle["metered_end"]), kept.standing[name]["delivered_wh"])
                for kept in (by_contract[sale.id] for sale in of_meter)
                for name, cycle in kept.cycles.items()
                if name in kept.standing
            ]
            for end in {end for end, _ in flows}:
                sold = sum(watt_hours for until, watt_hours in flows if until <= end)
                metered = sum(wh for (start, _), wh in counted.get((meter, way), {}).items() if start < end)
                assert sold <= metered, f"{meter} {way} {sold} of {metered}"


def _payments_are_right(rows: Rows, money: Money) -> None:
    kept = {row["id"]: row["status"] for row in rows["payments"]}
    assert kept == {paying.id: paying.status for paying in money.payments.values()}
    expected = []
    for paying in money.payments.values():
        expected += [(paying.id, bill, False, minor) for bill, minor in paying.took.items()]
        expected += [(paying.id, bill, True, paying.took[bill]) for bill in paying.given_back]
    found = [
        (row["payment"], row["bill"], row["is_returned"], row["amount_minor"])
        for row in rows["payment_allocations"]
    ]
    assert sorted(found) == sorted(expected), "other money counts towards bills"
    totals = {row["id"]: row["total_minor"] for row in rows["billing_cycles"]}
    again = [
        (row["payment"], row["paid_bill"], totals[row["bill"]]) for row in rows["returned_payment_bills"]
    ]
    assert sorted(again) == sorted(money.demanded_again), "what bounced is demanded again, once"
    for row in rows["billing_cycles"]:
        assert money.due(row["id"]) >= 0
        assert row["status"] == money.status(row["id"]), f"{row['cycle_id']} is {row['status']}"


def _ledger_is_right(rows: Rows, money: Money) -> None:
    names = {row["id"]: (row["owner"], row["kind"]) for row in rows["ledger_accounts"]}
    of_energy = {row["id"] for row in rows["ledger_accounts"] if row["unit"] == "WH"}
    columns: dict[str, list[int]] = {row: [0, 0, 0, 0] for row in names}
    holds = {row["id"]: row for row in rows["ledger_transfers"] if row["phase"] == "PENDING"}
    for row in rows["ledger_transfers"]:
        if row["phase"] in ("POSTED", "POST"):
            columns[row["debit"]][0] += row["amount"]
            columns[row["credit"]][1] += row["amount"]
        sign = 1 if row["phase"] == "PENDING" else -1
        held = holds.get(row["id"] if row["phase"] == "PENDING" else row["hold"])
        if held is not None:
            columns[held["debit"]][2] += sign * held["amount"]
            columns[held["credit"]][3] += sign * held["amount"]
    for row in rows["ledger_balances"]:
        kept = [
            row[name] for name in ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
        ]
        assert kept == columns[row["account"]], f"{names[row['account']]} is not what its journal says"
        owner, kind = names[row["account"]]
        if row["account"] in of_energy:
            continue
        assert kept[1] - kept[0] == money.accounts[owner, kind], f"{owner} {kind} has another balance"
        assert kept[2] == money.pending[owner, kind]
        if kind in ("DEPOSIT", "ESCROW"):
            assert kept[0] + kept[2] <= kept[1], f"{owner} {kind} is overdrawn"
    for unit in (of_energy, columns.keys() - of_energy):
        for debit, credit in ((0, 1), (2, 3)):
            assert sum(columns[each][debit] for each in unit) == sum(columns[each][credit] for each in unit)
    kept_accounts = set(names.values())
    assert all(name in kept_accounts for name, balance in money.accounts.items() if balance)


def _energy_is_on_the_ledger(
    rows: Rows, by_contract: dict[str, Kept], sales: list[Sale], counted: Counted
) -> None:
    """Look whether each contract moved what its cycles delivered, from meter to meter, run by run."""
    names = {row["id"]: (row["owner"].lstrip("0"), row["kind"]) for row in rows["ledger_accounts"]}
    accounts: dict[Pair, int] = defaultdict(int)
    arrived: dict[str, int] = defaultdict(int)
    groups: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in rows["ledger_transfers"]:
        if row["unit"] != "WH":
            continue
        contract = row["ref"].split()[0]
        groups[row["ref"], row["run"]].add(row["linked"])
        for side, sign in ((names[row["credit"]], 1), (names[row["debit"]], -1)):
            accounts[side] += sign * row["amount"]
            arrived[contract] += sign * row["amount"] * (side[1] == "DELIVERED")
    assert all(len(group) == 1 and None not in group for group in groups.values()), "a run is one group"
    expected: dict[Pair, int] = defaultdict(int)
    for sale in sales:
        delivered = sum(cycle["delivered_wh"] for cycle in by_contract[sale.id].standing.values())
        assert arrived[sale.id] == delivered, f"{arrived[sale.id]} Wh of {sale} are on the ledger"
        expected[sale.gives, "GENERATION"] -= delivered
        expected[sale.takes, "DELIVERED"] += delivered
    assert {side: wh for side, wh in accounts.items() if wh} == {
        side: wh for side, wh in expected.items() if wh
    }
    for (meter, kind), watt_hours in accounts.items():
        way = GIVES if kind == "GENERATION" else TAKES
        assert abs(watt_hours) <= sum(counted.get((meter, way), {}).values()), f"{meter} {way} {watt_hours}"


async def _statements_agree(town: Town, books: Books, by_contract: dict[str, Kept]) -> None:
    """Have the bills of contracts of which anything changed computed anew by somebody else."""
    changed = []
    for contract_id, bill_id in books.bills_of_cycles():
        kept = by_contract[contract_id]
        told = json.dumps([kept.cycles, kept.standing, kept.bills, kept.corrections, kept.carried])
        if books.verified.get((contract_id, bill_id)) != told:
            changed.append((contract_id, bill_id))
        books.verified[contract_id, bill_id] = told
    wrong = await town.differences(changed)
    assert not wrong, wrong
