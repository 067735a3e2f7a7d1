"""Telling a buyer unasked how its contract stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bpp.orders.contracts import Statement, in_message, state
from bpp.platform import Bpp
from node.correspondence import Peer
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract


async def put_news(
    bpp: Bpp,
    contract: Contract,
    uow: UnitOfWork,
    *,
    action: Action,
    now: datetime,
    statement: Statement | None = None,
) -> Contract:
    """Put a message for the buyer that tells how the contract stands; return it as one whose buyer knows.

    `action` is the callback that is sent. `statement` is how the contract stands, if that is known. The
    caller saves the contract in the same unit of work.
    """
    contract = replace(contract, updated_at=now, told_at=now)
    statement = statement.of(contract) if statement else await state(contract, uow, now=now)
    message = bpp.correspondent.unsolicited(
        action,
        to=Peer(subscriber_id=contract.bap_id, url=contract.bap_url),
        message=in_message(statement.order, contract),
        transaction_id=contract.transaction_id,
        now=now,
        profile=PROFILES[contract.profile],
    )
    await uow.outbox.put(message)
    return statement.told(contract)
