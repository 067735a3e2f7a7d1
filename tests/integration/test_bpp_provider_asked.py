"""A seller's own back office is asked before an order is priced, held or sold, and has the last word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from structlog.testing import capture_logs

from bpp.catalog_file.reader import read_catalogue
from bpp.provider.asking import ProviderRefused
from bpp.provider.office import ProviderSilent
from bpp.provider.port import Answer, Event, Question
from kernel.clock import ManualClock
from kernel.errors import NodeError
from protocol.actions import Action
from protocol.profile import V1_1
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.back_office import PATIENT, AskedWorld, BackOffice, webhook
from tests.support.charging_world import NOON, PLUG, buy_session, station
from tests.support.seller_world import (
    BAP_ID,
    CATALOGUE_FILE,
    ITEM,
    NOW,
    OFFER,
    SELLER,
    TARGET_METER,
    order,
)
from trading.contracts import ContractStore
from trading.refusals import AlreadyCancelled, FieldMissing, OrderNotFound, QuoteChanged, QuoteExpired
from trading.stock import Stock

Json = dict[str, Any]
SHORT = timedelta(milliseconds=300)
NO = {"answer": "refuse", "reason": "The roof is\nbeing cleaned."}


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory, office: BackOffice) -> AskedWorld:
    port = webhook(office.url, ManualClock(NOW))
    return await AskedWorld(uow_factory=uow_factory, port=port).open()


async def left(world: AskedWorld) -> int:
    async with world.uow_factory() as uow:
        return (await Stock(uow.connection).left(ITEM, now=world.clock.now())).watt_hours


async def refusal(world: AskedWorld, action: Action, message: Json) -> NodeError:
    try:
        await world.send(action, message)
    except NodeError as error:
        return error
    raise AssertionError(f"{action} was not refused")


def confirming(held: Json) -> Json:
    return {"order": order(10, order_id=held["beckn:id"])}


async def test_each_step_of_a_purchase_is_put_before_the_back_office_in_plain_words(
    world: AskedWorld, office: BackOffice
) -> None:
    await world.send(Action.SELECT, {"order": order(10)})
    bought = await world.buy(10)
    assert bought["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"
    selected, held, confirmed = office.asked()
    assert [each["stage"] for each in (selected, held, confirmed)] == ["select", "init", "confirm"]
    assert datetime.fromisoformat(selected["answer_by"]) == NOW + world.patience
    wanted = {
        "id": bought["beckn:id"],
        "transaction": world.transaction_id,
        "buyer_platform": BAP_ID,
        "buyer": "baker-1",
        "provider": SELLER,
        "resource": ITEM,
        "offer": OFFER,
        "meter": TARGET_METER,
        "kwh": "10",
        "from": "2026-01-09T10:00:00Z",
        "until": "2026-01-09T18:00:00Z",
        "price": {"amount": "4.00", "currency": "USD"},
    }
    assert confirmed["order"] == wanted
    assert held["order"] == selected["order"] == wanted | {"id": None}


@pytest.mark.parametrize("action", [Action.SELECT, Action.INIT])
async def test_what_the_back_office_refuses_is_refused_in_its_words_and_nothing_is_held(
    world: AskedWorld, office: BackOffice, action: Action
) -> None:
    before = await left(world)
    office.answers = [JSONResponse(NO)]
    error = await refusal(world, action, {"order": order(10)})
    assert isinstance(error, ProviderRefused)
    assert (
        error.message
        == "the seller does not take this order: The roof is\N{REPLACEMENT CHARACTER}being cleaned."
    )
    assert not error.retryable
    assert await left(world) == before


async def test_an_order_that_is_refused_at_confirm_stays_held_and_may_be_confirmed_later(
    world: AskedWorld, office: BackOffice
) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    office.answers = [JSONResponse({"answer": "refuse"})]
    error = await refusal(world, Action.CONFIRM, confirming(held))
    assert error.message == "the seller does not take this order"
    confirmed = (await world.send(Action.CONFIRM, confirming(held)))["order"]
    assert confirmed["beckn:orderAttributes"]["contractStatus"] == "ACTIVE"


async def test_a_back_office_that_is_silent_past_its_time_refuses_for_now(
    world: AskedWorld, office: BackOffice
) -> None:
    before = await left(world)
    office.is_silent = True
    error = await refusal(replace(world, patience=SHORT), Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    assert error.code == "NET_DOWNSTREAM_UNAVAILABLE"
    assert "again in a while" in str(error)
    assert await left(world) == before


async def test_a_back_office_that_is_down_is_silent(world: AskedWorld, office: BackOffice) -> None:
    await office.leave()
    error = await refusal(replace(world, patience=SHORT), Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)


async def test_a_back_office_that_stumbles_is_asked_again_under_the_same_key(
    world: AskedWorld, office: BackOffice
) -> None:
    office.answers = [Response(status_code=503)]
    await world.send(Action.SELECT, {"order": order(10)})
    [first, second] = office.posts
    assert first == second
    assert first[0].startswith("provider-question-")
    assert first[0].endswith(":select")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (PlainTextResponse("yes"), "gave no answer: it is no JSON"),
        (JSONResponse({"answer": "perhaps"}), '"perhaps" is not one of those that are known'),
        (JSONResponse({"answer": "accept", "reason": "x" * 100_000}), "more than 65536 bytes"),
        (JSONResponse({"answer": "accept"}, headers={"Content-Encoding": "gzip"}), "compresses its answer"),
        (Response(status_code=204), "an empty answer"),
        (Response(status_code=404), "answered 404. Is the URL"),
        (
            Response(status_code=307, headers={"Location": "http://127.0.0.1:9/"}),
            "Redirects are not followed",
        ),
    ],
)
async def test_what_is_no_answer_takes_no_order_and_the_log_is_told_why(
    world: AskedWorld, office: BackOffice, answer: Response, why: str
) -> None:
    office.answers = [answer]
    with capture_logs() as logs:
        error = await refusal(world, Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    assert "gave an answer that counts for nothing" in str(error)
    [told] = [each for each in logs if each["event"] == "provider.silent"]
    assert why in told["reason"]
    assert len(office.posts) == 1


async def test_why_it_never_came_to_an_answer_is_told_to_the_log(
    world: AskedWorld, office: BackOffice
) -> None:
    office.answers = [Response(status_code=503)]
    hurried = replace(world, port=webhook(office.url, ManualClock(NOW + PATIENT)))
    with capture_logs() as logs:
        error = await refusal(hurried, Action.SELECT, {"order": order(10)})
    assert "gave no answer in time" in str(error)
    [told] = [each for each in logs if each["event"] == "provider.silent"]
    assert told["reason"] == "no answer in time: the back office answered 503, at try 1"


async def test_posts_are_signed_so_that_a_stranger_s_are_not_taken(
    world: AskedWorld, office: BackOffice
) -> None:
    stranger = webhook(office.url, ManualClock(NOW), secret="another-secret-that-is-long-enough-too")
    error = await refusal(replace(world, port=stranger), Action.INIT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)
    assert office.posts == []


class Broken:
    """A plug-in with a fault."""

    async def ask(self, _question: Question) -> Answer:
        raise KeyError("price")

    async def tell(self, _event: Event) -> None:
        raise KeyError("price")


async def test_a_plug_in_that_fails_takes_no_order(world: AskedWorld) -> None:
    error = await refusal(replace(world, port=Broken()), Action.SELECT, {"order": order(10)})
    assert isinstance(error, ProviderSilent)


@pytest.mark.parametrize(
    ("action", "wanted", "why"),
    [
        (Action.SELECT, order(10, item="nothing"), NodeError),
        (Action.INIT, order(10, target_meter=None), FieldMissing),
        (Action.CONFIRM, order(10), OrderNotFound),
    ],
)
async def test_the_back_office_is_not_bothered_with_what_cannot_be_sold(
    world: AskedWorld, office: BackOffice, action: Action, wanted: Json, why: type[NodeError]
) -> None:
    error = await refusal(world, action, {"order": wanted})
    assert isinstance(error, why)
    assert error.path is not None
    assert error.path.startswith("$.")
    assert office.posts == []


async def test_the_back_office_is_asked_once_about_what_is_binding(
    world: AskedWorld, office: BackOffice
) -> None:
    bought = await world.buy(10)
    asked = len(office.posts)
    await world.send(Action.CONFIRM, confirming(bought))
    await world.send(Action.CANCEL, {"order": {"beckn:id": bought["beckn:id"]}})
    assert isinstance(await refusal(world, Action.CONFIRM, confirming(bought)), AlreadyCancelled)
    assert len(office.posts) == asked


async def test_the_back_office_is_not_asked_about_what_has_lapsed(
    world: AskedWorld, office: BackOffice
) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    world.clock.advance(world.bpp.hold_for)
    assert isinstance(await refusal(world, Action.CONFIRM, confirming(held)), QuoteExpired)
    assert [each["stage"] for each in office.asked()] == ["init"]


async def test_an_order_that_changes_while_the_back_office_is_asked_is_not_confirmed(
    world: AskedWorld,
) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    other = replace(world, between=[])

    async def hold_less() -> None:
        await other.send(Action.INIT, {"order": order(5)})

    world.between.append(hold_less)
    confirm = {"order": order(None, order_id=held["beckn:id"])}
    assert isinstance(await refusal(world, Action.CONFIRM, confirm), QuoteChanged)
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(held["beckn:id"])
    assert not contract.is_binding
    assert contract.quantity.watt_hours == 5_000


async def test_counter_terms_are_asked_about_as_they_will_be_held(
    world: AskedWorld, office: BackOffice
) -> None:
    text = CATALOGUE_FILE.read_text() + "    counter_terms: true\n"
    world.bpp.sell_from(read_catalogue(text, name="catalogue"))
    held = (await world.send(Action.INIT, {"order": order(25)}))["order"]
    assert held["beckn:orderAttributes"]["contractedQuantity"] == 20
    assert [each["order"]["kwh"] for each in office.asked()] == ["20"]


async def test_another_init_names_the_order_that_it_replaces(world: AskedWorld, office: BackOffice) -> None:
    held = (await world.send(Action.INIT, {"order": order(10)}))["order"]
    await world.send(Action.INIT, {"order": order(5)})
    assert [each["order"]["id"] for each in office.asked()] == [None, held["beckn:id"]]


async def test_buyers_of_every_generation_are_asked_about_alike(
    world: AskedWorld, office: BackOffice
) -> None:
    await replace(world, profile=V1_1).buy_wanted()
    assert [(each["stage"], each["order"]["kwh"]) for each in office.asked()] == [
        ("init", "10"),
        ("confirm", "10"),
    ]


async def test_a_session_that_begins_at_once_is_sold_although_asking_takes_time(
    uow_factory: UnitOfWorkFactory, office: BackOffice
) -> None:
    usual = station(uow_factory)
    port = webhook(office.url, ManualClock(NOW))
    world = await AskedWorld(
        uow_factory=uow_factory, bpp=usual.bpp, clock=ManualClock(NOON), port=port
    ).open()

    async def time_goes_on() -> None:
        world.clock.advance(timedelta(seconds=3))

    world.between.append(time_goes_on)
    await buy_session(world)
    assert [(each["stage"], each["order"]["resource"]) for each in office.asked()] == [
        ("init", PLUG),
        ("confirm", PLUG),
    ]
