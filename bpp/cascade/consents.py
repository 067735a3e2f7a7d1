"""A seller's consent to what its buyer proposed, which waits for the utilities of the trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.cascade.asking import Occasion, ask_on
from bpp.cascade.questions import QuestionStore, Waiting
from bpp.cascade.tables import proposal_consents
from bpp.orders.amending import require_open, try_amendment
from bpp.platform import Bpp
from kernel.clock import utc
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading.amendment import amend, require_amendable
from trading.cancellation import Reason
from trading.contract import Contract
from trading.proposal import Answer, Proposal, settle_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Who accepts a proposal in the seller's name, and why."""

    id: str
    proposal_id: str
    who: str
    why: Reason
    given_at: datetime


class ConsentStore:
    """The consents within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, consent: Consent) -> None:
        """Keep a consent."""
        await self._connection.execute(
            insert(proposal_consents).values(
                id=consent.id,
                proposal_id=consent.proposal_id,
                who=consent.who,
                words=consent.why.words,
                reason_code=consent.why.code,
                given_at=consent.given_at,
            )
        )

    async def get(self, consent_id: str) -> Consent:
        """Return the consent of that id."""
        query = select(proposal_consents).where(proposal_consents.c.id == consent_id)
        row = (await self._connection.execute(query)).one()
        return Consent(
            id=row.id,
            proposal_id=row.proposal_id,
            who=row.who,
            why=Reason(code=row.reason_code, words=row.words),
            given_at=utc(row.given_at),
        )


async def ask_for_consent(
    bpp: Bpp, contract: Contract, proposal: Proposal, uow: UnitOfWork, *, who: str, why: Reason, now: datetime
) -> bool:
    """Put what is accepted of a locked contract before its utilities; say whether that is new.

    What it needs more is held meanwhile.
    Raises: ProposalNotOpen, UtilityStillAsked, and what stands against the change by now.
    """
    if contract.id in await QuestionStore(uow.connection).still_asked([contract.id]):
        return False
    settle_answer(proposal, Answer(proposal_id=proposal.id, accepts=True), words=why.words, now=now)
    require_amendable(contract, proposal.amendment, side=proposal.side, now=now)
    await require_open(contract, uow, now=now)
    consent = Consent(id=str(bpp.new_id()), proposal_id=proposal.id, who=who, why=why, given_at=now)
    await ConsentStore(uow.connection).add(consent)
    waiting = Waiting(sender=bpp.subscriber_id, message_id=consent.id, action=Action.ON_UPDATE)
    occasion = Occasion(action=Action.UPDATE, waiting=waiting, actor=bpp.subscriber_id)
    about = amend(contract, proposal.amendment, now=now)
    await ask_on(bpp, contract, occasion, uow, now=now, about=about)
    await try_amendment(bpp, contract, proposal.amendment, uow, now=now)
    return True
