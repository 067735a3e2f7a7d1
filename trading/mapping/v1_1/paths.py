"""Where each field stands in v1.1."""

from __future__ import annotations

from typing import Final

from trading.fields import Field, Paths

_ORDER: Final = "$.message.order"
_BAG: Final = f"{_ORDER}.orderAttributes"

PATHS: Final[Paths] = {
    Field.ORDER: _ORDER,
    Field.ORDER_ID: f"{_ORDER}.id",
    Field.REFERENCE: "$.message.order_id",
    Field.TRACKED: "$.message.order_id",
    Field.INQUIRY: "$.message.support.ref_id",
    Field.SELLER: f"{_ORDER}.provider.id",
    Field.BUYER: f"{_ORDER}.fulfillments[0].customer.person.id",
    Field.ITEMS: f"{_ORDER}.items",
    Field.ITEM: f"{_ORDER}.items[0].id",
    Field.OFFER: f"{_ORDER}.offers[0].id",
    Field.QUANTITY: f"{_ORDER}.items[0].quantity.selected.measure",
    Field.CONTRACTED: f"{_BAG}.contractedQuantity",
    Field.METER: f"{_BAG}.targetMeterId",
    Field.UTILITY: f"{_BAG}.utilityIdBuyer",
    Field.TRADE_START: f"{_BAG}.tradeStartTime",
    Field.TRADE_END: f"{_BAG}.tradeEndTime",
    Field.PAYMENT: f"{_ORDER}.payments[0].type",
    Field.CODE: f"{_ORDER}.tags",
    Field.TOTAL: f"{_ORDER}.quote.price.value",
    Field.CURRENCY: f"{_ORDER}.quote.price.currency",
    Field.FILTER: "$.message.intent.tags",
    Field.RATED: "$.message.ratings[{index}].id",
    Field.RATING: "$.message.ratings[{index}].value",
}
ORDER_KEY: Final = "order"
ATTRIBUTES_KEY: Final = "orderAttributes"
VALUE_KEY: Final = "quote"
FILTER_EXAMPLE: Final = "$[?@.itemAttributes.sourceType == 'SOLAR']"
