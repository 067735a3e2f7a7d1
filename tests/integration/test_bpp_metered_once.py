"""Energy that is handed over at one meter: a cabinet counts what its batteries take, for both sides."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bpp.accounts.statements import make_statement
from degnode.bill_verifier.verify import verify_statement
from kernel.mrid import canonical_mrid
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from settlement.engines.calendar import find_day
from settlement.engines.faults import DataInvalid
from settlement.engines.service_data import write_contracts
from settlement.ledger.accounts import WATT_HOURS
from settlement.ledger.reading import list_balances
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.seller_world import (
    EXPORT,
    IMPORT,
    SOURCE_METER,
    TARGET_METER,
    WANTED,
    WINDOW,
    SellerWorld,
    hours_of,
    order,
)
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.offer import DeliveryMode

Json = dict[str, Any]

EVEN = [1_000] * 8
PLANT = "77777777"
"""The meter of a plant that the cabinet itself buys from."""


@pytest.fixture
async def world(uow_factory: UnitOfWorkFactory) -> SellerWorld:
    return await _swapping(SellerWorld(uow_factory=uow_factory)).open()


def _swapping(world: SellerWorld) -> SellerWorld:
    """Return a world that sells at a swap cabinet, and the energy of a plant beside it."""
    sold = world.bpp.catalogue
    resource, offer = sold.resources[0], sold.offers[0]
    cabinet = replace(resource, source=replace(resource.source, delivery_mode=DeliveryMode.BATTERY_SWAP))
    plant = replace(resource, id="plant", source=replace(resource.source, meter_id=PLANT))
    upstream = replace(offer, id="plant-offer", resource_id="plant")
    return world.selling(catalogue=replace(sold, resources=(cabinet, plant), offers=(offer, upstream)))


async def buy(world: SellerWorld, kilowatt_hours: int, **named: Any) -> str:
    """Return the id of a contract that was confirmed a minute after the last."""
    world.clock.advance(timedelta(minutes=1))
    world.transaction_id = str(uuid4())
    bought: str = (await world.buy(kilowatt_hours, **{"target_meter": None} | named))["beckn:id"]
    return bought


async def hand_over(world: SellerWorld, watt_hours: list[int]) -> None:
    """Have the cabinet count hour by hour, and let the day end."""
    world.clock.set(WINDOW.end)
    await world.report(SOURCE_METER, IMPORT, hours_of(WINDOW, watt_hours))
    await world.refresh_all()


async def statement_of(world: SellerWorld, contract_id: str) -> Json:
    async with world.uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(contract_id)
        [bill] = await find_bills(contract_id, uow=uow)
        return await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())


@pytest.mark.parametrize("profile", [V1_1, V2_RC, V2_LTS], ids=lambda profile: profile.name)
async def test_who_names_no_meter_is_billed_by_the_sellers_on_every_wire(
    world: SellerWorld, profile: Profile
) -> None:
    speaking = world.speaking(profile)
    wire = wire_of(profile.name)
    wanted = wire.write_order_request(replace(WANTED, target_meter=None))
    held = await speaking.send(Action.INIT, wanted)
    bought = wire.read_contract((await speaking.send(Action.CONFIRM, held))[wire.ORDER_KEY])
    await hand_over(speaking, EVEN)

    assert bought.order_id is not None
    statement = await statement_of(speaking, bought.order_id)
    assert [line["minor"] for line in statement["bill"]["lines"]] == [120, 250]  # 8 kWh at 0.15, wheeling
    assert statement["meters"]["exported"] == statement["meters"]["imported"]
    assert verify_statement(json.dumps(statement)) == []


async def test_the_seller_may_be_told_its_own_meter_and_no_other(world: SellerWorld) -> None:
    assert await buy(world, 5, target_meter=f"0{SOURCE_METER}")
    refusal = await world.refusal(
        Action.INIT, {"order": order(5, target_meter=TARGET_METER)}, transaction_id=str(uuid4())
    )
    assert refusal.code == "POL_ELIGIBILITY_NOT_MET"
    assert "metered where it is handed over" in refusal.message


async def test_a_grid_still_needs_the_buyers_meter(world: SellerWorld) -> None:
    refusal = await world.refusal(Action.INIT, {"order": order(5, target_meter=None, item="plant")})
    assert "meter that takes the energy" in refusal.message


async def test_a_watt_hour_of_the_meter_is_billed_once_to_who_bought_first(world: SellerWorld) -> None:
    first, second = await buy(world, 5), await buy(world, 5)
    await hand_over(world, EVEN)

    delivered = [(await world.status(each))["beckn:fulfillment"] for each in (first, second)]
    bags = [each["beckn:deliveryAttributes"] for each in delivered]
    assert [bag["deliveredQuantity"] for bag in bags] == [Decimal(5), Decimal(3)]


async def test_what_the_cabinet_itself_bought_takes_nothing_from_its_buyers(world: SellerWorld) -> None:
    upstream = await buy(world, 8, target_meter=SOURCE_METER, item="plant")
    downstream = await buy(world, 8)
    world.clock.set(WINDOW.end)
    await world.report(PLANT, EXPORT, hours_of(WINDOW, EVEN))
    await hand_over(world, EVEN)

    for each in (upstream, downstream):
        bag = (await world.status(each))["beckn:fulfillment"]["beckn:deliveryAttributes"]
        assert bag["deliveredQuantity"] == Decimal(8)


async def test_on_the_ledger_the_meter_gave_and_took_the_same(world: SellerWorld) -> None:
    await buy(world, 8)
    await hand_over(world, EVEN)

    async with world.uow_factory() as uow:
        found = await list_balances(uow=uow, unit=WATT_HOURS)
    meter = canonical_mrid(SOURCE_METER, lenient=True)
    assert {(each.account.kind.value, each.account.owner): each.posted for each in found} == {
        ("GENERATION", meter): 8_000,
        ("DELIVERED", meter): 8_000,
    }


async def test_engines_that_compare_two_meters_are_given_no_such_contract(
    world: SellerWorld, tmp_path: Path
) -> None:
    await buy(world, 8)
    with pytest.raises(DataInvalid, match="metered once"):
        await write_contracts(world.uow_factory, find_day(WINDOW.start.date(), zone="UTC"), tmp_path / "c")
