"""One message of our own for every action of the 2.0 RC wire, and one bag for every energy bundle."""

from __future__ import annotations

import copy
from typing import Any, Final

from schemas import iris

Json = dict[str, Any]

_PRODUCER: Final = "sunny-roof"
_DESCRIPTOR: Final[Json] = {"@type": "beckn:Descriptor", "schema:name": "Roof on Canal Street"}

ENERGY_RESOURCE: Final[Json] = {
    "@context": iris.ENERGY_RESOURCE_CONTEXT,
    "@type": iris.ENERGY_RESOURCE,
    "sourceType": "SOLAR",
    "deliveryMode": "GRID_INJECTION",
    "certificationStatus": "roof inspected",
    "meterId": "0A1B2C01",
    "inverterId": "inverter-7",
    "availableQuantity": 25.5,
    "productionWindow": {"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T16:00:00Z"},
    "sourceVerification": {
        "verified": True,
        "verificationDate": "2026-01-15T00:00:00Z",
        "certificates": ["https://roof.example/inspection"],
    },
    "productionAsynchronous": True,
}

ENERGY_TRADE_OFFER: Final[Json] = {
    "@context": iris.ENERGY_TRADE_OFFER_CONTEXT,
    "@type": iris.ENERGY_TRADE_OFFER,
    "pricingModel": "TIME_OF_DAY",
    "settlementType": "DAILY",
    "wheelingCharges": {"amount": 2.5, "currency": "USD", "description": "use of the town grid"},
    "minimumQuantity": 1,
    "maximumQuantity": 20,
    "validityWindow": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00+05:30"},
    "timeOfDayRates": [
        {"timeRange": {"start": "09:00", "end": "17:30:00"}, "rate": 0.15, "currency": "USD"},
    ],
}

ENERGY_TRADE_CONTRACT: Final[Json] = {
    "@context": iris.ENERGY_TRADE_CONTRACT_CONTEXT,
    "@type": iris.ENERGY_TRADE_CONTRACT,
    "contractStatus": "COMPLETED",
    "sourceMeterId": "0A1B2C01",
    "targetMeterId": "0A1B2C02",
    "inverterId": "inverter-7",
    "contractedQuantity": 10,
    "tradeStartTime": "2026-03-02T09:00:00Z",
    "tradeEndTime": "2026-03-02T15:00:00Z",
    "sourceType": "SOLAR",
    "certification": {"status": "roof inspected", "certificates": ["roof-2026"]},
    "settlementCycles": [
        {
            "cycleId": "settle-1",
            "startTime": "2026-03-02T00:00:00Z",
            "endTime": "2026-03-03T00:00:00Z",
            "status": "SETTLED",
            "amount": 4,
            "currency": "USD",
        },
    ],
    "billingCycles": [
        {
            "cycleId": "bill-1",
            "startTime": "2026-03-02T00:00:00Z",
            "endTime": "2026-03-03T00:00:00Z",
            "status": "PENDING",
            "totalAmount": 4,
            "currency": "USD",
            "lineItems": [
                {"title": "Energy Cost", "amount": 1.5, "currency": "USD"},
                {"title": "Wheeling Charges", "amount": 2.5, "currency": "USD"},
            ],
        },
    ],
    "wheelingCharges": {
        "utilityName": "Town Grid",
        "amount": 2.5,
        "currency": "USD",
        "description": "use of the town grid",
    },
    "lastUpdated": "2026-03-03T00:05:00Z",
}

ENERGY_TRADE_DELIVERY: Final[Json] = {
    "@context": iris.ENERGY_TRADE_DELIVERY_CONTEXT,
    "@type": iris.ENERGY_TRADE_DELIVERY,
    "deliveryStatus": "IN_PROGRESS",
    "deliveryMode": "GRID_INJECTION",
    "deliveredQuantity": 4.25,
    "deliveryStartTime": "2026-03-02T09:00:00Z",
    "deliveryEndTime": None,
    "meterReadings": [
        {
            "timestamp": "2026-03-02T09:15:00Z",
            "sourceReading": 512.25,
            "targetReading": 88,
            "energyFlow": 0.25,
        },
    ],
    "telemetry": [
        {
            "eventTime": "2026-03-02T09:15:00Z",
            "metrics": [{"name": "POWER", "value": 1.5, "unitCode": "KW"}],
        },
    ],
    "settlementCycleId": "settle-1",
    "lastUpdated": "2026-03-02T09:15:02Z",
}

BAGS: Final = {
    iris.ENERGY_RESOURCE: ENERGY_RESOURCE,
    iris.ENERGY_TRADE_OFFER: ENERGY_TRADE_OFFER,
    iris.ENERGY_TRADE_CONTRACT: ENERGY_TRADE_CONTRACT,
    iris.ENERGY_TRADE_DELIVERY: ENERGY_TRADE_DELIVERY,
}

_OFFER: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Offer",
    "beckn:id": "offer-1",
    "beckn:descriptor": _DESCRIPTOR,
    "beckn:provider": _PRODUCER,
    "beckn:items": ["solar-1"],
    "beckn:isActive": True,
    "beckn:price": {
        "currency": "USD",
        "value": 0.15,
        "applicableQuantity": {"unitQuantity": 1, "unitCode": "KWH", "unitText": "kilowatt-hour"},
    },
    "beckn:acceptedPaymentMethod": ["BANK_TRANSFER"],
    "beckn:offerAttributes": ENERGY_TRADE_OFFER,
}

ORDER: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Order",
    "beckn:id": "order-1",
    "beckn:orderStatus": "CONFIRMED",
    "beckn:orderNumber": "2026/17",
    "beckn:seller": _PRODUCER,
    "beckn:buyer": {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Buyer",
        "beckn:id": "baker",
        "beckn:role": "BUYER",
    },
    "beckn:orderItems": [
        {
            "beckn:lineId": "1",
            "beckn:orderedItem": "solar-1",
            "beckn:acceptedOffer": _OFFER,
            "beckn:quantity": {"unitQuantity": 10, "unitCode": "KWH"},
            "beckn:price": {"currency": "USD", "value": 1.5},
        },
    ],
    "beckn:orderValue": {
        "currency": "USD",
        "value": 4,
        "components": [
            {"type": "UNIT", "value": 1.5, "currency": "USD", "description": "10 kWh"},
            {"type": "FEE", "value": 2.5, "currency": "USD", "description": "wheeling"},
        ],
    },
    "beckn:payment": {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Payment",
        "beckn:paymentStatus": "PENDING",
        "beckn:amount": {"currency": "USD", "value": 4},
        "beckn:beneficiary": "BPP",
    },
    "beckn:fulfillment": {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Fulfillment",
        "beckn:mode": "DELIVERY",
        "trackingAction": {"id": "follow-1", "url": "https://bpp.example/follow/1"},
        "beckn:deliveryAttributes": ENERGY_TRADE_DELIVERY,
    },
    "beckn:orderAttributes": ENERGY_TRADE_CONTRACT,
}

_CATALOG: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:Catalog",
    "beckn:id": "catalogue-1",
    "beckn:descriptor": _DESCRIPTOR,
    "beckn:bppId": "bpp.example",
    "beckn:bppUri": "https://bpp.example/beckn",
    "beckn:validity": {"@type": "beckn:TimePeriod", "schema:endDate": "2026-12-31T00:00:00Z"},
    "beckn:items": [
        {
            "@context": iris.CORE_CONTEXT,
            "@type": "beckn:Item",
            "beckn:id": "solar-1",
            "beckn:descriptor": _DESCRIPTOR,
            "beckn:category": {"@type": "schema:CategoryCode", "schema:codeValue": "energy"},
            "beckn:availableAt": [
                {"geo": {"type": "Point", "coordinates": [4.9, 52.4]}, "address": {"addressCountry": "NL"}},
            ],
            "beckn:rateable": True,
            "beckn:rating": {"@type": "beckn:Rating", "beckn:ratingValue": 4.5, "beckn:ratingCount": 8},
            "beckn:provider": {"beckn:id": _PRODUCER, "beckn:descriptor": _DESCRIPTOR},
            "beckn:itemAttributes": ENERGY_RESOURCE,
        },
    ],
    "beckn:offers": [_OFFER],
}

_SUPPORT: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:SupportInfo",
    "email": "help@bpp.example",
    "channels": ["EMAIL", "PHONE"],
}

_RATING: Final[Json] = {
    "@context": iris.CORE_CONTEXT,
    "@type": "beckn:RatingInput",
    "id": "order-1",
    "ratingValue": 4,
    "category": "ORDER",
    "feedback": {"comments": "as promised", "tags": ["punctual"]},
}

_DISCOVER: Final[Json] = {
    "text_search": "solar",
    "filters": {"type": "jsonpath", "expression": "$[?@.rating > 4]"},
    "spatial": [
        {
            "op": "s_dwithin",
            "targets": "$['beckn:availableAt'][*].geo",
            "geometry": {"type": "Point", "coordinates": [4.9, 52.4]},
            "distanceMeters": 2000,
            "quantifier": "any",
        },
    ],
    "media_search": {"media": [{"type": "image", "url": "https://bap.example/roof.png"}]},
}

_ON_RATING: Final[Json] = {
    "received": True,
    "aggregate": {"count": 9, "value": 4.4},
    "feedbackForm": {
        "@context": iris.CORE_CONTEXT,
        "@type": "beckn:Form",
        "url": "https://bpp.example/form",
        "mime_type": "text/html",
    },
}

_MESSAGES: Final[dict[str, Json]] = {
    "discover": _DISCOVER,
    "on_discover": {"catalogs": [_CATALOG]},
    **{
        action: {"order": ORDER}
        for name in ("select", "init", "confirm", "update")
        for action in (name, f"on_{name}")
    },
    "status": {"order": {"beckn:id": "order-1"}},
    "on_status": {"order": ORDER},
    "track": {
        "tracking": {
            "id": "order-1",
            "callbackUrl": "https://bap.example/positions",
            "mode_hint": "webhook",
        },
    },
    "on_track": {"tracking": {"id": "follow-1", "url": "https://bpp.example/follow/1"}},
    "cancel": {"order": {"beckn:id": "order-1"}},
    "on_cancel": {"order": ORDER},
    "rating": {"ratings": [_RATING]},
    "on_rating": _ON_RATING,
    "support": {"refId": "order-1", "refType": "ORDER"},
    "on_support": {"support": _SUPPORT},
    "catalog_publish": {"catalogs": [_CATALOG]},
    "catalog_on_publish": {
        "results": [
            {
                "catalog_id": "catalogue-1",
                "status": "PARTIAL",
                "item_count": 1,
                "warnings": [{"code": "SCH_TYPE_MISMATCH", "message": "one picture was left out"}],
                "error": {"code": "SCH_TYPE_MISMATCH", "message": "one item has no provider"},
            },
        ],
    },
}

_NAMED_OTHERWISE: Final = {"catalog_on_publish": "on_catalog_publish"}

ACTIONS: Final = tuple(_MESSAGES)


def example(action: str) -> Json:
    """Return a valid message, the caller's own to change."""
    context = {
        "version": "2.0.0",
        "action": _NAMED_OTHERWISE.get(action, action),
        "timestamp": "2026-03-01T12:00:00Z",
        "message_id": "message-1",
        "transaction_id": "trade-1",
        "bap_id": "bap.example",
        "bap_uri": "https://bap.example/beckn",
        "domain": "energy-trade",
        "ttl": "PT30S",
    }
    if action != "discover":
        context |= {"bpp_id": "bpp.example", "bpp_uri": "https://bpp.example/beckn"}
    return copy.deepcopy({"context": context, "message": _MESSAGES[action]})
