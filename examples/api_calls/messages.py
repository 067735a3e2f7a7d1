"""The purchase in messages of one's own: those of the use case `p2p`, with variables in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import simplejson

from examples.api_calls.meters import meter_steps
from examples.api_calls.steps import (
    VARIABLES,
    Act,
    AddUp,
    Expect,
    Holds,
    Json,
    Keep,
    Purchase,
    SetWindow,
    Step,
    Until,
)

_MESSAGES: Final = Path(__file__).parents[1] / "messages" / "v2_rc" / "p2p"


def in_messages() -> Purchase:
    """Return the purchase through the raw calls, from the first look to the bill."""
    return Purchase(
        name="degnode: buy 10 kWh of solar energy",
        variables=VARIABLES,
        steps=_steps(),
    )


def _steps() -> tuple[Step, ...]:
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
        *meter_steps(),
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


def message_of(name: str) -> Json:
    """Return what stands under `message` in an example."""
    document = simplejson.loads((_MESSAGES / f"{name}.json").read_bytes(), use_decimal=True)
    message: Json = document["message"]
    return message


def _message(name: str) -> str:
    return simplejson.dumps(message_of(name), use_decimal=True, indent=2, ensure_ascii=False)


def _order(name: str) -> str:
    """Return the example's order with variables in it; its quantity is a number, and stays one."""
    text = re.sub(r'"targetMeterId": "[^"]*"', '"targetMeterId": "{{buyer_meter}}"', _message(name))
    for key, variable in (("tradeStartTime", "start"), ("tradeEndTime", "end")):
        text = re.sub(f'"{key}": "[^"]*"', f'"{key}": "{{{{{variable}}}}}"', text)
    return re.sub(r'"(unitQuantity|contractedQuantity)": [0-9.]+', r'"\1": {{kwh}}', text)
