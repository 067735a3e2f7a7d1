"""An order of several lines: each is a contract of its own, all of them share the order's id. Pure.

The first line's contract has the order's id; the second's that id with `.2` after it, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from kernel.energy import ZERO_ENERGY, Energy
from kernel.errors import NodeError
from trading.fields import Field, Paths
from trading.quote import Quote
from trading.refusals import FieldInvalid, LinesDiffer, LinesUnsuitable, PriceMismatch, QuoteChanged
from trading.request import OrderRequest, Selection

MOST_LINES: Final = 20
"""How many lines an order has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What an order asks for, line by line; what it says of all lines together, None where that is open.

    An order of one line says all in that. `as_sent` is the whole order, `paths` where its fields stand.
    """

    lines: tuple[OrderRequest, ...]
    total: Decimal | None = None
    currency: str | None = None
    contracted: Energy | None = None
    as_sent: dict[str, Any] = field(default_factory=dict)
    paths: Paths = field(default_factory=dict)

    @property
    def order_id(self) -> str | None:
        return self.lines[0].order_id

    @property
    def is_single(self) -> bool:
        return len(self.lines) == 1

    @contextmanager
    def at(self, line: int) -> Iterator[None]:
        """Have a refusal of what stands inside say which line it is about; `line` counts from one."""
        try:
            yield
        except NodeError as error:
            if not self.is_single:
                error.message = f"line {line}: {error.message}"
                path = self.paths[error.path] if isinstance(error.path, Field) else error.path
                error.path = path and line_path(path, line)
            raise

    def each(self) -> Iterator[tuple[int, OrderRequest]]:
        """Yield every line with its number, which counts from one."""
        yield from enumerate(self.lines, start=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLine:
    """A line of an order as a message names it: by its number there, or by what it is of."""

    number: int | None = None
    resource_id: str | None = None
    offer_id: str | None = None


def line_path(path: str, line: int) -> str:
    """Return where a field stands that for the first line stands at `path`."""
    return path.replace("[0]", f"[{line - 1}]", 1)


def contract_id_of(order_id: str, line: int) -> str:
    """Return the id of the contract of a line."""
    return order_id if line == 1 else f"{order_id}.{line}"


def line_name(order_id: str, line: int) -> str:
    """Return by what an operator names a line: the first one, too, has its number after the order's id."""
    return f"{order_id}.{line}"


def cycle_id_of(line: int, cycle_id: str) -> str:
    """Return under which id a cycle or bill of a line is told: no two lines of an order tell the same."""
    return cycle_id if line == 1 else f"{line}:{cycle_id}"


def read_cycle_id(told: str) -> tuple[int, str]:
    """Return of which line a cycle or bill is that is told under an id, and its own id."""
    line, colon, cycle_id = told.partition(":")
    is_told = bool(colon) and line.isascii() and line.isdigit() and 1 < int(line[:3]) <= MOST_LINES
    return (int(line), cycle_id) if is_told and str(int(line)) == line else (1, told)


def named_bill(contract_id: str, told: str) -> tuple[str, str]:
    """Return which bill of which contract is meant by one of an order, or of a line, under its told id."""
    line, bill_id = read_cycle_id(told)
    contract_id = contract_id.removesuffix(".1")
    if line == 1 or contract_id.endswith(f".{line}"):
        return contract_id, bill_id
    return contract_id_of(contract_id, line), bill_id


def require_one_sum(ordered: Ordered) -> None:
    """Raises: QuoteChanged, if the lines do not come to the quantity that is named for all of them."""
    total = sum((each.quantity or ZERO_ENERGY for each in ordered.lines), ZERO_ENERGY)
    if ordered.contracted is not None and ordered.contracted != total:
        raise QuoteChanged(
            f"the lines come to {total}, contractedQuantity is {ordered.contracted}",
            path=Field.CONTRACTED,
            hint="Write their sum there, or leave contractedQuantity out.",
        )


def require_price(ordered: Ordered, quote: Quote) -> None:
    """Raises: PriceMismatch, if the order names another price for all lines than they are quoted at."""
    if ordered.total is not None and ordered.total != quote.total.amount:
        raise PriceMismatch(
            f"the order names a price of {ordered.total}, the quote says {quote.total}", path=Field.TOTAL
        )
    if ordered.currency is not None and ordered.currency != quote.currency.code:
        raise PriceMismatch(
            f"the order is in {ordered.currency}, the quote in {quote.currency}", path=Field.CURRENCY
        )


def require_together(ordered: Ordered, selections: Sequence[Selection]) -> None:
    """Let pass what can be sold in one order: of one seller, paid alike, nothing twice, nobody to be asked.

    Raises: LinesUnsuitable.
    """
    first = selections[0]
    seen: dict[tuple[object, ...], int] = {}
    for (line, _), each in zip(ordered.each(), selections, strict=True):
        key = (each.resource.id, each.offer.id, each.window)
        with ordered.at(line):
            _require_with(first, each)
            if key in seen:
                raise LinesUnsuitable(
                    f"the same is ordered as in line {seen[key]}",
                    path=Field.ITEM,
                    hint="Order it once, with the quantity of both.",
                )
        seen[key] = line


def _require_with(first: Selection, each: Selection) -> None:
    if each.resource.provider_id != first.resource.provider_id:
        raise LinesUnsuitable(
            f"it is sold by {each.resource.provider_id}, line 1 by {first.resource.provider_id}",
            path=Field.ITEM,
            hint="Order from one seller at a time.",
        )
    if each.offer.terms.currency != first.offer.terms.currency:
        raise LinesUnsuitable(
            f"it is paid in {each.offer.terms.currency}, line 1 in {first.offer.terms.currency}",
            path=Field.OFFER,
            hint="Order what is paid in one currency at a time.",
        )
    if each.offer.terms.payment is not first.offer.terms.payment:
        raise LinesUnsuitable(
            f"it is {each.offer.terms.payment}, line 1 is {first.offer.terms.payment}",
            path=Field.PAYMENT,
            hint="Order what is paid in one way at a time.",
        )
    if each.resource.grid is not None:
        raise LinesUnsuitable(
            "utilities are asked about it first, which is done for one line at a time",
            path=Field.ITEM,
            hint="Order it in a transaction of its own.",
        )
    if each.offer.terms.session is not None:
        raise LinesUnsuitable(
            "a charging session is ordered by itself",
            path=Field.ITEM,
            hint="Order each session in a transaction of its own.",
        )


def require_few(count: int, *, path: str) -> None:
    """Raises: FieldInvalid, if that are more lines than an order has."""
    if count > MOST_LINES:
        raise FieldInvalid(
            f"the order has {count} lines",
            path=path,
            hint=f"Order at most {MOST_LINES} lines in one transaction.",
        )


def sum_quotes(quotes: Sequence[Quote]) -> Quote:
    """Return the price of several lines together, with all that each is made of."""
    return Quote(
        quantity=sum((quote.quantity for quote in quotes), ZERO_ENERGY),
        currency=quotes[0].currency,
        components=tuple(part for quote in quotes for part in quote.components),
    )


def require_agreed_lines(ordered: Ordered, agreed: int) -> tuple[OrderRequest, ...]:
    """Return what is said of each of the `agreed` lines; who names none of them means all as agreed.

    Raises: LinesDiffer.
    """
    if len(ordered.lines) == agreed:
        return ordered.lines
    if ordered.is_single and ordered.lines[0].resource_id is None:
        return ordered.lines * agreed
    raise LinesDiffer(
        f"the order has {len(ordered.lines)} lines, agreed were {agreed}",
        path=Field.ITEMS,
        hint="Send the lines of on_init, in their order.",
    )
