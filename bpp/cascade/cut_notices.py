"""What was cut of a contract, told to the utilities that have not cut it themselves."""

from __future__ import annotations

from datetime import datetime

from bpp.cascade.asking import QUESTIONS_CHANNEL, grid_request
from bpp.cascade.questions import Question, QuestionStore, order_ids
from bpp.platform import Bpp
from protocol.actions import Action
from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.curtailments import CurtailmentStore
from trading.grid_statement import UtilityStatement


async def tell_of_cut(
    bpp: Bpp, contract: Contract, uow: UnitOfWork, *, now: datetime, but: str | None = None, note: str = ""
) -> None:
    """Have the utilities of a locked contract told what was cut of it last, all `but` the one that did.

    Each is told until it answers, and of a cut once. `note` is why, in words that all may read.
    """
    if contract.grid is None:
        return
    cuts = await CurtailmentStore(uow.connection).find_all(contract.id)
    if not cuts:
        return
    store, last = QuestionStore(uow.connection), cuts[-1].curtailment
    earlier = await store.of_contract(contract.id)
    known = order_ids(earlier)
    told = {each.utility_id for each in earlier if each.cut is not None and each.cut.since == last.since}
    for utility in contract.grid.sides.keys() - told - {but}:
        asked = grid_request(contract, order_id=known.get(utility))
        question = Question(
            contract_id=contract.id,
            utility_id=utility,
            action=Action.UPDATE,
            asked=asked,
            created_at=now,
            expires_at=now + bpp.correspondent.request_ttl,
            cut=UtilityStatement(
                order_id=asked.order_id, said_at=now, cut=last.cut, since=last.since, note=note
            ),
        )
        await store.put(question)
    await uow.announce(QUESTIONS_CHANNEL)
