"""A buyer's platform pays into its deposit at a seller's, by the sandbox rail."""

from __future__ import annotations

from uuid import uuid4

from bpp.payments.desk import PaymentDesk
from kernel.currency import Currency
from kernel.money import Money
from settlement.payments.kept_sandbox import SANDBOX, KeptSandbox
from settlement.payments.payment import Collector, Payment
from tests.support.seller_world import BAP_ID, BPP_ID, SellerWorld


async def fill_deposit(world: SellerWorld, minor: int) -> None:
    """Have so many minor units of USD paid in."""
    rail = KeptSandbox(uow_factory=world.uow_factory, clock=world.clock)
    desk = PaymentDesk(seller=BPP_ID, rail_name=SANDBOX, rail=rail, uow_factory=world.uow_factory)
    amount = Money(minor, Currency("USD"))
    payment = Payment(id=uuid4(), payer=BAP_ID, payee=BPP_ID, amount=amount, collected_by=Collector.BPP)
    async with world.uow_factory() as uow:
        await desk.start(payment, uow=uow, now=world.clock.now())
    await desk.ask(payment.id, now=world.clock.now())
