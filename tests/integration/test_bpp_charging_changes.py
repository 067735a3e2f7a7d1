"""What is changed of a charging session beside its start and stop: cancelled, moved, or proposed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bpp.changes.seller_changes import Operator, SellerWish, propose_as_seller
from bpp.deliveries.curtailment import curtail_contract
from kernel.energy import Energy
from node.audit import Actor
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.charging_world import (
    CHARGE,
    LATER,
    MINUTE,
    NOON,
    PLUG,
    buy_session,
    cancel,
    left,
    session_status,
    station,
    status_of,
    wish,
)
from tests.support.seller_world import SellerWorld
from trading.cancellation import Reason
from trading.curtailment import Curtailment, NotCurtailable
from trading.delivery import CurtailmentReason, Cut, SessionStatus
from trading.mapping import wire_of
from trading.proposal import ProposalStatus
from trading.proposals import ProposalStore
from trading.refusals import UpdateNotAllowed
from trading.report import ContractReport
from trading.request import OrderRequest, SessionWish

generations = pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await station(uow_factory).open()


async def test_a_walk_in_that_is_cancelled_leaves_its_energy_to_others_and_is_cancelled_once(
    world: SellerWorld,
) -> None:
    before = await left(world)
    bought = await buy_session(world)
    world.clock.advance(5 * MINUTE)
    await cancel(world, bought)
    assert await left(world) == before
    message = wire_of("v2_rc").write_order_id(replace(CHARGE, order_id=bought.order_id))
    assert (await world.refusal(Action.CANCEL, message)).code == "BIZ_ALREADY_CANCELLED"


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [(60, 60 * 24 * 30, "a session lasts"), (120, 121, "takes no reservations")],
)
async def test_a_slot_is_moved_only_to_where_it_could_be_had(
    world: SellerWorld, start: int, end: int, words: str
) -> None:
    bought = await buy_session(world, LATER)
    if words == "takes no reservations":
        [plug] = [each for each in world.bpp.catalogue.resources if each.id == PLUG]
        assert plug.connector is not None
        walk_in_only = replace(plug, connector=replace(plug.connector, reservable=False))
        world = world.selling(catalogue=replace(world.bpp.catalogue, resources=(walk_in_only,)))
    wished = replace(
        CHARGE,
        order_id=bought.order_id,
        trade_start=NOON + start * MINUTE,
        trade_end=NOON + end * MINUTE,
    )
    refused = await world.refusal(Action.UPDATE, wire_of("v2_rc").write_update(wished))
    assert (refused.code, words in refused.message) == ("BIZ_FULFILLMENT_UNAVAILABLE", True)


async def propose_less(world: SellerWorld, bought: ContractReport) -> None:
    operator = Operator(actor=Actor(who="Ada"), why=Reason(words="the grid is short"), now=world.clock.now())
    async with world.uow_factory() as uow:
        wish = SellerWish(request=OrderRequest(quantity=Energy(2_000)))
        await propose_as_seller(world.bpp, bought.order_id, wish, uow, by=operator)


async def proposal_status(world: SellerWorld, bought: ContractReport) -> ProposalStatus:
    async with world.uow_factory() as uow:
        [proposal] = await ProposalStore(uow.connection).find_all(bought.order_id)
    return proposal.status


@generations
async def test_what_is_proposed_of_a_slot_lapses_before_its_session_is_over(
    world: SellerWorld, profile: Profile
) -> None:
    world = world.speaking(profile)
    bought = await buy_session(world, LATER)
    await propose_less(world, bought)
    told = len(await world.unsolicited(Action.ON_UPDATE))
    world.clock.advance(29 * MINUTE)
    await world.refresh_all()
    assert await proposal_status(world, bought) is ProposalStatus.OPEN
    world.clock.advance(MINUTE)
    await world.refresh_all()
    assert await proposal_status(world, bought) is ProposalStatus.LAPSED
    updates = await world.unsolicited(Action.ON_UPDATE)
    assert len(updates) == told + 1
    parts = wire_of(profile.name).find_parts(updates[-1]).proposal
    assert parts is not None
    assert parts["status"] == "LAPSED"
    assert session_status(await status_of(world, bought)) is SessionStatus.PENDING


async def test_what_is_proposed_of_a_session_lapses_in_time_also_if_that_is_moved_meanwhile(
    world: SellerWorld,
) -> None:
    bought = await buy_session(world, LATER)
    world.clock.set(NOON + 45 * MINUTE)
    await propose_less(world, bought)
    world.clock.set(NOON + 60 * MINUTE)
    await wish(world, bought, SessionWish.START)
    await world.refresh_all()
    assert await proposal_status(world, bought) is ProposalStatus.LAPSED
    assert session_status(await status_of(world, bought)) is SessionStatus.ACTIVE


async def test_no_less_is_agreed_on_during_a_session_for_its_plug_would_give_all(world: SellerWorld) -> None:
    bought = await buy_session(world)
    await wish(world, bought, SessionWish.START)
    world.clock.advance(MINUTE)
    with pytest.raises(UpdateNotAllowed) as proposed:
        await propose_less(world, bought)
    assert proposed.value.hint == "Stop the session."
    wire = wire_of("v2_rc")
    less = wire.write_update(replace(CHARGE, order_id=bought.order_id, quantity=Energy(2_000)))
    refused = await world.refusal(Action.UPDATE, less)
    assert (refused.code, refused.hint) == ("POL_UPDATE_NOT_ALLOWED", "Stop the session.")
    cut = Curtailment(cut=Cut(quantity=Energy(500), reason=CurtailmentReason.OTHER), since=world.clock.now())
    async with world.uow_factory() as uow:
        with pytest.raises(NotCurtailable):
            await curtail_contract(
                world.bpp, bought.order_id, cut, uow, by=Actor(who="Ada"), why="short", now=world.clock.now()
            )
