"""What a purchase is about, line by line: an offer as it was found, how much of it, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bap.market.forms import QuoteForm, QuoteItem
from bap.market.problem import MarketError
from trading.request import OrderRequest

Json = dict[str, Any]


class SellersDiffer(MarketError):
    """What is asked for in one quote is sold by several."""

    code, http_status, retryable = "MARKET_SELLERS_DIFFER", 422, False
    kind = "invalid-request"


class LineUnclear(MarketError):
    """It is not said which line of an order is meant, or there is none of that number."""

    code, http_status, retryable = "MARKET_LINE_UNCLEAR", 422, False
    kind = "invalid-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """A line: `offer` as apps were told of it, `names` as its seller calls it; lines count from one."""

    number: int
    item: QuoteItem
    offer: Json
    names: dict[str, str]

    def wanted(self, form: QuoteForm) -> OrderRequest:
        """Return what is wanted, in words of no wire."""
        window = None if self.item.window is None else self.item.window.interval
        return OrderRequest(
            seller=self.names["provider"],
            buyer_id=form.buyer,
            resource_id=self.names["resource"],
            offer_id=self.names["offer"],
            quantity=self.item.energy,
            target_meter=form.meter,
            buyer_utility=form.utility,
            payment=form.payment,
            code=self.item.code,
            trade_start=None if window is None else window.start,
            trade_end=None if window is None else window.end,
        )


def require_one_seller(goods: Sequence[Good]) -> None:
    """Raises: SellersDiffer, if not all of it is sold by one."""
    first = goods[0].names
    for good in goods[1:]:
        if any(good.names[key] != first[key] for key in ("bpp_id", "provider")):
            raise SellersDiffer(
                f"line {good.number} is sold by {good.names['provider']} at {good.names['bpp_id']}, "
                f"line 1 by {first['provider']} at {first['bpp_id']}",
                path=f"items[{good.number - 1}].offer_id",
                hint="Ask each seller for a quote of its own.",
            )


def is_named_once(good: Good, goods: Sequence[Good]) -> bool:
    """Say whether a line is told from the others by what it is of; else only its place among all tells it."""
    return [each.names for each in goods].count(good.names) == 1


def find_good(goods: Sequence[Good], line: int | None) -> Good:
    """Return the line that is meant; where there is one only, it need not be named. Raises: LineUnclear."""
    if line is None and len(goods) == 1:
        return goods[0]
    if line is None:
        raise LineUnclear(f"the order has {len(goods)} lines", path="line", hint="Say which of them.")
    found = next((good for good in goods if good.number == line), None)
    if found is None:
        raise LineUnclear(
            f"the order has no line {line}", path="line", hint=f"Its lines are 1 to {len(goods)}."
        )
    return found
