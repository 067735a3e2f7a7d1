"""Where each field stands in 2.0.0 LTS."""

from __future__ import annotations

from typing import Final

from trading.fields import Field, Paths

_CONTRACT: Final = "$.message.contract"
_COMMITMENT: Final = f"{_CONTRACT}.commitments[0]"
_BAG: Final = f"{_CONTRACT}.contractAttributes"

PATHS: Final[Paths] = {
    Field.ORDER: _CONTRACT,
    Field.ORDER_ID: f"{_CONTRACT}.id",
    Field.REFERENCE: f"{_CONTRACT}.id",
    Field.TRACKED: "$.message.tracking.contract.id",
    Field.INQUIRY: "$.message.support.orderId",
    Field.SELLER: f"{_CONTRACT}.participants",
    Field.BUYER: f"{_CONTRACT}.participants",
    Field.ITEMS: f"{_CONTRACT}.commitments",
    Field.ITEM: f"{_COMMITMENT}.resources[0].id",
    Field.OFFER: f"{_COMMITMENT}.offer.id",
    Field.QUANTITY: f"{_COMMITMENT}.resources[0].quantity",
    Field.CONTRACTED: f"{_BAG}.contractedQuantity",
    Field.METER: f"{_BAG}.targetMeterId",
    Field.UTILITY: f"{_BAG}.utilityIdBuyer",
    Field.TRADE_START: f"{_BAG}.tradeStartTime",
    Field.TRADE_END: f"{_BAG}.tradeEndTime",
    Field.PAYMENT: f"{_COMMITMENT}.purchaseTerms.payment",
    Field.CODE: f"{_COMMITMENT}.purchaseTerms.promotionCode",
    Field.TOTAL: f"{_CONTRACT}.consideration",
    Field.CURRENCY: f"{_CONTRACT}.consideration",
    Field.FILTER: "$.message.intent.filters.expression",
    Field.RATED: "$.message.ratingInputs[{index}].target.id",
    Field.RATING: "$.message.ratingInputs[{index}].range.value",
}
ORDER_KEY: Final = "contract"
ATTRIBUTES_KEY: Final = "contractAttributes"
VALUE_KEY: Final = "consideration"
PURCHASE_TERMS: Final = "purchaseTerms"
"""The key of a commitment that what else is asked for stands under."""
PROPOSAL: Final = "proposal"
"""The key of a commitment that a proposed change stands under."""
FILTER_EXAMPLE: Final = "$[?@.resourceAttributes.sourceType == 'SOLAR']"
