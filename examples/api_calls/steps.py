"""The calls of a purchase in their order, and what is done before and after each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import simplejson

Json = dict[str, Any]
Place = tuple[str, ...]
"""Keys and positions that lead to a value in the JSON of an answer."""

_EXAMPLES: Final = Path(__file__).parents[1]
_MESSAGES: Final = _EXAMPLES / "messages" / "v2_rc" / "p2p"
_JSON: Final = "application/json"
_SEP: Final = "application/sep+xml"

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
    """Have the energy flow from now on, for so many seconds: `start` and `end`, and `start_epoch`."""


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
    value: str


@dataclass(frozen=True, slots=True)
class Until:
    """Call again, half a second later, until a value of the answer is this; no more than so often."""

    place: Place
    value: str
    times: int = 60


@dataclass(frozen=True, slots=True)
class AddUp:
    """The lines of each bill add up to its total."""

    bills: Place


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


def steps() -> tuple[Step, ...]:
    """Return the calls from the first look to the bill."""
    order = ("message", "order")
    return (
        _call(
            "discover",
            "What is for sale that the word fits.",
            _message("01-discover"),
            before=(SetWindow(),),
            after=(Expect(), Keep("transaction", ("transaction_id",))),
            in_transaction=False,
        ),
        _call(
            "select",
            "What it would cost. Nothing is held.",
            _order("03-select"),
            after=(Expect(), Keep("quoted", (*order, "beckn:orderValue", "value"))),
        ),
        _call(
            "init",
            "The quantity is held for this buyer, and the seller writes the terms into the order.",
            _order("05-init"),
            after=(
                Expect(),
                Holds((*order, "beckn:orderAttributes", "contractStatus"), "PENDING"),
                Keep("order", order, as_json=True),
            ),
        ),
        _call(
            "confirm",
            "The order goes back as the seller wrote it: now it is a contract.",
            '{\n  "order": {{order}}\n}',
            after=(
                Expect(),
                Holds((*order, "beckn:orderAttributes", "contractStatus"), "ACTIVE"),
                Keep("order_id", (*order, "beckn:id")),
            ),
        ),
        _meter("rooftop", "The seller's meter tells what it gave.", before=(WaitForEnd(),)),
        _meter("bakery", "The buyer's meter tells what it took: now the contract can be settled."),
        Step(
            name="bill",
            about="Where the purchase stands: contract, delivery, bill and every message.",
            method="GET",
            url="{{bap}}/api/v1/transactions/{{transaction}}",
            content_type=None,
            after=(
                Expect(),
                Until(("contract_status",), "COMPLETED"),
                AddUp(("bill", "billing_cycles")),
            ),
        ),
    )


def _call(
    name: str,
    about: str,
    message: str,
    *,
    before: tuple[Act, ...] = (),
    after: tuple[Act, ...],
    in_transaction: bool = True,
) -> Step:
    """Return a call of the BAP that sends a message to the seller and waits for the answer."""
    transaction = '  "transaction_id": "{{transaction}}",\n' if in_transaction else ""
    indented = message.replace("\n", "\n  ")
    return Step(
        name=name,
        about=about,
        url="{{bap}}/api/v1/" + name + "?wait=10",
        body='{\n  "bpp_id": "{{seller}}",\n' + transaction + f'  "message": {indented}\n' + "}",
        before=before,
        after=after,
    )


def _message(name: str) -> str:
    """Return what stands under `message` in an example."""
    document = simplejson.loads((_MESSAGES / f"{name}.json").read_bytes(), use_decimal=True)
    return simplejson.dumps(document["message"], use_decimal=True, indent=2, ensure_ascii=False)


def _order(name: str) -> str:
    """Return the example's order with variables in it; its quantity is a number, and stays one."""
    text = re.sub(r'"targetMeterId": "[^"]*"', '"targetMeterId": "{{buyer_meter}}"', _message(name))
    for key, variable in (("tradeStartTime", "start"), ("tradeEndTime", "end")):
        text = re.sub(f'"{key}": "[^"]*"', f'"{key}": "{{{{{variable}}}}}"', text)
    return re.sub(r'"(unitQuantity|contractedQuantity)": [0-9.]+', r'"\1": {{kwh}}', text)


def _meter(name: str, about: str, *, before: tuple[Act, ...] = ()) -> Step:
    """Return the post of a meter's example document, its reading moved into the window."""
    text = (_EXAMPLES / "meter" / f"{name}.xml").read_text(encoding="utf-8")
    text = re.sub(r"<start>\d+", "<start>{{start_epoch}}", text)
    return Step(
        name=f"meter of the {name}",
        about=about,
        url="{{bpp}}/mup",
        content_type=_SEP,
        body=re.sub(r"<duration>\d+", "<duration>{{seconds}}", text).rstrip("\n"),
        before=before,
        after=(Expect((201, 204)),),
    )
