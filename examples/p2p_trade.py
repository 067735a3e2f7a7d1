"""Buy solar energy through a BAP, follow the delivery, print the bill.

All that an app needs is the BAP's URL, an API key, and the name of a seller's platform:

    python examples/p2p_trade.py --bap http://127.0.0.1:8081 --seller bpp.example.local --api-key KEY

The meters must report while the energy flows, else there is nothing to bill: the README shows how.
Ends with status 0 when the contract is settled, 1 when something went wrong on the way.
"""
# ruff: noqa: T201  it talks to whoever runs it

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import simplejson  # reads 0.15 as exactly 0.15, and writes it so

Json = dict[str, Any]

# What the keys of an order mean is said by JSON-LD contexts; these addresses name them.
SCHEMA: Final = "https://raw.githubusercontent.com/beckn/protocol-specifications-new/refs/heads/main/schema"
CORE: Final = f"{SCHEMA}/core/v2/context.jsonld"
CONTRACT: Final = f"{SCHEMA}/EnergyTradeContract/v0.2/context.jsonld"


class TradeFailed(Exception):
    """The BAP or the seller said no; the text says why."""


class Trade:
    """One purchase: all its messages bear the same transaction id."""

    def __init__(self, bap: httpx.Client, seller: str) -> None:
        self.bap = bap
        self.seller = seller
        self.transaction_id = ""

    def ask(self, action: str, message: Json) -> Json:
        """Send a request and return the seller's callback; the BAP waits ten seconds for it."""
        body: Json = {"bpp_id": self.seller, "message": message}
        if self.transaction_id:  # without one, a new transaction begins
            body["transaction_id"] = self.transaction_id
        response = self.bap.post(f"/api/v1/{action}", params={"wait": 10}, content=simplejson.dumps(body))
        answer: Json = simplejson.loads(response.content, use_decimal=True)
        if response.status_code == httpx.codes.ACCEPTED:  # it is on its way, but nobody has answered yet
            raise TradeFailed(f"{action} has no answer yet; see {answer['status_url']}")
        if "error" in answer:  # an error of the BAP's, or one that the seller's callback carries
            raise TradeFailed(f"{action}: {answer['error']['message']} ({answer['error']['code']})")
        self.transaction_id = answer["transaction_id"]
        return answer

    def events(self) -> Iterator[Json]:
        """Yield every callback of the transaction, those that came already first."""
        with self.bap.stream("GET", f"/api/v1/transactions/{self.transaction_id}/events") as stream:
            stream.raise_for_status()
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield simplejson.loads(line.removeprefix("data: "), use_decimal=True)

    def state(self) -> Json:
        """Return what the BAP knows of the transaction: contract, delivery, bill, messages."""
        response = self.bap.get(f"/api/v1/transactions/{self.transaction_id}")
        state: Json = simplejson.loads(response.raise_for_status().content, use_decimal=True)
        return state


def buy(trade: Trade, wish: argparse.Namespace) -> None:
    """Discover, select, init and confirm: afterwards there is a contract."""
    found = trade.ask("discover", {"text_search": "solar"})
    if not found["message"]["catalogs"]:
        raise TradeFailed(f"{trade.seller} has no solar energy")
    catalog = found["message"]["catalogs"][0]
    item, offer = catalog["beckn:items"][0], catalog["beckn:offers"][0]
    price = offer["beckn:price"]
    print(
        f"found      {offer['beckn:descriptor']['schema:name']}: {price['value']} {price['currency']} a kWh"
    )

    start, end = delivery_window(item, wish, now=instant(found["context"]["timestamp"]))
    order = draft_order(offer, wish, start=start, end=end)
    quote = trade.ask("select", {"order": order})["message"]["order"]["beckn:orderValue"]
    print(
        f"quoted     {quote['value']} {quote['currency']} for {wish.kwh} kWh, {start:%F %T} to {end:%T} UTC"
    )

    # init holds the energy for this buyer and fixes the terms; the seller writes them into the order.
    draft = trade.ask("init", {"order": order})["message"]["order"]
    print(f"held       order {draft['beckn:id']} is {draft['beckn:orderAttributes']['contractStatus']}")

    # confirm sends that very order back: this is what the buyer agrees to.
    contract = trade.ask("confirm", {"order": draft})["message"]["order"]["beckn:orderAttributes"]
    print(f"confirmed  the contract is {contract['contractStatus']}")


def delivery_window(item: Json, wish: argparse.Namespace, *, now: datetime) -> tuple[datetime, datetime]:
    """Return when the energy is to flow: as wished, within the time that it is produced."""
    production = item["beckn:itemAttributes"]["productionWindow"]
    begin = now if wish.start is None else datetime.fromtimestamp(wish.start, UTC)
    start = max(begin.replace(microsecond=0), instant(production["start"]))
    return start, min(start + timedelta(seconds=wish.seconds), instant(production["end"]))


def draft_order(offer: Json, wish: argparse.Namespace, *, start: datetime, end: datetime) -> Json:
    """Return an order: what, how much, on which terms, to which meter, and when."""
    return {
        "@context": CORE,
        "@type": "beckn:Order",
        "beckn:orderStatus": "CREATED",
        "beckn:seller": offer["beckn:provider"],
        "beckn:buyer": {"@context": CORE, "@type": "beckn:Buyer", "beckn:id": wish.buyer},
        "beckn:orderItems": [
            {
                "beckn:orderedItem": offer["beckn:items"][0],
                "beckn:acceptedOffer": offer,
                "beckn:quantity": {"unitQuantity": wish.kwh, "unitText": "kWh", "unitCode": "KWH"},
            }
        ],
        "beckn:orderAttributes": {
            "@context": CONTRACT,
            "@type": "EnergyTradeContract",
            "targetMeterId": wish.meter,
            "contractedQuantity": wish.kwh,
            "tradeStartTime": start.isoformat(),
            "tradeEndTime": end.isoformat(),
        },
    }


def follow(trade: Trade) -> None:
    """Print what the seller tells of the delivery, until the contract has ended."""
    for event in trade.events():
        order = event.get("message", {}).get("order", {})
        delivery = order.get("beckn:fulfillment", {}).get("beckn:deliveryAttributes")
        if event["action"] != "on_status" or delivery is None:
            continue
        print(f"delivery   {delivery['deliveryStatus']}, {delivery['deliveredQuantity']} kWh")
        if order["beckn:orderAttributes"]["contractStatus"] in ("COMPLETED", "TERMINATED"):
            return
    raise TradeFailed("the BAP has ended the stream of events before the contract ended")


def print_bill(state: Json) -> None:
    """Print the contract's end and the lines of its bills."""
    print(f"contract   {state['order_id']} is {state['contract_status']}")
    for bill in state["bill"]["billing_cycles"]:
        for line in bill["lineItems"]:
            print(f"bill       {line['title']:<24}{line['amount']:>8} {line['currency']}")
        print(f"bill       {'Total':<24}{bill['totalAmount']:>8} {bill['currency']}")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def read_arguments() -> argparse.Namespace:
    """Return what is wished; URL, key and seller may come from the environment."""
    parser = argparse.ArgumentParser(description="Buy solar energy, follow the delivery, print the bill.")
    for name, variable, meaning in (
        ("--bap", "DEGNODE_BAP_URL", "the BAP's URL"),
        ("--api-key", "DEGNODE_API_KEY", "the key to its API"),
        ("--seller", "DEGNODE_SELLER", "the subscriber id of the seller's platform"),
    ):
        default = os.environ.get(variable)
        parser.add_argument(name, default=default, required=default is None, help=f"{meaning} [{variable}]")
    parser.add_argument("--kwh", type=int, default=10, help="how much to buy")
    parser.add_argument("--buyer", default="mill-street-bakery", help="who buys")
    parser.add_argument("--meter", default="98765456", help="the mRID of the buyer's meter")
    parser.add_argument("--start", type=int, help="when to begin, in seconds since 1970 UTC; else now")
    parser.add_argument("--seconds", type=int, default=60, help="how long the energy flows")
    return parser.parse_args()


def main() -> int:
    """Run the purchase and return the exit status."""
    wish = read_arguments()
    headers = {"X-Api-Key": wish.api_key}
    with httpx.Client(base_url=wish.bap, headers=headers, timeout=30) as bap:
        trade = Trade(bap, wish.seller)
        try:
            buy(trade, wish)
            follow(trade)
            print_bill(trade.state())
        except (TradeFailed, httpx.HTTPError) as error:
            print(f"failed     {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
