"""What platforms do not take of what a utility says unasked: told at their door, or when they come to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import simplejson
import structlog

from bpp.utility.statements import StatementStore
from kernel.errors import NodeError
from node.message import Inbound
from protocol.actions import REFUSED_TO_UTILITIES, Action
from protocol.context import Context
from protocol.errors import WireError
from protocol.profile import Profile
from storage.outbox import ClaimedOutgoing
from storage.unit_of_work import UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger(__name__)


class NothingSaid(NodeError):
    """The callback refuses nothing that this utility has said to its sender."""

    code, http_status, retryable = "CTX_INVALID_FIELD", 400, False


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilityAdmission:
    """Refuses callbacks that are about nothing which was said, before they are acknowledged."""

    uow_factory: UnitOfWorkFactory

    async def __call__(
        self, action: Action, context: Context, sender: str, profile: Profile, raw: bytes, /
    ) -> None:
        """Raises: NothingSaid."""
        if action not in REFUSED_TO_UTILITIES:
            return
        if simplejson.loads(raw).get("error") is not None:
            async with self.uow_factory() as uow:
                if await StatementStore(uow.connection).was_said(context.message_id, platform=sender):
                    return
        raise NothingSaid(
            f"nothing was said to {sender} under this message id that could be refused",
            path=f"$.context.{profile.keys.message_id}",
            hint="Send an error, under the message id of what is refused.",
        )


async def hear_refusal(inbound: Inbound, uow: UnitOfWork, _now: datetime) -> None:
    """Keep why a platform does not take what it had acknowledged; a cut of that counts no more then."""
    if inbound.error is not None:
        await _keep(inbound.context.message_id, inbound.sender, inbound.error, uow)


async def record_refused(
    uow: UnitOfWork, outgoing: ClaimedOutgoing, error: WireError, _now: datetime
) -> None:
    """Keep why a platform did not take what was said at its door; a cut of it counts no more then."""
    await _keep(outgoing.message_id, outgoing.peer, error, uow)


async def _keep(message_id: str, platform: str, error: WireError, uow: UnitOfWork) -> None:
    if await StatementStore(uow.connection).refuse(message_id, error, platform=platform):
        log.error("utility.statement_refused", platform=platform, message=message_id, code=error.code)
