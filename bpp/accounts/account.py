"""A contract's account: what its meters counted, what that came to, and what is owed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

import structlog

from bpp.accounts.known import Known, Meters, read_known
from bpp.accounts.penalties import as_cycles, find_penalty_credits, owed_to_utility
from bpp.accounts.reading_rows import reading_rows
from bpp.accounts.stall_account import stall_flows, told_of
from bpp.accounts.telemetry import read_telemetry
from bpp.accounts.told_cycles import bill_view, cycle_view, newest, still_due
from bpp.platform import Bpp
from kernel.energy import ZERO_ENERGY, Energy
from kernel.long_work import beside_loop
from kernel.money import Money, sum_money
from settlement.cycles import SettlementCycle
from settlement.ledger.entries import Transfer
from settlement.moved_energy import EnergyRoute, energy_groups
from settlement.payments.issuing import post_issued
from settlement.payments.posting import Parties
from settlement.penalty_credits import PenaltyCredit
from settlement.periods import about_how_many
from settlement.recording import RecordResult, lock_standing, record_outcome
from settlement.rows import bill_key, correction_key
from settlement.runs import as_appended, newest_runs
from settlement.settle import SettlementOutcome, settle_contract
from settlement.store import find_bills, find_standing_runs
from storage.unit_of_work import UnitOfWork
from trading.allocations import AllocationStore
from trading.charging.report import report_of_none, session_delivery
from trading.contract import Contract, delivery_has_begun
from trading.contract_news import BILL_CORRECTED, BILL_ISSUED, News, note_news
from trading.delivery import (
    ContractView,
    Delivery,
    DeliveryStatus,
)
from trading.lifecycle import ContractStatus
from trading.proposals import ProposalStore

log = structlog.get_logger(__name__)

_UNREAD: Final[Mapping[str, Known]] = MappingProxyType({})


async def read_account(
    contract: Contract, uow: UnitOfWork, *, now: datetime, known: Known | None = None
) -> ContractView:
    """Return the contract with its delivery, cycles and bills as they stand at `now`.

    `known` is what it was settled from in the same unit of work, if it was, and is read if not.
    """
    if not contract.is_binding:
        return ContractView(contract=contract, delivery=_no_delivery(contract))
    known = known or await read_known(contract, uow)
    telemetry = await read_telemetry(contract, uow, as_of=_told_at(contract))
    runs = still_due(contract, await find_standing_runs(contract.id, uow=uow))
    bills = await find_bills(contract.id, uow=uow)
    credits_ = await find_penalty_credits(contract, uow, cancellation=known.cancellation)
    viewing = partial(_view, contract, known, runs, credits_, now=now)
    view = await beside_loop(viewing, items=len(runs) + known.meters.counted.count)
    return replace(
        view,
        delivery=replace(view.delivery, telemetry=telemetry),
        bills=tuple(bill_view(bill) for bill in bills),
        proposal=await ProposalStore(uow.connection).find_last(contract),
        utilities=await AllocationStore(uow.connection).read_accounts(contract.id) if contract.grid else (),
    )


def _view(
    contract: Contract,
    known: Known,
    runs: Sequence[SettlementCycle],
    credited: Sequence[PenaltyCredit],
    *,
    now: datetime,
) -> ContractView:
    """Return what a contract comes to by its meters and the runs of its cycles."""
    currency, cycles = contract.terms.currency, newest_runs(runs)
    told = [*as_appended(runs), *as_cycles(credited, cycles)]
    delivery = _delivery(contract, known, cycles, now=now)
    return ContractView(
        contract=contract,
        delivery=delivery,
        flows=stall_flows(contract, delivery.session),
        cycles=tuple(cycle_view(cycle) for cycle in newest(told)),
        settled=sum_money((cycle.amount for cycle in cycles), currency=currency),
        penalty=Money(sum(each.minor for each in credited), currency),
        cancellation=known.cancellation,
    )


def _told_at(contract: Contract) -> datetime | None:
    """Return when what is told of power was known: of a fulfilled contract at its end, else None for now."""
    return contract.ended_at if contract.status is ContractStatus.COMPLETED else None


async def settle(
    contract: Contract, uow: UnitOfWork, *, bpp: Bpp, now: datetime, known: Known | None = None
) -> SettlementOutcome:
    """Settle what can be settled of a binding contract at `now`, and keep the outcome.

    What was settled before and comes to the same is neither computed nor explained anew. What is billed by
    that is on the ledger at once, as owed by the buyer's platform to the seller's, and so is the energy.
    """
    found = {} if known is None else {contract.id: known}
    [outcome] = await settle_all([contract], uow, bpp=bpp, now=now, known=found)
    return outcome


async def settle_all(
    contracts: Sequence[Contract],
    uow: UnitOfWork,
    *,
    bpp: Bpp,
    now: datetime,
    known: Mapping[str, Known] = _UNREAD,
) -> list[SettlementOutcome]:
    """Settle binding contracts of one order as `settle` does each; all of it is on the ledger in one record.

    So two orders with the same meters never wait for each other. `known` has what each was seen to be settled
    from in the same unit of work, if it was.
    """
    outcomes: dict[str, SettlementOutcome] = {}
    results: list[RecordResult] = []
    beside: list[Sequence[Transfer]] = []
    for contract in sorted(contracts, key=lambda each: (each.source_mrid, each.id)):
        outcome, result = await _keep(contract, known.get(contract.id), uow, bpp=bpp, now=now)
        beside += await energy_groups(
            [*result.newly_settled, *(revision.revised for revision in result.revised)],
            lost=outcome.lost,
            route=route_of(contract),
            uow=uow,
        )
        penalty = await owed_to_utility(contract, result.owed, uow, seller=bpp.subscriber_id, now=now)
        beside += [penalty] if penalty else []
        outcomes[contract.id] = outcome
        results.append(result)
    if contracts:
        parties = Parties(payer=contracts[0].bap_id, payee=bpp.subscriber_id)
        await _post(results, parties, beside, uow=uow, now=now)
    return [outcomes[contract.id] for contract in contracts]


async def _keep(
    contract: Contract, known: Known | None, uow: UnitOfWork, *, bpp: Bpp, now: datetime
) -> tuple[SettlementOutcome, RecordResult]:
    """Settle a contract and keep that, but for what it moves on the ledger."""
    standing = await lock_standing(contract.id, uow=uow)
    known = known or await read_known(contract, uow)
    left = known.meters.left
    agreement = known.agreement(contract)
    settling = partial(
        settle_contract,
        agreement,
        exported=left.exported,
        imported=left.imported,
        now=now,
        collection_deadline=bpp.collection_deadline,
        standing={cycle.cycle_id: cycle for cycle in standing if cycle.is_settled},
    )
    outcome = await beside_loop(settling, items=left.count + about_how_many(agreement))
    result = await record_outcome(outcome, uow=uow, now=now, standing=standing)
    await _note_issued(contract, result, uow, now=now)
    for revision in result.too_late:
        log.warning(
            "settlement.revision_too_late",
            contract=contract.id,
            cycle=revision.previous.cycle_id,
            settled=str(revision.previous.amount),
            recomputed=str(revision.revised.amount),
        )
    return outcome, result


def route_of(contract: Contract) -> EnergyRoute:
    """Return the way that a contract's energy takes on the ledger."""
    return EnergyRoute.of(contract.terms, source=contract.source_mrid, target=contract.target_mrid)


async def _note_issued(contract: Contract, result: RecordResult, uow: UnitOfWork, *, now: datetime) -> None:
    """Let whoever follows contracts know of the bills, and corrections of bills, that are issued now."""
    told = News(contract_id=contract.id, event=BILL_ISSUED, status=contract.status, at=now)
    for bill in result.issued:
        await note_news(uow.connection, replace(told, bill=bill.cycle_id))
    for note in result.corrections:
        corrected = replace(told, event=BILL_CORRECTED, bill=note.bill_id, correction=note.run)
        await note_news(uow.connection, corrected)


async def _post(
    results: Sequence[RecordResult],
    parties: Parties,
    beside: Sequence[Sequence[Transfer]],
    *,
    uow: UnitOfWork,
    now: datetime,
) -> None:
    issued = [bill for result in results for bill in result.issued]
    credited = [each for result in results for each in result.corrections if each.kind.is_credit]
    await post_issued(
        bills={bill_key(bill.contract_id, bill.cycle_id): parties for bill in issued},
        notes={correction_key(note): parties for note in credited},
        beside=beside,
        uow=uow,
        now=now,
    )


def _no_delivery(contract: Contract) -> Delivery:
    ended = not contract.is_open
    status = DeliveryStatus.FAILED if ended else DeliveryStatus.PENDING
    session = None if contract.terms.session is None else report_of_none(ended=ended)
    return Delivery(
        status=status, delivered=ZERO_ENERGY, window=contract.window, ended=ended, session=session
    )


def _delivery(
    contract: Contract, known: Known, cycles: Sequence[SettlementCycle], *, now: datetime
) -> Delivery:
    meters = known.meters
    is_over = _is_over(contract)
    readings = reading_rows(contract, meters, cut=known.cut)
    parts = (cycle.delivered for cycle in cycles) if is_over else (row.flow for row in readings)
    delivered = sum(parts, ZERO_ENERGY)
    session = known.session
    status = (
        session_delivery(session)
        if session is not None and not is_over
        else _delivery_status(contract, meters.counted, delivered, is_over=is_over, now=now)
    )
    return Delivery(
        status=status,
        delivered=delivered,
        window=contract.window,
        ended=is_over or (session is not None and not session.is_open),
        session=None if session is None else told_of(session, meters.left.exported, delivered=delivered),
        readings=readings,
        settlement_cycle_id=cycles[-1].cycle_id if cycles else None,
        cut=known.cut,
    )


def _is_over(contract: Contract) -> bool:
    """Say whether no more can be delivered; a fulfilled contract that is looked at again stays fulfilled."""
    is_fulfilled = contract.status is ContractStatus.COMPLETED
    return is_fulfilled or (not contract.is_open and contract.refresh_at is None)


def _delivery_status(
    contract: Contract, meters: Meters, delivered: Energy, *, is_over: bool, now: datetime
) -> DeliveryStatus:
    if is_over:
        return DeliveryStatus.COMPLETED if delivered > ZERO_ENERGY else DeliveryStatus.FAILED
    if meters.have_reported or delivery_has_begun(contract, now=now):
        return DeliveryStatus.IN_PROGRESS
    return DeliveryStatus.PENDING
