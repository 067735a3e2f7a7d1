"""What a utility says unasked of a contract that it let pass: a curtailment, or what was delivered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from bpp.cascade.cut_notices import tell_of_cut
from bpp.cascade.questions import QuestionStore
from bpp.deliveries.curtailment import curtail_contract, judge_curtailment
from bpp.deliveries.upkeep import CONTRACTS_CHANNEL
from bpp.places import curtailment_on_wire
from bpp.platform import Bpp
from node.audit import Actor
from node.message import Inbound
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWork
from trading.allocations import AllocationStore, RecordedAllocations
from trading.contract import Contract
from trading.contracts import ContractStore
from trading.curtailment import Curtailment
from trading.curtailments import CurtailmentStore
from trading.due_contracts import mark_these_due
from trading.fields import Field
from trading.grid_statement import UtilityStatement, check_allocations
from trading.mapping import wire_of
from trading.mapping.grid_statement import read_utility_statement
from trading.refusals import OrderNotFound

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a utility says, of which contract."""

    contract: Contract
    said: UtilityStatement


async def hear(
    message: Mapping[str, Any], uow: UnitOfWork, *, sender: str, profile: Profile, said_at: datetime
) -> Heard:
    """Return what a message says, if its sender may say so of the contract that it names.

    Raises: OrderNotFound, FieldMissing, FieldInvalid.
    """
    said = read_utility_statement(wire_of(profile.name), message, said_at=said_at)
    contract_id = await QuestionStore(uow.connection).find_contract(said.order_id, utility_id=sender)
    contract = None if contract_id is None else await ContractStore(uow.connection).get(contract_id)
    if contract is None or contract.grid is None or sender not in contract.grid.sides:
        raise OrderNotFound(
            f"{sender} has let no order {said.order_id[:64]} pass here",
            path=Field.ORDER_ID,
            hint="Name the order as the platform named it in init.",
        )
    return Heard(contract=contract, said=said)


async def check_heard(heard: Heard, uow: UnitOfWork) -> None:
    """Let pass what can be so of the contract as it stands; nothing is kept.

    Raises: NotCurtailable, CurtailmentContradicted, CurtailmentInvalid, UpdateNotAllowed, FieldInvalid.
    """
    contract, said = heard.contract, heard.said
    if (wanted := await _find_cut(heard, uow)) is not None:
        with curtailment_on_wire():
            await judge_curtailment(contract, wanted, uow)
    if said.allocations is not None:
        check_allocations(contract, said.allocations)


async def _find_cut(heard: Heard, uow: UnitOfWork) -> Curtailment | None:
    """Return what is cut, None if nothing is.

    What was cut last and is told again, as of no instant, is nothing new: a statement of what was delivered
    may always tell it beside.
    """
    contract, said = heard.contract, heard.said
    wanted = said.curtailment_in(contract.window)
    if wanted is None or said.since is not None:
        return wanted
    before = await CurtailmentStore(uow.connection).find_all(contract.id)
    return None if before and before[-1].curtailment.cut == wanted.cut else wanted


async def take_statement(bpp: Bpp, inbound: Inbound, uow: UnitOfWork, *, now: datetime) -> None:
    """Do what a utility says unasked: cut the contract, or keep what it allocates; twice is once.

    Raises: what `hear` and `check_heard` do; nothing is kept then.
    """
    heard = await hear(
        inbound.message,
        uow,
        sender=inbound.sender,
        profile=inbound.profile,
        said_at=inbound.context.timestamp,
    )
    said = heard.said
    if (wanted := await _find_cut(heard, uow)) is not None:
        with curtailment_on_wire():
            done = await curtail_contract(
                bpp,
                heard.contract.id,
                wanted,
                uow,
                by=Actor(who=f"utility {inbound.sender}"),
                why=said.note or "no words were given",
                now=now,
            )
        if done.is_new:
            await tell_of_cut(bpp, done.contract, uow, but=inbound.sender, note=said.note, now=now)
    if said.allocations is not None:
        await _keep_allocations(heard, inbound, uow, now=now)


async def _keep_allocations(heard: Heard, inbound: Inbound, uow: UnitOfWork, *, now: datetime) -> None:
    contract, told = heard.contract, heard.said.allocations
    if told is None:
        return
    locked = await ContractStore(uow.connection).get(contract.id, lock=True)
    check_allocations(locked, told)
    recorded = RecordedAllocations(
        utility_id=inbound.sender, message_id=inbound.context.message_id, told=told, recorded_at=now
    )
    is_new = await AllocationStore(uow.connection).add(contract.id, recorded)
    if is_new:
        await mark_these_due(uow, [contract.id], at=now)
        await uow.announce(CONTRACTS_CHANNEL)
    log.info("cascade.allocations", contract=contract.id, utility=inbound.sender, new=is_new)
