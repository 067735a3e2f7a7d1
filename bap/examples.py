"""A purchase of solar energy, message by message, as the API's documentation shows it.

Ten kilowatt-hours at 0.15 USD, and 2.50 USD for carrying them: 4.00 USD.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from protocol.actions import Action
from schemas import iris

Json = dict[str, Any]

SELLER_PLATFORM: Final = "bpp.sunfield.example"
ORDER_ID: Final = "order-7f3a"
_ITEM, _OFFER, _PROVIDER = "solar-noon", "offer-noon", "sunfield"
_USD: Final = "USD"
_PRICE, _ENERGY, _WHEELING = Decimal("0.15"), Decimal("1.50"), Decimal("2.50")
_KWH: Final = Decimal("10.0")


def _named(name: str) -> Json:
    return {"@type": "beckn:Descriptor", "schema:name": name}


_TERMS: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Offer",
    "beckn:id": _OFFER,
    "beckn:descriptor": _named("Noon sun by the kilowatt-hour"),
    "beckn:provider": _PROVIDER,
    "beckn:items": [_ITEM],
    "beckn:price": {
        "currency": _USD,
        "value": _PRICE,
        "applicableQuantity": {"unitQuantity": 1, "unitCode": "KWH"},
    },
    "beckn:offerAttributes": {
        "@context": iris.ENERGY_TRADE_OFFER_CONTEXT,
        "@type": iris.ENERGY_TRADE_OFFER,
        "pricingModel": "PER_KWH",
        "settlementType": "DAILY",
        "wheelingCharges": {"amount": _WHEELING, "currency": _USD, "description": "carriage by the grid"},
        "minimumQuantity": 1,
        "maximumQuantity": 50,
    },
}

_ASKED: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Order",
    "beckn:orderStatus": "CREATED",
    "beckn:seller": _PROVIDER,
    "beckn:buyer": {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Buyer",
        "beckn:id": "mill-street-bakery",
        "beckn:role": "BUYER",
    },
    "beckn:orderItems": [
        {
            "beckn:lineId": "1",
            "beckn:orderedItem": _ITEM,
            "beckn:quantity": {"unitQuantity": _KWH, "unitCode": "KWH"},
            "beckn:acceptedOffer": _TERMS,
        }
    ],
}

_QUOTE: Final[Json] = {
    "currency": _USD,
    "value": _ENERGY + _WHEELING,
    "components": [
        {"type": "UNIT", "value": _ENERGY, "currency": _USD, "description": "10 kWh at 0.15"},
        {"type": "FEE", "value": _WHEELING, "currency": _USD, "description": "carriage by the grid"},
    ],
}

_DAY: Final = {"startTime": "2026-06-12T00:00:00Z", "endTime": "2026-06-13T00:00:00Z"}


def _contract(status: str, **more: Any) -> Json:  # noqa: ANN401  fields of the bundle
    return {
        "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
        "@type": iris.ENERGY_TRADE_CONTRACT,
        "contractStatus": status,
        "sourceMeterId": "5F1A0001",
        "targetMeterId": "5F1A0002",
        "contractedQuantity": _KWH,
        "tradeStartTime": "2026-06-12T10:00:00Z",
        "tradeEndTime": "2026-06-12T14:00:00Z",
        "sourceType": "SOLAR",
        **more,
    }


def _delivery(mode: Json | None = None) -> Json:
    return {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Fulfillment",
        "beckn:mode": "DELIVERY",
        **(mode or {}),
    }


_DELIVERED: Final = _delivery(
    {
        "beckn:deliveryAttributes": {
            "@context": iris.ENERGY_TRADE_DELIVERY_CONTEXT,
            "@type": iris.ENERGY_TRADE_DELIVERY,
            "deliveryStatus": "COMPLETED",
            "deliveryMode": "GRID_INJECTION",
            "deliveredQuantity": _KWH,
            "deliveryStartTime": "2026-06-12T10:00:00Z",
            "deliveryEndTime": "2026-06-12T14:00:00Z",
        }
    }
)

_SETTLED: Final = _contract(
    "COMPLETED",
    settlementCycles=[
        {"cycleId": "s-1", **_DAY, "status": "SETTLED", "amount": _ENERGY + _WHEELING, "currency": _USD}
    ],
    billingCycles=[
        {
            "cycleId": "b-1",
            **_DAY,
            "status": "PENDING",
            "totalAmount": _ENERGY + _WHEELING,
            "currency": _USD,
            "lineItems": [
                {"title": "Energy Cost", "amount": _ENERGY, "currency": _USD},
                {"title": "Wheeling Charges", "amount": _WHEELING, "currency": _USD},
            ],
        }
    ],
    lastUpdated="2026-06-13T00:05:00Z",
)

# The meters come with init: they say between whom the energy flows.
_DRAFTED: Final = _ASKED | {
    "beckn:fulfillment": _delivery(),
    "beckn:orderAttributes": _contract("PENDING"),
}
_PAYMENT: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Payment",
    "beckn:paymentStatus": "PENDING",
    "beckn:amount": {"currency": _USD, "value": _ENERGY + _WHEELING},
    "beckn:beneficiary": "BPP",
}
_QUOTED: Final = _DRAFTED | {"beckn:orderValue": _QUOTE}
_CONFIRMED: Final = _QUOTED | {
    "beckn:id": ORDER_ID,
    "beckn:orderStatus": "CONFIRMED",
    "beckn:payment": _PAYMENT,
    "beckn:orderAttributes": _contract("ACTIVE", lastUpdated="2026-06-11T18:00:05Z"),
}
_LESS: Final = Decimal("8.0")
_REDUCED: Final = _CONFIRMED | {
    "beckn:orderItems": [
        {
            "beckn:lineId": "1",
            "beckn:orderedItem": _ITEM,
            "beckn:quantity": {"unitQuantity": _LESS, "unitCode": "KWH"},
        }
    ],
    "beckn:orderAttributes": _contract("ACTIVE") | {"contractedQuantity": _LESS},
}

_CATALOG: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Catalog",
    "beckn:id": "sunfield-catalogue",
    "beckn:descriptor": _named("Sunfield, solar energy"),
    "beckn:bppId": SELLER_PLATFORM,
    "beckn:bppUri": "https://bpp.sunfield.example",
    "beckn:items": [
        {
            "@context": iris.CORE_CONTEXT,
            "@type": "beckn:Item",
            "beckn:id": _ITEM,
            "beckn:descriptor": _named("Solar energy around noon"),
            "beckn:provider": {"beckn:id": _PROVIDER, "beckn:descriptor": _named("Sunfield")},
            "beckn:itemAttributes": {
                "@context": iris.ENERGY_RESOURCE_CONTEXT,
                "@type": iris.ENERGY_RESOURCE,
                "sourceType": "SOLAR",
                "deliveryMode": "GRID_INJECTION",
                "meterId": "5F1A0001",
                "availableQuantity": 50,
            },
        }
    ],
    "beckn:offers": [_TERMS],
}


def _request(message: Json) -> Json:
    return {"bpp_id": SELLER_PLATFORM, "message": message}


REQUESTS: Final[Mapping[Action, Json]] = MappingProxyType(
    {
        Action.DISCOVER: _request(
            {
                "text_search": "solar",
                "filters": {
                    "type": "jsonpath",
                    "expression": "$[?@['beckn:itemAttributes'].sourceType == 'SOLAR']",
                },
            }
        ),
        Action.SELECT: _request({"order": _ASKED}),
        Action.INIT: _request({"order": _DRAFTED}),
        Action.CONFIRM: _request({"order": _QUOTED | {"beckn:payment": _PAYMENT}}),
        Action.STATUS: _request({"order": {"beckn:id": ORDER_ID}}),
        Action.TRACK: _request({"tracking": {"id": ORDER_ID, "mode_hint": "link_only"}}),
        Action.UPDATE: _request({"order": _REDUCED}),
        Action.CANCEL: _request({"order": {"beckn:id": ORDER_ID}}),
        Action.RATING: _request(
            {
                "ratings": [
                    {
                        "@context": iris.CORE_CONTEXT,
                        "@type": "beckn:RatingInput",
                        "id": ORDER_ID,
                        "ratingValue": 5,
                        "bestRating": 5,
                        "category": "ORDER",
                        "feedback": {"comments": "every kilowatt-hour came"},
                    }
                ]
            }
        ),
        Action.SUPPORT: _request({"refId": ORDER_ID, "refType": "ORDER"}),
    }
)
"""The body of each request to this API."""

CALLBACKS: Final[Mapping[Action, Json]] = MappingProxyType(
    {
        Action.ON_DISCOVER: {"catalogs": [_CATALOG]},
        Action.ON_SELECT: {"order": _ASKED | {"beckn:orderValue": _QUOTE}},
        Action.ON_INIT: {"order": _QUOTED},
        Action.ON_CONFIRM: {"order": _CONFIRMED},
        Action.ON_STATUS: {
            "order": _CONFIRMED
            | {
                "beckn:orderStatus": "COMPLETED",
                "beckn:fulfillment": _DELIVERED,
                "beckn:orderAttributes": _SETTLED,
            }
        },
        Action.ON_TRACK: {"tracking": {"id": "track-1", "url": "https://bpp.sunfield.example/track/1"}},
        Action.ON_UPDATE: {"order": _REDUCED},
        Action.ON_CANCEL: {
            "order": _CONFIRMED
            | {"beckn:orderStatus": "CANCELLED", "beckn:orderAttributes": _contract("TERMINATED")}
        },
        Action.ON_RATING: {"received": True, "aggregate": {"count": 12, "value": Decimal("4.5")}},
        Action.ON_SUPPORT: {
            "support": {
                "@context": iris.CORE_CONTEXT,
                "@type": "beckn:SupportInfo",
                "email": "help@sunfield.example",
                "channels": ["EMAIL"],
            }
        },
    }
)
"""The message of each callback."""
