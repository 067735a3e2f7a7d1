"""Discounts that not every order has: by a code, for much at once, for a buyer's first order. Pure.

What an order gets of them is frozen into its contract's terms as a plain discount. A code is never told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from kernel.energy import Energy
from kernel.errors import NodeError
from kernel.interval import Interval
from trading.charges import AmountOff, Discount
from trading.fields import Field


class CodeUnknown(NodeError):
    """The offer has no such code."""

    code, http_status, retryable = "BIZ_OFFER_NOT_FOUND", 404, False


class PromotionNotMet(NodeError):
    """The code is not for such an order."""

    code, http_status, retryable = "POL_GENERIC_ERROR", 409, False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A discount, and what an order needs for it; None of what it does not need.

    `uses` is how many orders of a buyer have it at most. One for `first_order` is had once, by a buyer who
    has bought nothing from the provider before.
    """

    off: Discount | AmountOff
    code: str | None = None
    minimum: Energy | None = None
    first_order: bool = False
    uses: int | None = None

    @property
    def title(self) -> str:
        return self.off.title

    @property
    def most_uses(self) -> int | None:
        return 1 if self.first_order else self.uses

    @property
    def code_digest(self) -> bytes | None:
        return None if self.code is None else digest_of(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a buyer has bought of a provider, and how many of its orders have each promotion of an offer.

    `beside` are the titles of those that lines before have in the same order, which is one use.
    """

    has_bought: bool = False
    uses: Mapping[str, int] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()


NOTHING_YET: Final = History()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order that may have promotions."""

    quantity: Energy
    window: Interval
    code: str | None
    history: History


def digest_of(code: str) -> bytes:
    """Return what is kept of a code."""
    return sha256(code.encode()).digest()


def choose(promotions: Sequence[Promotion], wanted: Wanted) -> tuple[Promotion, ...]:
    """Return the promotions that an order has: those whose code it names, and those without one.

    Raises: CodeUnknown; PromotionNotMet, if it names the code of one that is not for it.
    """
    named = [] if wanted.code is None else _named(promotions, wanted.code)
    if wanted.code is not None and not named:
        raise CodeUnknown("the offer has no such code", path=Field.CODE, hint="Leave it out, or check it.")
    for promotion in named:
        if (why := _why_not(promotion, wanted)) is not None:
            raise PromotionNotMet(f"the code is {why}", path=Field.CODE, hint="Leave it out.")
    open_to_all = [each for each in promotions if each.code is None and _why_not(each, wanted) is None]
    return (*open_to_all, *named)


def still_met(promotions: Sequence[Promotion], quantity: Energy) -> tuple[Promotion, ...]:
    """Return those of an order's promotions that it has for less. Raises: PromotionNotMet, as `choose`."""
    lost = [each for each in promotions if each.minimum is not None and quantity < each.minimum]
    for promotion in lost:
        if promotion.code is not None:
            raise PromotionNotMet(
                f"{quantity} can be had, and the code is for {promotion.minimum} or more",
                path=Field.CODE,
                hint="Leave it out.",
            )
    return tuple(each for each in promotions if each not in lost)


def describe(promotions: Sequence[Promotion]) -> str:
    """Return a sentence for each promotion that needs no code, nothing where there is none."""
    return " ".join(_sentence(each) for each in promotions if each.code is None)


def _named(promotions: Sequence[Promotion], code: str) -> list[Promotion]:
    """Return those of that code; how long it takes tells nothing of how much of a code is right."""
    said = digest_of(code)
    return [each for each in promotions if compare_digest(each.code_digest or b"", said)]


def _why_not(promotion: Promotion, wanted: Wanted) -> str | None:
    """Return why an order does not have a promotion, None if it does."""
    validity, most = promotion.off.validity, promotion.most_uses
    if validity is not None and validity.intersection(wanted.window) is None:
        return "not for that time"
    if promotion.minimum is not None and wanted.quantity < promotion.minimum:
        return f"for {promotion.minimum} or more"
    if promotion.first_order and wanted.history.has_bought:
        return "for a first order"
    if most is not None and wanted.history.uses.get(promotion.title, 0) >= most:
        return f"used {most} times already" if most > 1 else "used already"
    if most is not None and isinstance(promotion.off, AmountOff) and promotion.title in wanted.history.beside:
        return "had by another line of the order"
    return None


def _sentence(promotion: Promotion) -> str:
    off = promotion.off
    what = f"{off.percent.normalize():f} %" if isinstance(off, Discount) else str(off.amount)
    return f"{off.title}: {what} less {' '.join(_needs(promotion))}."


def _needs(promotion: Promotion) -> Iterator[str]:
    yield "for a first order" if promotion.first_order else "for an order"
    if promotion.minimum is not None:
        yield f"of {promotion.minimum} or more"
    if promotion.uses is not None and not promotion.first_order:
        yield f"({promotion.uses} at most for each buyer)"
