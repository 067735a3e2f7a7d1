"""What an operator says was cut from a contract: kept, put on record, and told to the buyer at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bpp.deliveries.news import put_news
from bpp.deliveries.upkeep import CONTRACTS_CHANNEL
from bpp.platform import Bpp
from kernel.clock import format_instant
from kernel.energy import ZERO_ENERGY
from node.audit import Actor, record_act
from protocol.actions import Action
from settlement.store import find_delivered
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.curtailment import Curtailment, check_curtailment
from trading.curtailments import CurtailmentStore, RecordedCurtailment
from trading.meter_claims import hold_later_claims, look_again
from trading.stock import Stock

EVENT: Final = "CURTAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curtailed:
    """A curtailment on record, of which contract; `is_new` unless the very same was said before."""

    contract: Contract
    said: RecordedCurtailment
    is_new: bool


async def curtail_contract(
    bpp: Bpp, contract_id: str, wanted: Curtailment, uow: UnitOfWork, *, by: Actor, why: str, now: datetime
) -> Curtailed:
    """Cut `wanted` from a contract, and put an on_update for its buyer; the same again changes nothing.

    Contracts that come after it on its meters are looked at again: they may be left more from then on. Of the
    stock only what was sold beyond what is offered returns.
    Raises: OrderNotFound, NotCurtailable, CurtailmentContradicted, CurtailmentInvalid; nothing is kept then.
    """
    contracts = ContractStore(uow.connection)
    later = await hold_later_claims(uow.connection, await contracts.get(contract_id))
    contract = await contracts.get(contract_id, lock=True)
    known, last = await judge_curtailment(contract, wanted, uow)
    if known is not None:
        return Curtailed(contract=contract, said=known, is_new=False)
    said = RecordedCurtailment(curtailment=wanted, who=by.who, why=why, recorded_at=now)
    await CurtailmentStore(uow.connection).add(contract.id, said)
    newly = wanted.cut.quantity - (ZERO_ENERGY if last is None else last.curtailment.cut.quantity)
    await Stock(uow.connection).cut(contract, newly, since=wanted.since, now=now)
    act = by.act(
        "contract.curtailed",
        contract.id,
        before=None if last is None else _record(last.curtailment),
        after=_record(wanted),
        why=why,
    )
    await record_act(uow, act, now=now)
    await look_again(uow.connection, later, at=now)
    await uow.announce(CONTRACTS_CHANNEL)
    return Curtailed(contract=await _tell(bpp, contract, said, uow, now=now), said=said, is_new=True)


async def judge_curtailment(
    contract: Contract, wanted: Curtailment, uow: UnitOfWork
) -> tuple[RecordedCurtailment | None, RecordedCurtailment | None]:
    """Return the very same curtailment where it is on record, and the last one that is.

    Raises: NotCurtailable, CurtailmentContradicted, CurtailmentInvalid, if `wanted` is new and cannot be.
    """
    before = await CurtailmentStore(uow.connection).find_all(contract.id)
    last = before[-1] if before else None
    for known in before:
        if known.curtailment == wanted:
            return known, last
    settled = await find_delivered(contract.id, uow=uow)
    check_curtailment(contract, wanted, last=None if last is None else last.curtailment, settled=settled)
    return None, last


async def _tell(
    bpp: Bpp, contract: Contract, said: RecordedCurtailment, uow: UnitOfWork, *, now: datetime
) -> Contract:
    told = await put_news(bpp, contract, uow, action=Action.ON_UPDATE, now=now)
    store = ContractStore(uow.connection)
    await store.save(told)
    cut = said.curtailment.cut
    entry = HistoryEntry(
        at=now,
        actor=bpp.subscriber_id,
        event=EVENT,
        status=told.status,
        reason=f"{cut.quantity} cut for {cut.reason} by {said.who}: {said.why}",
    )
    await store.note(told, entry)
    return told


def _record(curtailment: Curtailment) -> dict[str, object]:
    return {
        "watt_hours": curtailment.cut.quantity.watt_hours,
        "reason": curtailment.cut.reason.value,
        "since": format_instant(curtailment.since),
    }
