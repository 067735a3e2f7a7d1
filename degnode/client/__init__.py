"""Buy energy from Python: a typed client of a BAP's plain API, for ordinary code and for asyncio.

    from degnode.client import Market

It needs httpx and pydantic, and nothing of a node.
"""

from __future__ import annotations

from degnode.client.answers import Answer, Contact, Ticket
from degnode.client.errors import MarketProblem, MarketUnreachable, PurchaseFailed, StillWaiting
from degnode.client.flows import Item
from degnode.client.market import AsyncMarket, Market
from degnode.client.models import (
    Amount,
    Bill,
    Delivery,
    Event,
    Fault,
    Line,
    Offer,
    Order,
    OrderLine,
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
    "Fault",
    "Item",
    "Line",
    "Market",
    "MarketProblem",
    "MarketUnreachable",
    "Offer",
    "Order",
    "OrderLine",
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
