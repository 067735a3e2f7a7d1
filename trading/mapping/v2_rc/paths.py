"""Where each field stands in 2.0 RC."""

from __future__ import annotations

from typing import Final

from trading.fields import Field, Paths

_ORDER: Final = "$.message.order"
_LINE: Final = f"{_ORDER}['beckn:orderItems'][0]"
_BAG: Final = f"{_ORDER}['beckn:orderAttributes']"

PATHS: Final[Paths] = {
    Field.ORDER: _ORDER,
    Field.ORDER_ID: f"{_ORDER}['beckn:id']",
    Field.REFERENCE: f"{_ORDER}['beckn:id']",
    Field.TRACKED: "$.message.tracking.id",
    Field.INQUIRY: "$.message.refId",
    Field.SELLER: f"{_ORDER}['beckn:seller']",
    Field.BUYER: f"{_ORDER}['beckn:buyer']['beckn:id']",
    Field.ITEMS: f"{_ORDER}['beckn:orderItems']",
    Field.ITEM: f"{_LINE}['beckn:orderedItem']",
    Field.OFFER: f"{_LINE}['beckn:acceptedOffer']",
    Field.QUANTITY: f"{_LINE}['beckn:quantity']",
    Field.CONTRACTED: f"{_BAG}.contractedQuantity",
    Field.METER: f"{_BAG}.targetMeterId",
    Field.UTILITY: f"{_BAG}.utilityIdBuyer",
    Field.TRADE_START: f"{_BAG}.tradeStartTime",
    Field.TRADE_END: f"{_BAG}.tradeEndTime",
    Field.PAYMENT: f"{_LINE}['beckn:purchaseTerms'].payment",
    Field.CODE: f"{_LINE}['beckn:purchaseTerms'].promotionCode",
    Field.TOTAL: f"{_ORDER}['beckn:orderValue'].value",
    Field.CURRENCY: f"{_ORDER}['beckn:orderValue'].currency",
    Field.FILTER: "$.message.filters.expression",
    Field.RATED: "$.message.ratings[{index}].id",
    Field.RATING: "$.message.ratings[{index}].ratingValue",
}
ORDER_KEY: Final = "order"
ATTRIBUTES_KEY: Final = "beckn:orderAttributes"
VALUE_KEY: Final = "beckn:orderValue"
PURCHASE_TERMS: Final = "beckn:purchaseTerms"
"""The key of a line that what else is asked for stands under."""
PROPOSAL: Final = "beckn:proposal"
"""The key of a line that a proposed change stands under."""
FILTER_EXAMPLE: Final = "$[?@['beckn:itemAttributes'].sourceType == 'SOLAR']"
