"""The fields of a message by what they mean; where each one stands is said by its wire."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Field(StrEnum):
    """What a refusal is about.

    A refusal takes one of these as its path; it becomes a place in the message once it is known on
    which wire that came.
    """

    ORDER = "order"
    ORDER_ID = "order_id"
    """The order's own id, within an order."""
    REFERENCE = "order_reference"
    """The id of the order that a status or cancel is about."""
    TRACKED = "tracked_order"
    """The id of the order that a track is about."""
    INQUIRY = "inquiry"
    """What support is asked about."""
    SELLER = "seller"
    BUYER = "buyer"
    ITEMS = "items"
    ITEM = "item"
    OFFER = "offer"
    QUANTITY = "quantity"
    CONTRACTED = "contracted_quantity"
    """The quantity that the contract's attributes repeat."""
    METER = "target_meter"
    UTILITY = "buyer_utility"
    """The utility that serves the buyer."""
    TRADE_START = "trade_start"
    TRADE_END = "trade_end"
    PAYMENT = "payment"
    """When it is paid."""
    CODE = "promotion_code"
    TOTAL = "total"
    CURRENCY = "currency"
    FILTER = "filter"
    RATED = "rated"
    """What a rating is about; its path has room for the rating's index."""
    RATING = "rating"
    """The value of a rating; its path has room for the rating's index."""


Paths = Mapping[Field, str]
"""Where each field stands in the messages of one wire, as a JSON path."""
