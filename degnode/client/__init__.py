"""Buy energy from Python: a typed client of a BAP's plain API, for ordinary code and for asyncio.

    from degnode.client import Market

It needs httpx and pydantic, and nothing of a node.
"""

from __future__ import annotations

from degnode.client.errors import MarketProblem, MarketUnreachable, PurchaseFailed, StillWaiting
from degnode.client.market import AsyncMarket, Market
from degnode.client.models import (
    Amount,
    Answer,
    Bill,
    Contact,
    Delivery,
    Event,
    Offer,
    Order,
    OrderPage,
    OrderSummary,
    Place,
    Price,
    Problem,
    Proposal,
    Quote,
    Request,
    Search,
    Seller,
    Ticket,
    Window,
)

__all__ = [
    "Amount",
    "Answer",
    "AsyncMarket",
    "Bill",
    "Contact",
    "Delivery",
    "Event",
    "Market",
    "MarketProblem",
    "MarketUnreachable",
    "Offer",
    "Order",
    "OrderPage",
    "OrderSummary",
    "Place",
    "Price",
    "Problem",
    "Proposal",
    "PurchaseFailed",
    "Quote",
    "Request",
    "Search",
    "Seller",
    "StillWaiting",
    "Ticket",
    "Window",
]
