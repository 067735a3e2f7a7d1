"""Which callbacks a seller takes: answers to publications of ours, and of utilities that were asked."""

from __future__ import annotations

from dataclasses import dataclass

from bpp.cascade.answers import ANSWERS, find_asked
from bpp.publications import Publications
from kernel.errors import NodeError
from protocol.actions import PUBLISHING, Action
from protocol.context import Context
from protocol.profile import Profile
from storage.unit_of_work import UnitOfWorkFactory


class NothingPublished(NodeError):
    """The callback answers no publication of this node to its sender."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerAdmission:
    """Refuses results that nobody waits for, before they are acknowledged."""

    uow_factory: UnitOfWorkFactory

    async def __call__(self, action: Action, context: Context, sender: str, profile: Profile, /) -> None:
        """Raises: NothingPublished, NothingAsked."""
        if action in ANSWERS:
            async with self.uow_factory() as uow:
                await find_asked(action, context, sender, profile, uow)
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
