"""Telling a buyer unasked how its contracts stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bpp.orders.telling import Statement, in_message, restate, state_all
from bpp.platform import Bpp
from node.correspondence import Peer
from protocol.actions import Action
from protocol.profile import PROFILES
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract


async def put_news(
    bpp: Bpp, contract: Contract, uow: UnitOfWork, *, action: Action, now: datetime
) -> Contract:
    """Put a message for the buyer that tells how a contract stands; return it as one whose buyer knows.

    `action` is the callback that is sent. The caller saves the contract in the same unit of work.
    """
    [told] = await put_news_of_all(bpp, [contract], uow, action=action, now=now)
    return told


async def put_news_of_all(
    bpp: Bpp,
    contracts: Sequence[Contract],
    uow: UnitOfWork,
    *,
    action: Action,
    now: datetime,
    statements: Sequence[Statement] = (),
) -> list[Contract]:
    """Put one message that tells how contracts of one order stand; return them as those whose buyer knows.

    `statements` are how they stand, if that is known.
    """
    contracts = [replace(each, updated_at=now, told_at=now) for each in contracts]
    statements = restate(statements, contracts) if statements else await state_all(contracts, uow, now=now)
    first = contracts[0]
    message = bpp.correspondent.unsolicited(
        action,
        to=Peer(subscriber_id=first.bap_id, url=first.bap_url),
        message=in_message(statements[0].order, first),
        transaction_id=first.transaction_id,
        now=now,
        profile=PROFILES[first.profile],
    )
    await uow.outbox.put(message)
    return [statement.told(each) for statement, each in zip(statements, contracts, strict=True)]
