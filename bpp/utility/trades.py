"""The trades that a utility let pass, within one transaction.

Whoever reckons with a customer's limit has locked its meter before: so no two trades are given the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from bpp.utility.sanction import Use, cut_back
from bpp.utility.statements import StatementStore
from bpp.utility.tables import utility_meters, utility_trades
from kernel.currency import Currency
from kernel.energy import ZERO_ENERGY, Energy
from kernel.interval import Interval
from trading.curtailment import Curtailment
from trading.fields import Field
from trading.grid import GridRequest
from trading.grid_records import request_from_record, request_to_record
from trading.records import wheeling_from_record, wheeling_to_record
from trading.refusals import OrderNotFound
from trading.wheeling import Side, Wheeling

_COLUMNS: Final = utility_trades.c
_METERS: Final = {Side.BUYER: _COLUMNS.buyer_mrid, Side.SELLER: _COLUMNS.seller_mrid}


class TradeState(StrEnum):
    """How far a trade has come."""

    HELD = "HELD"  # until its hold lapses
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A trade that a utility let pass: `platform` asked for it and calls it `order_id`.

    `meters` are those of the utility's own customers. `use` is what it takes of their limits; nothing, once
    it was cancelled before delivery began. `cuts` are what the utility has cut of it, in order of time.
    """

    platform: str
    order_id: str
    transaction_id: str
    request: GridRequest
    meters: dict[Side, str]
    use: Use
    wheeling: tuple[Wheeling, ...]
    state: TradeState
    created_at: datetime
    updated_at: datetime
    hold_until: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    cuts: tuple[Curtailment, ...] = ()

    @property
    def uses(self) -> list[Use]:
        """What it takes of limits when; of one that was cancelled, what had flowed by then."""
        return [self.use] if self.state is TradeState.CANCELLED else cut_back(self.use, self.cuts)

    @property
    def key(self) -> tuple[str, str]:
        """What nobody else's trade is called."""
        return self.platform, self.order_id

    def has_lapsed(self, now: datetime) -> bool:
        return self.state is TradeState.HELD and self.hold_until <= now


class TradeStore:
    """The trades within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, meters: Iterable[str]) -> None:
        """Have a row to lock for each customer's meter. Do it at every start."""
        rows = [{"mrid": mrid} for mrid in sorted(meters)]
        await self._connection.execute(upsert(utility_meters).on_conflict_do_nothing(), rows)

    async def lock(self, meters: Iterable[str]) -> None:
        """Keep others from the limits of these meters until the transaction ends."""
        query = select(utility_meters.c.mrid).where(utility_meters.c.mrid.in_(sorted(meters)))
        await self._connection.execute(query.order_by(utility_meters.c.mrid).with_for_update())

    async def find(self, order_id: str, *, platform: str) -> Trade | None:
        """Return the trade that a platform calls so, locked; None if there is none."""
        if not order_id.isprintable():  # PostgreSQL takes no NUL
            return None
        query = select(utility_trades).where(_COLUMNS.platform == platform, _COLUMNS.order_id == order_id)
        found = await self._all(query.with_for_update())
        return found[0] if found else None

    async def get(self, order_id: str, *, platform: str, named_at: Field = Field.ORDER_ID) -> Trade:
        """Return the trade that a platform calls so, locked. Raises: OrderNotFound."""
        trade = await self.find(order_id, platform=platform)
        if trade is None:
            raise OrderNotFound(
                f"no trade {order_id[:64]} of yours was brought here",
                path=named_at,
                hint="Send init first.",
            )
        return trade

    async def save(self, trade: Trade) -> None:
        """Keep the trade as it is now."""
        values = _row(trade)
        kept = {name: value for name, value in values.items() if name not in ("platform", "order_id")}
        statement = upsert(utility_trades).values(**values)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[_COLUMNS.platform, _COLUMNS.order_id], set_=kept)
        )

    async def uses(
        self, mrid: str, side: Side, span: Interval, *, now: datetime, but: Trade | None = None
    ) -> list[Use]:
        """Return what trades take of a meter's limit on one side during `span`, all but one of them."""
        query = select(utility_trades).where(
            _METERS[side] == mrid,
            _COLUMNS.window_start < span.end,
            _COLUMNS.window_end > span.start,
            _counts(now),
        )
        itself = None if but is None else but.key
        others = [trade for trade in await self._all(query) if trade.key != itself]
        return [use for trade in others for use in trade.uses]

    async def find_page(self, *, skip: int, limit: int) -> list[Trade]:
        """Return trades, the newest first."""
        query = select(utility_trades).order_by(_COLUMNS.id.desc()).offset(skip).limit(limit)
        return await self._all(query)

    async def find_confirmed(self, mrid: str, side: Side, span: Interval) -> list[Trade]:
        """Return the trades of a meter on one side that were confirmed and touch `span`, the oldest first."""
        query = select(utility_trades).where(
            _METERS[side] == mrid,
            _COLUMNS.confirmed_at.is_not(None),
            _COLUMNS.window_start < span.end,
            _COLUMNS.window_end > span.start,
        )
        return await self._all(query.order_by(_COLUMNS.id).with_for_update())

    async def find_named(self, order_id: str, *, platform: str | None) -> list[Trade]:
        """Return the trades that platforms call so, of one platform where it is named."""
        query = select(utility_trades).where(_COLUMNS.order_id == order_id)
        if platform is not None:
            query = query.where(_COLUMNS.platform == platform)
        return await self._all(query)

    async def _all(self, query: Select[Any]) -> list[Trade]:
        trades = [_trade(row) for row in (await self._connection.execute(query)).mappings()]
        cuts = await StatementStore(self._connection).find_cuts([trade.key for trade in trades])
        return [replace(trade, cuts=cuts[trade.key]) if trade.key in cuts else trade for trade in trades]


def _counts(now: datetime) -> ColumnElement[bool]:
    return and_(
        _COLUMNS.quantity_wh > 0, or_(_COLUMNS.state != TradeState.HELD.value, _COLUMNS.hold_until > now)
    )


def _row(trade: Trade) -> dict[str, Any]:
    return {
        "platform": trade.platform,
        "order_id": trade.order_id,
        "transaction_id": trade.transaction_id,
        "request": request_to_record(trade.request),
        "buyer_mrid": trade.meters.get(Side.BUYER),
        "seller_mrid": trade.meters.get(Side.SELLER),
        "quantity_wh": trade.use.quantity.watt_hours,
        "window_start": trade.use.window.start,
        "window_end": trade.use.window.end,
        "wheeling": [
            wheeling_to_record(charge) | {"currency": charge.currency.code} for charge in trade.wheeling
        ],
        "state": trade.state.value,
        "created_at": trade.created_at,
        "updated_at": trade.updated_at,
        "hold_until": trade.hold_until,
        "confirmed_at": trade.confirmed_at,
        "ended_at": trade.ended_at,
    }


def _trade(row: Any) -> Trade:  # noqa: ANN401  a mapping of SQLAlchemy's
    meters = {Side.BUYER: row["buyer_mrid"], Side.SELLER: row["seller_mrid"]}
    return Trade(
        platform=row["platform"],
        order_id=row["order_id"],
        transaction_id=row["transaction_id"],
        request=request_from_record(row["request"]),
        meters={side: mrid for side, mrid in meters.items() if mrid is not None},
        use=Use(
            window=Interval(row["window_start"], row["window_end"]),
            quantity=Energy(row["quantity_wh"]),
        ),
        wheeling=tuple(
            wheeling_from_record(charge, Currency(charge["currency"])) for charge in row["wheeling"]
        ),
        state=TradeState(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        hold_until=row["hold_until"],
        confirmed_at=row["confirmed_at"],
        ended_at=row["ended_at"],
    )


NO_USE: Final = ZERO_ENERGY
"""What a trade takes of a limit that was cancelled before it began."""
