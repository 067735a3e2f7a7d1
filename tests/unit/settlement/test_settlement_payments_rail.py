"""The sandbox rail, and asking a rail again without having it do anything twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from kernel.clock import ManualClock, parse_instant
from kernel.currency import Currency
from kernel.money import Money
from settlement.payments.attempts import RETRY_AFTER, attempt
from settlement.payments.ports import RailAction, RailOrder, RailRefused, RailUnreachable
from settlement.payments.sandbox_rail import Behaviour, SandboxRail
from settlement.payments.states import PaymentStatus

PAYMENT = UUID(int=7)
CAPTURE = RailOrder(payment=PAYMENT, action=RailAction.CAPTURE, amount=Money(100, Currency("INR")))


def rail(*behaviours: Behaviour) -> SandboxRail:
    return SandboxRail(clock=ManualClock(parse_instant("2026-01-01T00:00:00Z")), behaviours=behaviours)


def said(sandbox: SandboxRail) -> list[PaymentStatus]:
    return [notice.status for notice in sandbox.webhooks()]


def test_an_order_is_tried_again_after_one_two_and_four_seconds() -> None:
    assert [wait / timedelta(seconds=1) for wait in RETRY_AFTER] == [1, 2, 4]


async def test_an_order_whose_answer_was_lost_is_not_done_twice() -> None:
    sandbox = rail(Behaviour.LOSE_ANSWER)
    with pytest.raises(RailUnreachable):
        await attempt(CAPTURE, rail=sandbox)
    notice = await attempt(CAPTURE, rail=sandbox)
    assert (notice.status, sandbox.webhooks()) == (PaymentStatus.CAPTURED, [notice])
    assert await sandbox.ask(CAPTURE) == notice
    assert said(sandbox) == []


async def test_an_order_that_was_not_got_is_done_later() -> None:
    sandbox = rail(Behaviour.UNREACHABLE)
    with pytest.raises(RailUnreachable):
        await attempt(CAPTURE, rail=sandbox)
    assert said(sandbox) == []
    assert (await attempt(CAPTURE, rail=sandbox)).status is PaymentStatus.CAPTURED


async def test_the_rail_fails_repeats_delays_and_charges_back_on_command() -> None:
    sandbox = rail(Behaviour.FAIL)
    sandbox.then(Behaviour.REPEAT, Behaviour.DELAY, Behaviour.FAIL)
    assert (await sandbox.ask(CAPTURE)).status is PaymentStatus.FAILED
    assert said(sandbox) == [PaymentStatus.FAILED]
    repeated = await sandbox.ask(replace(CAPTURE, payment=UUID(int=8)))
    assert sandbox.webhooks() == [repeated, repeated]
    await sandbox.ask(replace(CAPTURE, action=RailAction.AUTHORIZE))
    assert said(sandbox) == []
    sandbox.release()
    assert said(sandbox) == [PaymentStatus.AUTHORIZED]
    with pytest.raises(RailRefused):
        await sandbox.ask(replace(CAPTURE, action=RailAction.VOID))
    for command in (sandbox.settle, sandbox.bounce, sandbox.charge_back):
        command(PAYMENT)
    assert said(sandbox) == [PaymentStatus.SETTLED, PaymentStatus.FAILED, PaymentStatus.CHARGEBACK]


async def test_a_notice_that_says_something_else_has_another_digest() -> None:
    notice = await rail().ask(CAPTURE)
    assert replace(notice).digest == notice.digest
    assert replace(notice, status=PaymentStatus.FAILED).digest != notice.digest
