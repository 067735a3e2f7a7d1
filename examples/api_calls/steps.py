"""What a purchase as calls is made of: steps, and what is done before and after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
Place = tuple[str | int, ...]
"""Keys and positions that lead to a value in the JSON of an answer."""

_JSON: Final = "application/json"

VARIABLES: Final[Mapping[str, str]] = {
    "bap": "http://127.0.0.1:8081",
    "bpp": "http://127.0.0.1:8082",
    "seller": "bpp.example.local",
    "api_key": "",
    "kwh": "10",
    "seconds": "60",
    "buyer_meter": "98765456",
}
"""What whoever runs it sets: where the platforms are, who sells, the key to both, how much and how long."""


@dataclass(frozen=True, slots=True)
class SetWindow:
    """Have the energy flow from now on, for so many seconds: `start` and `end`, and `start_epoch`.

    Where it flows in two `halves`, `middle` is when the one ends and the other starts.
    """

    halves: bool = False


@dataclass(frozen=True, slots=True)
class WaitForEnd:
    """Wait until the window is over."""


@dataclass(frozen=True, slots=True)
class Expect:
    """The answer has one of these HTTP statuses."""

    statuses: tuple[int, ...] = (200,)


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep a value of the answer as a variable, as JSON if it is more than a word."""

    variable: str
    place: Place
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """A value of the answer is this."""

    place: Place
    value: str | int


@dataclass(frozen=True, slots=True)
class Until:
    """Call again, half a second later, until a value of the answer is this; no more than so often."""

    place: Place
    value: str
    times: int = 60


@dataclass(frozen=True, slots=True)
class BillForm:
    """Under which keys a bill has its lines and amounts; keys within keys stand behind full stops."""

    lines: str
    total: str
    amount: str
    currency: str


WIRE_BILL: Final = BillForm(lines="lineItems", total="totalAmount", amount="amount", currency="currency")
PLAIN_BILL: Final = BillForm(
    lines="lines", total="total.amount", amount="amount.amount", currency="amount.currency"
)


@dataclass(frozen=True, slots=True)
class AddUp:
    """The lines of each bill add up to its total."""

    bills: Place
    form: BillForm = WIRE_BILL


Act = SetWindow | WaitForEnd | Expect | Keep | Holds | Until | AddUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call: variables stand in double braces."""

    name: str
    about: str
    method: str = "POST"
    url: str
    content_type: str | None = _JSON
    body: str | None = None
    before: tuple[Act, ...] = ()
    after: tuple[Act, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """The calls of a purchase in their order; `suffix` ends the names of the collections of it."""

    name: str
    suffix: str = ""
    variables: Mapping[str, str]
    steps: tuple[Step, ...]
