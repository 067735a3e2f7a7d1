"""The same purchase through the plain API, and one of two lines: docs/app-api.md."""

from __future__ import annotations

from typing import Final

import simplejson

from examples.api_calls.messages import message_of
from examples.api_calls.meters import meter_steps
from examples.api_calls.steps import (
    PLAIN_BILL,
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

_PLAIN: Final = "{{bap}}/api/v1/market"
_CREATED: Final = Expect((201,))
_METER: Final = "{{buyer_meter}}"
_TWO_LINES: Final = {"first_kwh": "4", "second_kwh": "3"}


def in_plain_words() -> Purchase:
    """Return the purchase of one offer: search, quote, order, bill."""
    window = {"start": "{{start}}", "end": "{{end}}"}
    return Purchase(
        name="degnode: buy 10 kWh of solar energy, in plain words",
        suffix="-market",
        variables=VARIABLES,
        steps=_steps(
            {"offer_id": "{{offer_id}}", "kwh": "{{kwh}}", "meter": _METER, "window": window},
            before=SetWindow(),
            bills=1,
        ),
    )


def of_two_lines() -> Purchase:
    """Return a purchase of two quantities, one after the other, together: `items`."""
    items = [
        {"offer_id": "{{offer_id}}", "kwh": kwh, "window": {"start": start, "end": end}}
        for kwh, start, end in (
            ("{{first_kwh}}", "{{start}}", "{{middle}}"),
            ("{{second_kwh}}", "{{middle}}", "{{end}}"),
        )
    ]
    shared = {name: value for name, value in VARIABLES.items() if name != "kwh"}
    return Purchase(
        name="degnode: buy two lines of solar energy together, in plain words",
        suffix="-market-lines",
        variables=shared | _TWO_LINES,
        steps=_steps({"items": items, "meter": _METER}, before=SetWindow(halves=True), bills=2),
    )


def _steps(quote: Json, *, before: SetWindow, bills: int) -> tuple[Step, ...]:
    """Return the calls from the search to the bills, of which each line has one."""
    lines = tuple(Holds((place, "line"), place + 1) for place in range(bills))
    return (
        _post(
            "search",
            "What the seller has that the word fits; its first offer is taken.",
            "/offers/search?wait=10",
            {"words": message_of("01-discover")["text_search"], "sellers": ["{{seller}}"]},
            before=(before,),
            after=(_CREATED, Keep("offer_id", ("offers", 0, "id"))),
        ),
        _post(
            "quote",
            "What it would cost. Nothing is held.",
            "/quotes?wait=10",
            quote,
            after=(_CREATED, Holds(("status",), "ready"), Keep("quote_id", ("id",))),
        ),
        _post(
            "order",
            "The seller is to hold it; it is bought as soon as it is held at the quoted price.",
            "/orders?wait=10",
            {"quote_id": "{{quote_id}}", "confirm": True},
            after=(_CREATED, Keep("order_id", ("id",))),
        ),
        _get("order until active", "Whether it is bought.", "", after=(Until(("status",), "active"),)),
        *meter_steps(),
        _get(
            "order until completed",
            "Whether all is delivered and settled.",
            "",
            after=(Until(("status",), "completed"),),
        ),
        _get("bills", "What is due for it.", "/bills", after=(*lines, AddUp((), PLAIN_BILL))),
    )


def _post(
    name: str, about: str, path: str, body: Json, *, before: tuple[Act, ...] = (), after: tuple[Act, ...]
) -> Step:
    return Step(
        name=name,
        about=about,
        url=_PLAIN + path,
        body=simplejson.dumps(body, indent=2, ensure_ascii=False),
        before=before,
        after=after,
    )


def _get(name: str, about: str, path: str, *, after: tuple[Act, ...]) -> Step:
    """Return a look at the order, or at what is below it."""
    return Step(
        name=name,
        about=about,
        method="GET",
        url=_PLAIN + "/orders/{{order_id}}" + path,
        content_type=None,
        after=(Expect(), *after),
    )
