"""What a utility says of trades unasked: what it cuts, what was delivered; nobody else may, nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import simplejson
from sqlalchemy import select

from bpp.utility.decisions import Cutting
from bpp.utility.refusals import UtilityAdmission
from bpp.utility.telling import Named
from bpp.utility.trades import TradeStore
from kernel.clock import format_instant
from kernel.energy import Energy
from kernel.errors import NodeError
from node.audit import list_acts
from protocol.actions import Action, Role
from protocol.context import read_context
from protocol.profile import PROFILES
from storage.database import Database
from storage.outbox import Outgoing
from storage.tables import inbox
from tests.support.grid_statements import (
    ADA,
    HOUR,
    MIDDLE,
    again,
    allocations,
    curtail,
    cuts,
    operator,
    said_of,
    statement_of,
    told_buyer,
)
from tests.support.grid_world import (
    BPP,
    END,
    NEIGHBOUR_METER,
    START,
    VALLEY,
    GridWorld,
    grid_world,
    order,
    writer,
)
from trading.contracts import ContractStore
from trading.delivery import CurtailmentReason
from trading.lifecycle import ContractStatus

Json = dict[str, Any]


@pytest.fixture
async def world(database: Database, postgres_url: str, template_url: str) -> AsyncIterator[GridWorld]:
    async with grid_world(database, postgres_url=postgres_url, template_url=template_url) as running:
        yield running


async def test_a_utility_cuts_a_trade_on_every_generation_and_the_buyer_is_told(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    for hour, name in enumerate(("v1_1", "v2_lts", "v2_rc")):
        world.wire = PROFILES[name]
        assert await curtail(world, world.hill, bought, (hour + 1) * 1_000, since=START + hour * HOUR / 2)
    *_, said = found = await cuts(world, bought)
    assert [each.curtailment.cut.quantity.watt_hours for each in found] == [1_000, 2_000, 3_000]
    assert said.curtailment.cut.reason is CurtailmentReason.GRID_OUTAGE
    assert (said.curtailment.since, said.who, said.why) == (
        MIDDLE,
        "utility hill-grid.example",
        "feeder 7 tripped",
    )
    *_, told = told_buyer(world)
    line = told["message"]["order"]["beckn:orderItems"][0]
    bag = line["beckn:orderItemAttributes"]["fulfillmentAttributes"]
    assert (bag["curtailedQuantity"], bag["curtailmentReason"]) == (3, "GRID_OUTAGE")
    assert len(told_buyer(world)) == 3
    assert await world.left() == 490_000, "what is cut is not sold to others"
    async with world.seller.uow_factory() as uow:
        acts = await list_acts(uow, limit=10)
    assert [act.act.what for act in acts] == ["contract.curtailed"] * 3


async def test_a_trade_that_was_cut_gives_its_utility_load_back_and_once(world: GridWorld) -> None:
    bought = (await world.buy(20))["beckn:id"]
    assert await world.trades(world.hill) == [("CONFIRMED", 20_000)]
    assert await curtail(world, world.hill, bought, None)
    assert not await curtail(world, world.hill, bought, None)
    replayed = again(statement_of(world))
    await world.deliver(replayed, world.hill)
    await world.settle_down()
    assert len(await cuts(world, bought)) == len(told_buyer(world)) == 1
    assert await world.trades(world.hill) == [("CONFIRMED", 10_000)]
    assert await world.trades(world.valley) == [("CONFIRMED", 10_000)]
    world.transaction_id = "second"
    late: Json = {"tradeStartTime": "2026-01-09T19:00:00Z", "tradeEndTime": "2026-01-09T20:00:00Z"}
    await world.buy(10, **late)
    assert await world.trades(world.hill) == [("CONFIRMED", 10_000), ("CONFIRMED", 10_000)]
    await world.order(Action.CANCEL, {"order": {"beckn:id": bought}})
    assert await world.trades(world.hill) == [("CANCELLED", 0), ("CONFIRMED", 10_000)]


def edited(message: Outgoing, *, drop: str | None = None, **delivery: Any) -> Outgoing:
    """Return a statement of 2.0 RC as another make says it, under another message id."""
    document = simplejson.loads(again(message).body, use_decimal=True)
    written = document["message"]["order"]
    if drop is not None:
        del written["beckn:orderAttributes"][drop]
    written["beckn:orderItems"][0]["beckn:orderItemAttributes"]["fulfillmentAttributes"] |= delivery
    body = simplejson.dumps(document, use_decimal=True).encode()
    return replace(message, message_id=document["context"]["message_id"], body=body)


async def test_a_cut_that_is_told_again_beside_what_was_delivered_is_no_other(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await curtail(world, world.hill, bought, 4_000)
    whole_day = edited(
        statement_of(world),
        drop="curtailedFrom",
        lastUpdated=format_instant(END + HOUR),
        deliveredQuantity=6,
        meterReadings=[
            {
                "beckn:timeWindow": {
                    "@type": "beckn:TimePeriod",
                    "schema:startTime": format_instant(START),
                    "schema:endTime": format_instant(END),
                },
                "allocatedEnergy": 6,
                "unit": "kWh",
            }
        ],
    )
    await world.deliver(whole_day, world.hill)
    await world.settle_down()
    assert len(await cuts(world, bought)) == len(told_buyer(world)) == 1
    [account] = await allocations(world, bought)
    assert account["whole"]["said_wh"] == account["periods"][0]["said_wh"] == 6_000
    more = edited(whole_day, lastUpdated=format_instant(END + HOUR), curtailedQuantity=5)
    with pytest.raises(NodeError, match="nothing flows under the contract") as refused:
        await world.admit(more, world.hill)
    assert refused.value.path == "$.message.order"
    too_much = edited(statement_of(world), lastUpdated=format_instant(MIDDLE), curtailedQuantity=11)
    with pytest.raises(NodeError, match="11 kWh cannot be cut from 10 kWh") as refused:
        await world.admit(too_much, world.hill)
    assert str(refused.value.path).endswith("['beckn:quantity']")


async def test_the_platforms_door_refuses_what_may_not_be_said_and_a_refused_cut_frees_no_load(
    world: GridWorld,
) -> None:
    with pytest.raises(NodeError, match="no trade nothing was let pass here"):
        await curtail(world, world.hill, "nothing")
    bought = (await world.buy(10))["beckn:id"]
    await curtail(world, world.hill, bought, 1_000, since=START)
    stranger = replace(world.hill, peer=replace(world.hill.peer, subscriber_id="other-grid.example"))
    with pytest.raises(NodeError) as refused:
        await world.admit(again(statement_of(world)), stranger)
    assert (refused.value.code, refused.value.path) == ("BIZ_ORDER_NOT_FOUND", "$.message.order['beckn:id']")
    assert f"other-grid.example has let no order {bought} pass here" in refused.value.message
    for action, order_sent, code in (
        (Action.ON_UPDATE, {}, "SCH_REQUIRED_FIELD_MISSING"),
        (Action.ON_UPDATE, {"beckn:id": bought}, "SCH_REQUIRED_FIELD_MISSING"),
        (Action.ON_CONFIRM, {"beckn:id": bought}, "CTX_INVALID_FIELD"),
    ):
        sent = writer(Role.BPP, VALLEY).unsolicited(
            action, to=BPP, message={"order": order_sent}, transaction_id="t-1", now=world.clock.now()
        )
        with pytest.raises(NodeError) as refused:
            await world.admit(sent, world.valley)
        assert refused.value.code == code
    async with world.seller.uow_factory() as uow:
        store = ContractStore(uow.connection)
        contract = await store.get(bought)
        await store.save(replace(contract, status=ContractStatus.COMPLETED))
    with pytest.raises(NodeError, match=f"the order {bought} is COMPLETED"):
        await curtail(world, world.hill, bought)
    assert await world.trades(world.hill) == [("CONFIRMED", 9_000)]
    *_, said = await said_of(world, bought)
    assert said["refusal"] == f"BIZ_INVALID_STATE_TRANSITION: the order {bought} is COMPLETED"


async def test_a_statement_that_cannot_be_so_any_more_when_it_is_handled_leaves_nothing(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    wanted = Cutting(reason=CurtailmentReason.OTHER, quantity=Energy(4_000), since=MIDDLE)
    await world.telling(world.hill).curtail(Named(order_id=bought), wanted, by=ADA)
    [message] = await world.hill.take_out()
    await world.order(Action.CANCEL, {"order": {"beckn:id": bought}})
    await world.seller.put_in(message, sender=world.hill.peer, now=world.clock.now())
    await world.settle_down()
    async with world.seller.uow_factory() as uow:
        query = select(inbox.c.error).where(inbox.c.message_id == message.message_id)
        refusal = (await uow.connection.execute(query)).scalar_one()
    assert "TERMINATED" in refusal
    assert await cuts(world, bought) == []
    assert (await said_of(world, bought))[-1]["refusal"].startswith("BIZ_INVALID_STATE_TRANSITION: ")
    with pytest.raises(NodeError, match=f"the trade {bought} is CANCELLED"):
        await curtail(world, world.hill, bought)


@pytest.mark.parametrize("name", ["v1_1", "v2_rc", "v2_lts"])
async def test_a_utility_learns_why_what_was_acknowledged_is_not_taken_and_says_it_otherwise(
    world: GridWorld, name: str
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    world.wire = PROFILES[name]
    wanted = Cutting(reason=CurtailmentReason.OTHER, quantity=Energy(4_000), since=MIDDLE)
    await world.telling(world.hill).curtail(Named(order_id=bought), wanted, by=ADA)
    [message] = await world.hill.take_out()
    await curtail(world, world.valley, bought, 1_000)  # is there first
    await world.seller.put_in(message, sender=world.hill.peer, now=world.clock.now())
    await world.settle_down()
    mine, others = await said_of(world, bought)
    assert (mine["message_id"], mine["is_heard"], others["is_heard"]) == (message.message_id, False, True)
    assert f"from {format_instant(MIDDLE)} on 1 kWh were cut for GRID_OUTAGE" in mine["refusal"]
    assert await world.trades(world.hill) == [("CONFIRMED", 9_000)]
    assert await curtail(world, world.hill, bought, 4_000, since=MIDDLE + HOUR / 2)
    assert [each.curtailment.cut.quantity for each in await cuts(world, bought)] == [
        Energy(1_000),
        Energy(4_000),
    ]


async def test_only_what_was_said_can_be_refused_to_a_utility_and_by_whom_it_was_said_to(
    world: GridWorld,
) -> None:
    bought = (await world.buy(10))["beckn:id"]
    await curtail(world, world.hill, bought, 4_000)
    said = statement_of(world)
    refusal = replace(
        said, peer=world.hill.peer.subscriber_id, body=b'{"context": {}, "error": {"code": "X"}}'
    )
    context = read_context(simplejson.loads(said.body), PROFILES["v2_rc"])
    admission = UtilityAdmission(uow_factory=world.hill.uow_factory)
    await admission(Action.ON_UPDATE, context, BPP.subscriber_id, PROFILES["v2_rc"], refusal.body)
    for sender, sent, body in (
        ("other.example", context, refusal.body),
        (BPP.subscriber_id, context._replace(message_id="another"), refusal.body),
        (BPP.subscriber_id, context, said.body),
    ):
        with pytest.raises(NodeError, match="nothing was said to") as refused:
            await admission(Action.ON_UPDATE, sent, sender, PROFILES["v2_rc"], body)
        assert refused.value.path == "$.context.message_id"


async def test_a_utilitys_operator_cuts_and_allocates_over_http(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    path = f"/api/v1/trades/{bought}"
    cut = {"watt_hours": 4_000, "reason": "MAINTENANCE", "since": format_instant(MIDDLE), "why": "works"}
    period = {"start": format_instant(START), "end": format_instant(MIDDLE), "allocated_wh": 3_000}
    async with operator(world, world.hill) as client:
        first = await client.post(f"{path}/curtailments", json=cut)
        again = await client.post(f"{path}/curtailments", json=cut)
        told = await client.post(
            f"{path}/allocations", json={"periods": [period], "why": "day-ahead account"}
        )
        empty = await client.post(f"{path}/allocations", json={"why": "nothing"})
        backwards = period | {"end": period["start"]}
        turned = await client.post(f"{path}/allocations", json={"periods": [backwards], "why": "wrong"})
        elsewhere = await client.post(f"{path}/curtailments?platform=other.example", json=cut)
        listed = (await client.get(f"{path}/statements")).json()["statements"]
    assert [each.status_code for each in (first, again, told)] == [201, 200, 201]
    assert [each.status_code for each in (empty, turned, elsewhere)] == [400, 400, 404]
    assert first.json()["message_id"] == again.json()["message_id"]
    assert [(each["cut_wh"], each["periods"], each["refusal"]) for each in listed] == [
        (4_000, 0, None),
        (None, 1, None),
    ]
    await world.settle_down()
    assert len(await cuts(world, bought)) == len(await allocations(world, bought)) == 1


async def test_an_order_that_its_platform_calls_by_a_path_can_be_spoken_of(world: GridWorld) -> None:
    bought = (await world.buy(10))["beckn:id"]
    name, hill = "house/7", world.hill
    async with hill.uow_factory() as uow:
        trade = await TradeStore(uow.connection).get(bought, platform=BPP.subscriber_id)
        await TradeStore(uow.connection).save(
            replace(trade, order_id=name, request=replace(trade.request, order_id=name))
        )
    cut = {"reason": "MAINTENANCE", "since": format_instant(MIDDLE), "why": "works"}
    async with operator(world, hill) as client:
        said = await client.post("/api/v1/trades/house%2F7/curtailments", json=cut)
        listed = await client.get("/api/v1/trades/house%2F7/statements")
    assert (said.status_code, said.json()["order_id"]) == (201, name)
    assert len(listed.json()["statements"]) == 1


async def test_a_utility_that_another_took_the_place_of_has_no_say(world: GridWorld) -> None:
    await world.order(Action.INIT, {"order": order(10)})
    home = {"utility": VALLEY.subscriber_id, "meter": NEIGHBOUR_METER}
    held = await world.order(Action.INIT, {"order": order(10, **home)})
    bought = held["beckn:id"]
    await world.order(Action.CONFIRM, {"order": order(10, order_id=bought, **home)})
    await curtail(world, world.valley, bought, 1_000)
    with pytest.raises(NodeError) as refused:
        await world.admit(again(statement_of(world)), world.hill)
    assert refused.value.code == "BIZ_ORDER_NOT_FOUND"
    assert len(await cuts(world, bought)) == 1
