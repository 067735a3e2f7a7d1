"""rating: what buyers think of orders, items and providers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bpp.customer_care.ratings import RatingStore
from bpp.platform import Bpp
from node.message import Inbound
from storage.unit_of_work import UnitOfWork
from trading.contracts import ContractStore
from trading.fields import Field
from trading.mapping import wire_of
from trading.refusals import RatingTargetNotFound, RatingValueInvalid
from trading.request import Rating

_BOUGHT_BY: Final = {"ITEM": "resource_id", "PROVIDER": "provider_id"}
"""Which column of a contract names what is rated; everything else is rated by its order."""


async def rate(_bpp: Bpp, inbound: Inbound, uow: UnitOfWork, now: datetime) -> Mapping[str, Any]:
    """Keep the ratings, each in place of the sender's earlier one; return what all come to.

    Raises: RatingTargetNotFound, if the sender bought no such thing; RatingValueInvalid.
    """
    wire = wire_of(inbound.profile.name)
    ratings = wire.read_ratings(inbound.message)
    store, contracts = RatingStore(uow.connection), ContractStore(uow.connection)
    for index, rating in enumerate(ratings):
        _require_on_scale(rating, path=wire.PATHS[Field.RATING].format(index=index))
        column = _BOUGHT_BY.get(rating.category, "order_id")
        known = f"{rating.category}{rating.target_id}".isprintable()  # PostgreSQL takes no NUL
        if not known or not await contracts.has_bought(
            bap_id=inbound.sender, column=column, value=rating.target_id
        ):
            raise RatingTargetNotFound(
                f"you bought no {rating.category.lower()} {rating.target_id[:64]} here",
                path=wire.PATHS[Field.RATED].format(index=index),
                hint="Rate an order by its id, or an item or provider of one of your orders.",
            )
        await store.put(rating, bap_id=inbound.sender, now=now)
    summary = await store.aggregate({(rating.category, rating.target_id) for rating in ratings})
    return wire.write_aggregate(ratings, summary)


def _require_on_scale(rating: Rating, *, path: str) -> None:
    if not rating.worst <= rating.value <= rating.best or rating.worst >= rating.best:
        raise RatingValueInvalid(
            f"{rating.value} is not on the scale from {rating.worst} to {rating.best}",
            path=path,
            hint="Rate from 0 to 5, or send the scale along.",
        )
