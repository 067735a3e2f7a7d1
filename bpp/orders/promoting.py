"""Promotions of orders: which of an offer's each line has, what is kept of that, and what it binds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hmac import compare_digest

from storage.unit_of_work import UnitOfWork
from trading.contract import Contract
from trading.fields import Field
from trading.order_lines import Ordered
from trading.promotion import NOTHING_YET, Wanted, choose, digest_of
from trading.promotion_uses import PromotionUses
from trading.refusals import FieldInvalid, QuantityOutOfBounds, QuoteChanged
from trading.request import OrderRequest, Selection


async def promote_lines(
    ordered: Ordered,
    selections: Sequence[Selection],
    uow: UnitOfWork,
    *,
    bap_id: str,
    now: datetime,
    but: Sequence[Contract] = (),
) -> list[Selection]:
    """Return what was selected with the promotions that each line has, on terms that have them.

    `but` are the lines that the order replaces. No other order of the buyer gets any meanwhile.
    Raises: CodeUnknown, PromotionNotMet; FieldInvalid, of who buys.
    """
    uses = PromotionUses(uow.connection)
    pairs = list(zip(ordered.lines, selections, strict=True))
    for buyer_id in sorted({buyer_of(request, bap_id) for request, each in pairs if each.offer.promotions}):
        await uses.lock(bap_id, buyer_id)
    order_id = but[0].order_id if but else None
    promoted: list[Selection] = []
    for line, (request, selection) in enumerate(pairs, start=1):
        with ordered.at(line):
            history = NOTHING_YET
            if selection.offer.promotions:
                buyer_id = buyer_of(request, bap_id)
                history = await uses.history(
                    selection, bap_id=bap_id, buyer_id=buyer_id, now=now, but=order_id
                )
                history = replace(history, beside=_titles_beside(selection, promoted))
            wanted = Wanted(
                quantity=selection.quantity, window=selection.window, code=request.code, history=history
            )
            chosen = choose(selection.offer.promotions, wanted)
            promoted.append(replace(selection, offer=selection.offer.promoted(chosen)))
    return promoted


async def keep_promotions(
    contracts: Sequence[Contract], selections: Sequence[Selection], uow: UnitOfWork
) -> None:
    """Keep which promotions the lines of an order have."""
    for contract, selection in zip(contracts, selections, strict=True):
        await PromotionUses(uow.connection).record(contract, selection.offer.promotions)


async def require_codes(contracts: Sequence[Contract], ordered: Ordered, uow: UnitOfWork) -> None:
    """Raises: QuoteChanged, if a line names another code than it was agreed on with."""
    if len(ordered.lines) != len(contracts):
        return
    for contract, request in zip(contracts, ordered.lines, strict=True):
        if request.code is None:
            continue
        agreed = await PromotionUses(uow.connection).codes_of(contract)
        said = digest_of(request.code)
        if not any(compare_digest(each, said) for each in agreed):
            with ordered.at(contract.line):
                raise QuoteChanged(
                    "the code differs from what was agreed",
                    path=Field.CODE,
                    hint="Send init again for anything else.",
                )


async def require_minimum(contract: Contract, uow: UnitOfWork) -> None:
    """Raises: QuantityOutOfBounds, if a contract's quantity is less than a promotion that it has is for."""
    found = await PromotionUses(uow.connection).minimum_of(contract)
    if found is not None and contract.quantity < found[1]:
        title, least = found
        raise QuantityOutOfBounds(
            f"the contract has the promotion {title}, which is for {least} or more",
            hint="Keep so much, or cancel it and order anew.",
        )


def buyer_of(request: OrderRequest, bap_id: str) -> str:
    """Return who buys: the platform itself, where it names nobody. Raises: FieldInvalid."""
    buyer_id = request.buyer_id or bap_id
    if not buyer_id.isprintable():  # PostgreSQL keeps no NUL
        raise FieldInvalid("the buyer's id holds a control character", path=Field.BUYER)
    return buyer_id


def _titles_beside(selection: Selection, lines: Sequence[Selection]) -> frozenset[str]:
    """Return the titles of the promotions that lines before have of the same offer."""
    same = (each.offer for each in lines if each.offer.id == selection.offer.id)
    return frozenset(promotion.title for offer in same for promotion in offer.promotions)
