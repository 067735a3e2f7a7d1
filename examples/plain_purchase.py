"""Buy ten kilowatt-hours of solar energy for the next minute, and print what becomes of the order.

DEGNODE_BAP_URL=http://127.0.0.1:8081 DEGNODE_API_KEY=… python examples/plain_purchase.py
"""
# ruff: noqa: T201  it talks to whoever runs it

import os
from datetime import timedelta

from degnode.client import Market

with Market(os.environ["DEGNODE_BAP_URL"], api_key=os.environ["DEGNODE_API_KEY"]) as market:
    found = market.search("solar")
    cheapest = found.offers[0]
    print(f"{cheapest.name}: {cheapest.price.per_kwh} a kWh, from {cheapest.seller.name}")

    next_minute = (found.created_at, found.created_at + timedelta(minutes=1))
    order = market.buy(cheapest, 10, meter="98765456", window=next_minute)
    print(f"order {order.id} is {order.status}: {order.kwh} kWh for {order.total}")

    for event in market.events(order.id):
        print(f"{event.timestamp:%T}  {event.data['about']}: {event.data['status']}")
        if event.data["status"] == "active":
            break
