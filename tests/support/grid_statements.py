"""What utilities say of trades unasked, said and looked at in a world of two of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from bpp.api.allocations import allocation_router
from bpp.utility.decisions import Cutting
from bpp.utility.statement_api import statement_router
from bpp.utility.telling import Named, Speaker
from kernel.energy import Energy
from kernel.interval import Interval
from node.audit import Actor
from protocol.actions import Action
from storage.outbox import Outgoing
from tests.support.grid_world import (
    BPP,
    END,
    START,
    GridWorld,
    Member,
)
from tests.support.seller_api import KEY, seller_api
from trading.curtailments import CurtailmentStore, RecordedCurtailment
from trading.delivery import CurtailmentReason
from trading.grid_statement import Allocation, Allocations

Json = dict[str, Any]

HOUR: Final = timedelta(hours=1)
MIDDLE: Final = START + HOUR
ADA: Final = Speaker(actor=Actor(who="Ada"), why="feeder 7 tripped")


async def curtail(
    world: GridWorld,
    member: Member,
    order_id: str,
    watt_hours: int | None = 4_000,
    *,
    since: datetime | None = MIDDLE,
) -> bool:
    """Have a utility cut a trade; say whether that is new."""
    quantity = None if watt_hours is None else Energy(watt_hours)
    wanted = Cutting(reason=CurtailmentReason.GRID_OUTAGE, quantity=quantity, since=since)
    _, is_new = await world.telling(member).curtail(Named(order_id=order_id), wanted, by=ADA)
    await world.settle_down()
    return is_new


async def allocate(world: GridWorld, member: Member, order_id: str, told: Allocations) -> bool:
    """Have a utility tell what was delivered of a trade; say whether that is new."""
    _, is_new = await world.telling(member).allocate(Named(order_id=order_id), told, by=ADA)
    await world.settle_down()
    return is_new


def hourly(first: int, second: int, *, said_at: datetime = END, delivered: int | None = None) -> Allocations:
    """Return what a utility allocates to each hour of the window, in Wh."""
    return Allocations(
        said_at=said_at,
        delivered=None if delivered is None else Energy(delivered),
        by_period=(
            Allocation(period=Interval(START, MIDDLE), allocated=Energy(first), produced=Energy(9_000)),
            Allocation(period=Interval(MIDDLE, END), allocated=Energy(second)),
        ),
    )


async def cuts(world: GridWorld, order_id: str) -> list[RecordedCurtailment]:
    async with world.seller.uow_factory() as uow:
        return await CurtailmentStore(uow.connection).find_all(order_id)


async def allocations(world: GridWorld, order_id: str) -> list[Json]:
    """Return what the seller's operator sees of it, the newest first."""
    router = allocation_router(uow_factory=world.seller.uow_factory)
    connect = seller_api([router], uow_factory=world.seller.uow_factory, clock=world.clock)
    async with connect(KEY) as client:
        answer = await client.get(f"/api/v1/contracts/{order_id}/allocations")
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["allocations"]
    return found


def statement_of(world: GridWorld) -> Outgoing:
    """Return the last that a utility said unasked."""
    asked = {each.message_id for each in world.carried if each.action == "update"}
    said = [each for each in world.carried if each.action == "on_update" and each.peer == BPP.subscriber_id]
    return [each for each in said if each.message_id not in asked][-1]


def again(message: Outgoing) -> Outgoing:
    """Return the same under another message id."""
    other = str(uuid4())
    body = message.body.replace(message.message_id.encode(), other.encode())
    return replace(message, message_id=other, body=body)


def operator(world: GridWorld, member: Member) -> Any:
    """Connect as the operator of a utility."""
    router = statement_router(world.telling(member), uow_factory=member.uow_factory)
    return seller_api([router], uow_factory=member.uow_factory, clock=world.clock)(KEY)


async def said_of(world: GridWorld, order_id: str) -> list[Json]:
    """Return what the operator of the buyer's utility sees of what was said of a trade, in order."""
    async with operator(world, world.hill) as client:
        found: list[Json] = (await client.get(f"/api/v1/trades/{order_id}/statements")).json()["statements"]
    return found


def told_buyer(world: GridWorld) -> list[Json]:
    return [document for action, document in world.came if action is Action.ON_UPDATE]
