"""Which callbacks a seller takes: answers to what it published or asked, and what utilities say unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import simplejson

from bpp.cascade.answers import ANSWERS, find_asked, require_statement
from bpp.cascade.statements import check_heard, hear
from bpp.places import places_on
from bpp.publishing.publications import Publications
from kernel.errors import NodeError
from protocol.actions import PUBLISHING, Action
from protocol.context import Context
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory


class NothingPublished(NodeError):
    """The callback answers no publication of this node to its sender."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerAdmission:
    """Refuses results that nobody waits for, before they are acknowledged."""

    uow_factory: UnitOfWorkFactory

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, raw: bytes, /
    ) -> None:
        """Raises: NothingPublished, NothingAsked, and what stands against what a utility says unasked."""
        if action in ANSWERS:
            async with self.uow_factory() as uow:
                if await find_asked(action, context, sender, uow) is None:
                    document = simplejson.loads(raw, use_decimal=True)
                    require_statement(action, sender, profile, error=document.get("error"))
                    await _check_unasked(document["message"], sender, profile, context, uow)
        if action is not PUBLISHING.callback:
            return
        async with self.uow_factory() as uow:
            if await Publications(uow.connection).was_sent(context.message_id, to=sender):
                return
        raise NothingPublished(
            f"nothing was published to {sender} under this message id",
            path=f"$.context.{profile.keys.message_id}",
            hint="Answer under the message id of the publication.",
        )


async def _check_unasked(
    message: Mapping[str, Any], sender: str, profile: Profile, context: Context, uow: UnitOfWork
) -> None:
    """Refuse what a utility says unasked, if it may not or cannot be so."""
    with places_on(profile):
        heard = await hear(message, uow, sender=sender, profile=profile, said_at=context.timestamp)
        await check_heard(heard, uow)
