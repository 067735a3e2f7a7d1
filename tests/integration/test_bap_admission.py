"""Which callbacks the buyer's door lets in, and where it says that one is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from bap.admission import Admission, NotConfirmed, NothingAsked, TransactionUnknown
from bap.buyer import put_call
from kernel.errors import NodeError
from node.correspondence import Correspondent, Peer
from protocol.actions import Action, Role
from protocol.context import Context, read_context
from protocol.document import parse_document
from protocol.profile import PROFILES, Profile
from storage.outbox import Outgoing
from storage.unit_of_work import UnitOfWorkFactory
from tests.support.wire_examples import ALL, wire_message

NOW: Final = datetime(2026, 6, 11, 18, tzinfo=UTC)
SELLER: Final = Peer(subscriber_id="bpp.sunfield.example", url="https://bpp.sunfield.example")


async def ask(uow_factory: UnitOfWorkFactory, action: Action, profile: Profile) -> Outgoing:
    me = Correspondent(
        role=Role.BAP,
        subscriber_id="bap.bakery.example",
        url="https://bap.bakery.example",
        domain="energy",
        profile=profile,
        request_ttl=timedelta(seconds=30),
        callback_ttl=timedelta(hours=24),
    )
    message = wire_message(profile, action)
    outgoing = me.request(action, to=SELLER, message=message, transaction_id="t-1", now=NOW)
    async with uow_factory() as uow:
        await put_call(uow, outgoing, SELLER, "test")
    return outgoing


def context_of(outgoing: Outgoing, profile: Profile) -> Context:
    return read_context(parse_document(outgoing.body), profile)


@pytest.mark.parametrize("profile", ALL, ids=list(PROFILES))
async def test_a_callback_answers_a_call_or_tells_of_a_confirmed_transaction(
    uow_factory: UnitOfWorkFactory, profile: Profile
) -> None:
    admit, sender = Admission(uow_factory=uow_factory), SELLER.subscriber_id
    asked = context_of(await ask(uow_factory, Action.SELECT, profile), profile)
    unasked = asked._replace(message_id="m-new")
    await admit(Action.ON_SELECT, asked, sender, profile, b"")
    expected: list[tuple[Action, Context, str, type[NodeError], str]] = [
        (Action.ON_SELECT, unasked, sender, NothingAsked, profile.keys.message_id),
        (Action.ON_INIT, asked, sender, NothingAsked, profile.keys.message_id),
        (Action.ON_STATUS, unasked, sender, NotConfirmed, profile.keys.transaction_id),
        (
            Action.ON_SELECT,
            asked,
            "bpp.other.example",
            TransactionUnknown,
            profile.keys.transaction_id,
        ),
    ]
    for action, context, who, kind, key in expected:
        with pytest.raises(kind) as caught:
            await admit(action, context, who, profile, b"")
        assert caught.value.path == f"$.context.{key}"
    await ask(uow_factory, Action.CONFIRM, profile)
    await admit(Action.ON_STATUS, unasked, sender, profile, b"")
