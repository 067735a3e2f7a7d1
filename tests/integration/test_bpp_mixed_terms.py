"""A fee with hours, taxes, charges, discounts of every kind, a counter, paid ahead: all figures agree."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time
from decimal import Decimal

import pytest
from fastapi.responses import JSONResponse

from bpp.accounts.statements import make_statement
from degnode.bill_verifier.verify import verify_statement
from kernel.clock import ManualClock
from kernel.currency import Currency
from kernel.energy import Energy
from kernel.money import Money
from protocol.actions import Action
from protocol.profile import V1_1, V2_LTS, V2_RC, Profile
from settlement.bills import BillStatus
from settlement.store import find_bills
from storage.unit_of_work import UnitOfWorkFactory
from tests.integration.test_bpp_prepaid import available, fill
from tests.support.back_office import AskedWorld, BackOffice, webhook
from tests.support.seller_world import NOW, WANTED, WINDOW
from trading.charges import AmountOff, Charge, Discount, LineKind, Percent, Subscription, Tax
from trading.contracts import ContractStore
from trading.mapping import wire_of
from trading.offer import Offer
from trading.promotion import Promotion
from trading.rates import DayRates, IntervalPrices, Price, TimeOfDayRate
from trading.terms import PaymentTiming, PricingModel

USD = Currency("USD")
CODE = "SPRING-26"
HOURS = DayRates(
    rates=(
        TimeOfDayRate(start=time(6), end=time(13), rate=Decimal("0.2137")),
        TimeOfDayRate(start=time(13), end=time(17), rate=Decimal("0.3219")),
    )
)
MARKET = IntervalPrices(
    start=WINDOW.start,
    step=WINDOW.duration / 8,
    prices=tuple(Decimal(f"0.{number}1") for number in range(1, 9)),
)


@pytest.fixture
async def office() -> AsyncIterator[BackOffice]:
    async with BackOffice() as office:
        yield office


def mixed(offer: Offer, *, is_by_market: bool) -> Offer:
    terms = replace(
        offer.terms,
        pricing_model=PricingModel.SUBSCRIPTION,
        price=Price(per_kwh=Decimal("0.1803"), currency=USD),
        subscription=Subscription(fee=Money(4_217, USD), included=Energy(2_333)),
        rates=None if is_by_market else HOURS,
        by_interval=MARKET if is_by_market else None,
        discount=Discount(title="Everybody", percent=Decimal("7.5")),
        promotions=(AmountOff(title="Winter", amount=Money(17, USD)),),
        charges=(
            Charge(kind=LineKind.FEE, title="Handling", value=Percent(of_energy=Decimal("1.7"))),
            Charge(
                kind=LineKind.SURCHARGE, title="Peak", value=Price(per_kwh=Decimal("0.013"), currency=USD)
            ),
        ),
        taxes=(
            Tax(title="VAT", percent=Decimal("9.25"), jurisdiction="CO"),
            Tax(
                title="Levy",
                percent=Decimal("1.1"),
                jurisdiction="Valley",
                applies_to=frozenset({LineKind.ENERGY}),
            ),
        ),
    )
    letter = Promotion(off=Discount(title="Letter", percent=Decimal(5)), code=CODE, uses=1)
    first = Promotion(off=AmountOff(title="First", amount=Money(11, USD)), first_order=True)
    ways = (PaymentTiming.POSTPAID, PaymentTiming.PREPAID)
    return replace(offer, terms=terms, payments=ways, promotions=(letter, first))


async def selling(uow_factory: UnitOfWorkFactory, office: BackOffice, *, is_by_market: bool) -> AskedWorld:
    port = webhook(office.url, ManualClock(NOW))
    world = await AskedWorld(uow_factory=uow_factory, port=port).open()
    [offer] = world.bpp.catalogue.offers
    offers = (mixed(offer, is_by_market=is_by_market),)
    world.bpp.catalogue = replace(world.bpp.catalogue, offers=offers)
    return world


@pytest.mark.parametrize(("profile", "is_by_market"), [(V1_1, False), (V2_RC, True), (V2_LTS, False)])
async def test_quote_deposit_bill_and_verifier_agree_on_mixed_terms(
    uow_factory: UnitOfWorkFactory,
    office: BackOffice,
    profile: Profile,
    is_by_market: bool,
) -> None:
    world = replace(await selling(uow_factory, office, is_by_market=is_by_market), profile=profile)
    wire = wire_of(profile.name)
    neighbours = {"title": "Neighbours", "percent": "2.5"}
    office.answers = [JSONResponse({"answer": "counter", "max_kwh": "8", "discount": neighbours})] * 2
    await fill(world, 10_000)
    wanted = replace(WANTED, code=CODE, payment=PaymentTiming.PREPAID)
    quoted = await world.send(Action.SELECT, wire.write_order_request(wanted))
    held = await world.send(Action.INIT, wire.write_order_request(wanted))
    quote = wire.read_contract(held[wire.ORDER_KEY]).quote
    parts = [wire.find_parts(each[wire.ORDER_KEY]).value for each in (quoted, held)]
    assert parts[0] is not None
    assert parts[0] == parts[1]
    bought = wire.read_contract((await world.send(Action.CONFIRM, held))[wire.ORDER_KEY])
    assert await available(world) == 10_000 - quote.total.minor
    world.clock.set(WINDOW.end)
    await world.deliver([1_000] * 8)
    async with uow_factory() as uow:
        contract = await ContractStore(uow.connection).get(bought.order_id)
        [bill] = await find_bills(contract.id, uow=uow)
        statement = await make_statement(contract, bill.cycle_id, uow, now=world.clock.now())
    titles = [off.title for off in contract.terms.promotions]
    assert titles == ["Winter", "First", "Letter", "Neighbours"]
    assert verify_statement(json.dumps(statement)) == []
    assert bill.total == quote.total
    assert (bill.status, await available(world)) == (BillStatus.PAID, 10_000 - bill.total.minor)
