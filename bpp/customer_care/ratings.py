"""Ratings in PostgreSQL, within one transaction: one a buyer's platform and thing rated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import simplejson
from sqlalchemy import func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.tables import ratings
from trading.request import Rating, RatingSummary

_OUT_OF: Final = 5
_SHOWN: Final = Decimal("0.01")


_OF_SOLD: Final = text(
    """
    SELECT id, count(*) AS many, avg(score) AS mean FROM (
        SELECT target_id AS id, score FROM ratings WHERE category = 'ITEM' AND target_id = ANY(:resources)
        UNION ALL
        SELECT target_id, score FROM ratings WHERE category = 'PROVIDER' AND target_id = ANY(:providers)
        UNION ALL
        SELECT c.id, r.score FROM ratings AS r JOIN (
            SELECT DISTINCT order_id, resource_id AS id FROM contracts WHERE resource_id = ANY(:resources)
        ) AS c ON c.order_id = r.target_id WHERE r.category = 'ORDER'
        UNION ALL
        SELECT c.id, r.score FROM ratings AS r JOIN (
            SELECT DISTINCT order_id, provider_id AS id FROM contracts WHERE provider_id = ANY(:providers)
        ) AS c ON c.order_id = r.target_id WHERE r.category = 'ORDER'
    ) AS given GROUP BY id
    """
)


class RatingStore:
    """The ratings within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, rating: Rating, *, bap_id: str, now: datetime) -> None:
        """Keep a rating in place of the rater's earlier one of the same thing."""
        values = {
            "score": score(rating),
            "value": f"{rating.value} of {rating.worst} to {rating.best}",
            "feedback": simplejson.dumps(rating.feedback, use_decimal=True, ensure_ascii=False),
            "rated_at": now,
        }
        statement = upsert(ratings).values(
            bap_id=bap_id, category=rating.category, target_id=rating.target_id, **values
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[ratings.c.bap_id, ratings.c.category, ratings.c.target_id], set_=values
            )
        )

    async def aggregate(self, targets: Iterable[tuple[str, str]]) -> RatingSummary:
        """Return how many rated these (category, id), and the mean out of five, to two decimals."""
        of_targets = tuple_(ratings.c.category, ratings.c.target_id).in_(sorted(targets))
        query = select(func.count(), func.avg(ratings.c.score)).where(of_targets)
        count, mean = (await self._connection.execute(query)).one()
        return RatingSummary(count=count, mean=None if mean is None else mean.quantize(_SHOWN))

    async def of_sold(
        self, *, resources: Sequence[str], providers: Sequence[str]
    ) -> dict[str, RatingSummary]:
        """Return what those who bought think of resources and providers, of those that were rated.

        An order that was rated counts for what was bought, and for who sold it.
        """
        rows = await self._connection.execute(
            _OF_SOLD, {"resources": list(resources), "providers": list(providers)}
        )
        return {row.id: RatingSummary(count=row.many, mean=row.mean.quantize(_SHOWN)) for row in rows}


def score(rating: Rating) -> Decimal:
    """Return the rating out of five: the worst of its scale is 0, the best 5."""
    return (rating.value - rating.worst) * _OUT_OF / (rating.best - rating.worst)
