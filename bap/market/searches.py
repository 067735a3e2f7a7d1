"""Searches: who was asked, what was found, and what of it an app wants to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select, func, insert, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from bap.market.account import NotInAccount
from bap.market.amounts import Instant
from bap.market.cursor import read_cursor, read_number, write_cursor
from bap.market.forms import Form, Kwh, PerKwh, QuoteForm, SearchForm, SellerId, Source
from bap.market.goods import Good
from bap.market.offers import FoundOffer, OfferView
from bap.market.problem import Problem
from bap.market.requests import Asked, list_requests
from bap.market.tables import market_offers, market_searches
from kernel.clock import format_instant
from kernel.energy import Energy
from storage.unit_of_work import UnitOfWork
from trading.charging.connector import ConnectorType
from trading.listing import Listing

Json = dict[str, Any]


class Sort(StrEnum):
    """What offers come first."""

    PRICE = "price"  # the cheapest kWh, currency by currency
    KWH = "kwh"  # what has most left
    NEWEST = "newest"


_TABLE: Final = market_offers.c
_COLUMNS: Final[dict[Sort, tuple[ColumnElement[Any], ...]]] = {
    Sort.PRICE: (_TABLE.currency, _TABLE.price, _TABLE.id),
    Sort.KWH: (-_TABLE.available_wh, _TABLE.id),
    Sort.NEWEST: (-func.extract("epoch", _TABLE.found_at), _TABLE.id),
}
"""What a list is sorted by, each column upwards."""

_NARROWER: Final = (
    "Search again with more words, or nearer to a place: that is asked of the seller; "
    "the rest is sorted out of what it tells."
)


class Part(BaseModel):
    """A seller told a part only of what it has: one answer has room for so much."""

    told: int = Field(description="How many plants, batteries, plugs, … it told of.")
    of: int = Field(description="How many it has that fit, by what it says.")
    what_to_do: str


class AskedSeller(BaseModel):
    """A seller's platform that was asked, and what came of it."""

    platform: str
    state: str = Field(
        description="waiting, done, refused, unreachable, unreadable, or silent: no answer came in time; one "
        "that comes later is still taken."
    )
    offers: int = Field(description="How many offers it has that fit.")
    problem: Problem | None = Field(None, description="Why it has none to tell, or not all that it told.")
    part: Part | None = Field(None, description="Where it has more than it told; null if it told all.")


class SearchView(BaseModel):
    """A search and what it has found so far."""

    id: str
    status: str = Field(description="open while sellers may still answer, then closed.")
    asked: dict[str, Any] = Field(description="What was asked for.")
    created_at: Instant
    closes_at: Instant
    sellers: list[AskedSeller] = Field(description="Who was asked; those that are missing say why.")
    offers: list[OfferView] = Field(description="What fits the search and the filters of this request.")
    next: str | None = Field(None, description="The cursor of the next page; null on the last.")


class OfferFilter(Form):
    """Which of the offers are to be seen, and in what order; it narrows what the search asked for."""

    source: Source | None = None
    price_at_most: PerKwh | None = None
    kwh_at_least: Kwh | None = None
    connector: ConnectorType | None = None
    seller: SellerId | None = Field(None, description="Only offers of this platform.")
    sort: Sort = Field(Sort.PRICE, description="price: the cheapest first; kwh: what has most left; newest.")
    limit: Annotated[int, Field(ge=1, le=200, description="How many at most.")] = 50
    cursor: str | None = Field(None, max_length=500, description="The `next` of the page before.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search as it was asked for."""

    id: str
    account: str
    asked: Json
    created_at: datetime
    closes_at: datetime

    @property
    def form(self) -> SearchForm:
        return SearchForm(**self.asked)


def read_part(listings: Sequence[Listing]) -> Json | None:
    """Return how much of what fits an answer tells, None if that is all of it."""
    told = sum(len(listing.resources) for listing in listings)
    total = max((listing.total or 0 for listing in listings), default=0)
    return {"told": told, "of": total} if told < total else None


async def add_search(
    uow: UnitOfWork, search_id: str, *, account: str, form: SearchForm, now: datetime, closes_at: datetime
) -> None:
    """Keep a search that is asked for."""
    await uow.connection.execute(
        insert(market_searches).values(
            id=search_id,
            account=account,
            asked=form.model_dump(mode="json", exclude_none=True),
            created_at=now,
            closes_at=closes_at,
        )
    )


async def find_search(uow: UnitOfWork, search_id: str) -> Search | None:
    """Return the search of that id, whosever it is."""
    rows = await uow.connection.execute(select(market_searches).where(market_searches.c.id == search_id))
    row = rows.mappings().one_or_none()
    return None if row is None else Search(**row)


async def get_search(uow: UnitOfWork, search_id: str, *, account: str) -> Search:
    """Return a search of the account's. Raises: NotInAccount."""
    found = await find_search(uow, search_id) if search_id.isprintable() else None
    if found is None or found.account != account:
        raise NotInAccount("there is no such search in this account", path="search_id")
    return found


async def put_offers(
    uow: UnitOfWork, search: Search, found: Sequence[FoundOffer], *, bpp_id: str, now: datetime
) -> None:
    """Keep what a seller has; an offer that it tells of again is as told last.

    What one has told, no other may tell otherwise, except the platform that sells it.
    """
    if not found:
        return
    rows = {offer.view.id: _row(search, offer, bpp_id, now) for offer in found}
    statement = upsert(market_offers).values(list(rows.values()))
    await uow.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["search_id", "id"],
            set_={name: statement.excluded[name] for name in next(iter(rows.values()))},
            where=or_(
                _TABLE.bpp_id == statement.excluded.bpp_id,
                statement.excluded.names["bpp_id"].as_string() == statement.excluded.bpp_id,
            ),
        )
    )


async def find_goods(uow: UnitOfWork, form: QuoteForm, *, account: str) -> list[Good]:
    """Return what a quote is asked for, as the account was told of it last. Raises: NotInAccount."""
    goods = []
    for number, item in enumerate(form.lines, start=1):
        path = "offer_id" if form.items is None else f"items[{number - 1}].offer_id"
        offer, names = await get_offer(uow, item.offer_id, account=account, path=path)
        told = offer.model_dump(exclude_none=True)
        goods.append(Good(number=number, item=item, offer=told, names=names))
    return goods


async def get_offer(
    uow: UnitOfWork, offer_id: str, *, account: str, path: str = "offer_id"
) -> tuple[OfferView, dict[str, str]]:
    """Return an offer as the account was told of it last, and its seller's names. Raises: NotInAccount."""
    row = None
    if offer_id.isprintable():
        rows = await uow.connection.execute(
            select(_TABLE.offer, _TABLE.names, _TABLE.found_at)
            .where(_TABLE.account == account, _TABLE.id == offer_id)
            .order_by(_TABLE.found_at.desc())
            .limit(1)
        )
        row = rows.one_or_none()
    if row is None:
        raise NotInAccount(
            "no search of this account has found such an offer",
            path=path,
            hint="Search for offers first.",
        )
    return OfferView(**row.offer | {"found_at": format_instant(row.found_at)}), row.names


async def view_search(uow: UnitOfWork, search: Search, wanted: OfferFilter, *, now: datetime) -> SearchView:
    """Return a search with a page of what it has found. Raises: CursorUnreadable."""
    requests = await list_requests(uow, search.id)
    counts = await _count_by_seller(uow, search)
    offers, cursor = await _page(uow, search, wanted)
    return SearchView(
        id=search.id,
        status="open" if any(asked.is_open(now) for asked in requests) else "closed",
        asked=search.asked,
        created_at=format_instant(search.created_at),
        closes_at=format_instant(search.closes_at),
        sellers=[_tell_seller(asked, counts, now) for asked in requests],
        offers=offers,
        next=cursor,
    )


def _tell_seller(asked: Asked, counts: dict[str, int], now: datetime) -> AskedSeller:
    return AskedSeller(
        platform=asked.bpp_id,
        state=asked.state_at(now),
        offers=counts.get(asked.bpp_id, 0),
        problem=asked.problem_at(now),
        part=asked.result and Part(**asked.result, what_to_do=_NARROWER),
    )


async def _count_by_seller(uow: UnitOfWork, search: Search) -> dict[str, int]:
    query = _fitting(select(_TABLE.bpp_id, func.count()), search).group_by(_TABLE.bpp_id)
    return {row[0]: row[1] for row in await uow.connection.execute(query)}


async def _page(uow: UnitOfWork, search: Search, wanted: OfferFilter) -> tuple[list[OfferView], str | None]:
    columns = _COLUMNS[wanted.sort]
    query = _narrowed(_fitting(select(_TABLE.offer, _TABLE.found_at, *columns), search), wanted)
    if wanted.cursor is not None:
        query = query.where(tuple_(*columns) > tuple_(*_read_position(wanted.sort, wanted.cursor)))
    rows = (await uow.connection.execute(query.order_by(*columns).limit(wanted.limit + 1))).all()
    page = rows[: wanted.limit]
    offers = [OfferView(**row[0] | {"found_at": format_instant(row[1])}) for row in page]
    return offers, write_cursor([str(value) for value in page[-1][2:]]) if len(rows) > len(page) else None


def _read_position(sort: Sort, cursor: str) -> list[Any]:
    values = read_cursor(cursor, length=len(_COLUMNS[sort]))
    return [*values[:-2], read_number(values[-2]), values[-1]]


def _fitting(query: Select[Any], search: Search) -> Select[Any]:
    """Return the query narrowed to what the search asked for, whatever its sellers made of it."""
    form = search.form
    query = query.where(_TABLE.search_id == search.id)
    if form.window is not None:
        query = query.where(
            _TABLE.produced_from <= form.window.start, _TABLE.produced_until >= form.window.end
        )
    return _narrowed(
        query,
        OfferFilter(
            source=form.source,
            price_at_most=form.price_at_most,
            kwh_at_least=form.kwh_at_least,
            connector=form.connector,
        ),
    )


def _narrowed(query: Select[Any], wanted: OfferFilter) -> Select[Any]:
    if wanted.source is not None:
        query = query.where(_TABLE.source == wanted.source)
    if wanted.price_at_most is not None:
        query = query.where(_TABLE.price <= wanted.price_at_most)
    if wanted.kwh_at_least is not None:
        query = query.where(_TABLE.available_wh >= Energy.from_kwh(wanted.kwh_at_least).watt_hours)
    if wanted.connector is not None:
        query = query.where(_TABLE.connector == wanted.connector)
    if wanted.seller is not None:
        query = query.where(_TABLE.names["bpp_id"].as_string() == wanted.seller)
    return query


def _row(search: Search, offer: FoundOffer, bpp_id: str, now: datetime) -> Json:
    resource = offer.resource
    return {
        "search_id": search.id,
        "id": offer.view.id,
        "account": search.account,
        "bpp_id": bpp_id,
        "currency": offer.view.price.per_kwh.currency,
        "price": offer.price,
        "available_wh": resource.available.watt_hours,
        "source": offer.view.source,
        "connector": resource.connector and resource.connector.type.value,
        "produced_from": offer.delivery.start,
        "produced_until": offer.delivery.end,
        "found_at": now,
        "offer": offer.view.model_dump(exclude_none=True),
        "names": offer.names,
    }
