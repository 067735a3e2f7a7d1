"""What a buyer may change by its seller's consent only, the back office may accept or refuse at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi.responses import JSONResponse, Response
from structlog.testing import capture_logs

from bpp.provider.office import ProviderSilent
from kernel.clock import ManualClock
from kernel.energy import Energy
from protocol.actions import Action
from protocol.profile import PROFILES, Profile
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_provider_asked import SHORT, refusal
from tests.support.back_office import AskedWorld, BackOffice, webhook
from tests.support.seller_world import BPP_ID, ITEM, NOW, WANTED, WINDOW, SellerWorld, order
from trading.amendment import Amendment
from trading.cancellation_terms import CancellationTerm
from trading.changes import CHANGES, Change, Verdict
from trading.contract import Contract
from trading.contracts import ContractStore, HistoryEntry
from trading.mapping import wire_of
from trading.proposal import ProposalPending, ProposalStatus
from trading.proposals import ProposalStore
from trading.refusals import UpdateNotAllowed
from trading.stock import Stock
from trading.wheeling import Side

Json = dict[str, Any]
LATE = WINDOW.start - timedelta(minutes=10)
TERM = CancellationTerm(side=Side.BUYER, notice=timedelta(hours=1), percent=Decimal(25))
YES = {"answer": "accept", "reason": "The clouds are gone."}
NO = {"answer": "refuse", "reason": "The roof is being cleaned."}


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    world = AskedWorld(uow_factory=uow_factory, port=webhook(office.url, ManualClock(NOW)))
    sold = world.bpp.catalogue
    offers = tuple(replace(each, terms=replace(each.terms, cancellation=(TERM,))) for each in sold.offers)
    world.bpp.sell_from(replace(sold, offers=offers))
    return await world.open()


async def bought(world: AskedWorld, *, at: Any = LATE) -> str:
    """Return the id of an order that is changed by consent only, from then on."""
    order_id: str = (await world.buy(10))["beckn:id"]
    world.clock.set(at)
    return order_id


def asked(office: BackOffice) -> list[Json]:
    return [each for each in office.asked() if each["stage"] == "update"]


def proposal_in(told: Json) -> Json:
    proposal: Json = told["beckn:orderItems"][0]["beckn:proposal"]
    return proposal


async def found(world: AskedWorld, order_id: str) -> tuple[Contract, list[HistoryEntry]]:
    async with world.uow_factory() as uow:
        store = ContractStore(uow.connection)
        return await store.get(order_id), await store.history(order_id)


async def change(world: AskedWorld, order_id: str, kilowatt_hours: int | None, **attributes: Any) -> Json:
    message = {"order": order(kilowatt_hours, order_id=order_id, **attributes)}
    answer: Json = (await world.send(Action.UPDATE, message))["order"]
    return answer


async def test_the_back_office_is_asked_what_the_order_is_and_what_it_would_be(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world)
    await change(world, order_id, 4, tradeStartTime="2026-01-09T11:00:00Z")
    [question] = asked(office)
    assert question["id"].endswith(":update")
    assert (question["order"]["id"], question["order"]["kwh"]) == (order_id, "10")
    assert question["change"] == {
        "kwh": "4",
        "from": "2026-01-09T11:00:00Z",
        "until": "2026-01-09T18:00:00Z",
        "price": {"amount": "3.10", "currency": "USD"},
    }
    assert all(each["change"] is None for each in office.asked() if each is not question)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
async def test_what_it_accepts_is_changed_at_once_on_every_wire(
    world: AskedWorld, office: BackOffice, profile: Profile
) -> None:
    world = replace(world, profile=profile)
    wire = wire_of(profile.name)
    order_id = (await world.buy_wanted()).order_id
    world.clock.set(LATE)
    office.answers = [JSONResponse(YES)]
    wished = replace(WANTED, order_id=order_id, quantity=Energy(4_000))
    told = (await world.send(Action.UPDATE, wire.write_update(wished)))[wire.ORDER_KEY]
    assert wire.read_contract(told).quantity == Energy(4_000)
    parts = wire.find_parts(told).proposal
    assert parts is not None
    assert (parts["status"], parts["proposedBy"], parts["answer"]) == (
        "ACCEPTED",
        "BUYER",
        "The clouds are gone.",
    )
    contract, history = await found(world, order_id)
    assert contract.quantity == Energy(4_000)
    assert [(each.event, each.actor) for each in history[-2:]] == [
        ("PROPOSE", "bap.baker.example"),
        ("UPDATE", BPP_ID),
    ]
    async with world.uow_factory() as uow:
        assert await Stock(uow.connection).left(ITEM, now=LATE) == Energy(26_500)
    await world.tell_all()
    assert office.told() == ["held", "confirmed", "change_proposed", "changed"]


async def test_what_it_refuses_stays_as_it_was_and_the_buyer_is_told_why(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world)
    office.answers = [JSONResponse(NO)]
    told = await change(world, order_id, 4)
    assert told["beckn:orderAttributes"]["contractedQuantity"] == 10
    assert (proposal_in(told)["status"], proposal_in(told)["answer"]) == (
        "REFUSED",
        "The roof is being cleaned.",
    )


async def test_less_during_delivery_is_cut_as_soon_as_it_accepts(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world, at=WINDOW.start + timedelta(hours=1))
    office.answers = [JSONResponse(YES)]
    told = await change(world, order_id, 4)
    assert proposal_in(told)["status"] == "ACCEPTED"
    [line] = told["beckn:orderItems"]
    assert line["beckn:orderItemAttributes"]["fulfillmentAttributes"]


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"answer": "leave"}),
        JSONResponse({"answer": "counter", "max_kwh": "5"}),
        JSONResponse({"answer": "perhaps"}),
        Response(status_code=404),
    ],
)
async def test_what_it_leaves_or_says_nothing_to_waits_for_the_seller_s_people(
    world: AskedWorld, office: BackOffice, answer: Response
) -> None:
    order_id = await bought(world)
    office.answers = [answer]
    told = await change(world, order_id, 4)
    assert proposal_in(told)["status"] == "OPEN"
    async with world.uow_factory() as uow:
        [waiting] = await ProposalStore(uow.connection).find_waiting(Side.SELLER, limit=9)
    assert waiting.amendment == Amendment(quantity=Energy(4_000))
    office.answers = [JSONResponse(YES)]
    again = await change(world, order_id, 4)
    assert proposal_in(again) | {"status": "OPEN"} == proposal_in(told) | {"answer": YES["reason"]}
    assert proposal_in(again)["status"] == "ACCEPTED"


async def test_a_silent_back_office_leaves_a_change_to_people(world: AskedWorld, office: BackOffice) -> None:
    order_id = await bought(world)
    office.is_silent = True
    told = await change(replace(world, patience=SHORT), order_id, 4)
    assert proposal_in(told)["status"] == "OPEN"


async def test_nothing_is_left_to_people_of_what_is_not_a_change(
    world: AskedWorld, office: BackOffice
) -> None:
    office.answers = [JSONResponse({"answer": "leave"})]
    with capture_logs() as logs:
        error = await refusal(world, Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    assert "provider.bad_answer" in [each["event"] for each in logs]


async def test_an_order_that_changes_meanwhile_has_its_proposal_wait(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world)

    async def have_it_otherwise() -> None:
        async with world.uow_factory() as uow:
            store = ContractStore(uow.connection)
            contract = await store.get(order_id, lock=True)
            await store.save(replace(contract, quantity=Energy(8_000)))

    world.between.append(have_it_otherwise)
    office.answers = [JSONResponse(YES)]
    told = await change(world, order_id, 4)
    assert proposal_in(told)["status"] == "OPEN"
    assert (await found(world, order_id))[0].quantity == Energy(8_000)


async def test_a_change_that_cannot_be_made_any_more_waits_although_it_was_accepted(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world)

    async def sell_the_rest() -> None:
        neighbour = SellerWorld(uow_factory=world.uow_factory, bpp=world.bpp, clock=world.clock)
        await neighbour.send(Action.INIT, {"order": order(20)})

    world.between.append(sell_the_rest)
    office.answers = [JSONResponse(YES)]
    with capture_logs() as logs:
        told = await change(world, order_id, 12)
    assert proposal_in(told)["status"] == "OPEN"
    assert "provider.consent_failed" in [each["event"] for each in logs]
    assert (await found(world, order_id))[0].quantity == Energy(10_000)


async def test_it_is_not_asked_about_what_a_buyer_has_at_once_or_not_at_all(
    world: AskedWorld, office: BackOffice
) -> None:
    order_id = await bought(world, at=NOW)
    told = await change(world, order_id, 4)
    assert told["beckn:orderAttributes"]["contractedQuantity"] == 4
    await change(world, order_id, 4)  # nothing new
    world.clock.set(LATE)
    other = {"order": order(4, order_id=order_id, item="another")}
    await refusal(world, Action.UPDATE, other)
    world.clock.set(WINDOW.end)
    error = await refusal(world, Action.UPDATE, {"order": order(3, order_id=order_id)})
    assert isinstance(error, UpdateNotAllowed)
    assert asked(office) == []


async def test_it_is_not_asked_while_another_change_waits(world: AskedWorld, office: BackOffice) -> None:
    order_id = await bought(world)
    office.answers = [JSONResponse({"answer": "leave"})]
    await change(world, order_id, 4)
    error = await refusal(world, Action.UPDATE, {"order": order(3, order_id=order_id)})
    assert isinstance(error, ProposalPending)
    assert len(asked(office)) == 1
    async with world.uow_factory() as uow:
        [only] = await ProposalStore(uow.connection).find_all(order_id)
    assert only.status is ProposalStatus.OPEN


async def test_who_has_no_back_office_has_its_changes_wait(world: AskedWorld, office: BackOffice) -> None:
    order_id = await bought(world)
    provider = (await found(world, order_id))[0].provider_id
    told = await change(replace(world, own={provider: None}), order_id, 4)
    assert proposal_in(told)["status"] == "OPEN"
    assert asked(office) == []


def test_no_cancelling_needs_anybody_s_consent() -> None:
    verdicts = {rule.verdict for (_, change, _), rule in CHANGES.items() if change is Change.CANCEL}
    assert verdicts == {Verdict.AT_ONCE, Verdict.ON_TERMS, Verdict.REFUSED}
