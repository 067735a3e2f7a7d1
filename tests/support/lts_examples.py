"""One message of our own for every action of the 2.0.0 LTS wire: ten kilowatt-hours from a roof."""

from __future__ import annotations

import copy
from typing import Any, Final

from schemas import iris
from tests.support.rc_examples import (
    ENERGY_RESOURCE,
    ENERGY_TRADE_CONTRACT,
    ENERGY_TRADE_DELIVERY,
    ENERGY_TRADE_OFFER,
)

Json = dict[str, Any]

_BUYER: Final = "bap.example"
_SELLER: Final = "bpp.example"
_CONTRACT_ID: Final = "6d1f0c52-3f0e-4a39-9b6d-6f5d0a5f6f11"
_TERMS: Final = "https://terms.example"

_ROOF: Final[Json] = {
    "code": "sunny-roof",
    "name": "Roof on Canal Street",
    "shortDesc": "Sun from next door",
    "longDesc": "Forty panels above the old mill",
    "thumbnailImage": "https://roof.example/small.png",
    "docs": [
        {
            "label": "Inspection",
            "url": "https://roof.example/inspection.pdf",
            "mimeType": "application/pdf",
            "standard": "IEC 62446-1",
            "security": {"checksum": "9f86d081", "checksumAlgorithm": "SHA256", "keyId": "roof|1|ed25519"},
        },
    ],
    "mediaFile": [{"label": "Panels", "mimeType": "image/png", "uri": "https://roof.example/1.png"}],
}
_PLACE: Final[Json] = {
    "geo": {"type": "Point", "coordinates": [4.9, 52.4], "bbox": [4.8, 52.3, 5, 52.5]},
    "address": {"streetAddress": "1 Canal Street", "addressLocality": "Amsterdam", "addressCountry": "NL"},
}
_PRODUCER: Final[Json] = {
    "id": "sunny-roof",
    "descriptor": _ROOF,
    "availableAt": [_PLACE],
    "providerAttributes": {"@context": f"{_TERMS}/producer.jsonld", "@type": "Producer", "since": 2019},
}
_RESOURCE: Final[Json] = {"id": "solar-1", "descriptor": _ROOF, "resourceAttributes": ENERGY_RESOURCE}

PRICE: Final[Json] = {
    "id": "price",
    "status": {"code": "QUOTED"},
    "considerationAttributes": {
        "@context": f"{_TERMS}/price.jsonld",
        "@type": "Price",
        "currency": "USD",
        "value": 4,
    },
}
_OFFER: Final[Json] = {
    "id": "offer-1",
    "descriptor": {"name": "Noon sun"},
    "provider": _PRODUCER,
    "resourceIds": ["solar-1"],
    "addOns": [{"id": "certificate", "descriptor": {"name": "Proof of origin"}, "resourceIds": "all"}],
    "considerations": [PRICE],
    "validity": {"startDate": "2026-03-01T00:00:00Z", "endDate": "2026-03-02T00:00:00Z"},
    "availableTo": [{"type": "NETWORK", "id": "town.example/energy"}],
    "offerAttributes": ENERGY_TRADE_OFFER,
}

TIME_SERIES: Final[Json] = {
    "@context": iris.TIME_SERIES_CONTEXT,
    "@type": iris.TIME_SERIES,
    "intervalPeriod": {"start": "2026-03-02T09:00:00Z", "duration": "PT3H"},
    "payloadDescriptors": [
        {
            "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
            "payloadType": "PRICE_PER_KWH",
            "currency": "USD",
            "insertedBy": "sellerPlatform",
        },
        {
            "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
            "payloadType": "REQUESTED_QTY",
            "units": "KWH",
            "insertedBy": "buyerPlatform",
        },
    ],
    "intervals": [
        {
            "id": number,
            "payloads": [
                {"type": "PRICE_PER_KWH", "values": [0.15]},
                {"type": "REQUESTED_QTY", "values": [5]},
            ],
        }
        for number in range(2)
    ],
}

DEG_CONTRACT: Final[Json] = {
    "@context": iris.DEG_CONTRACT_CONTEXT,
    "@type": iris.DEG_CONTRACT,
    "roles": [
        {"role": "buyerPlatform", "participantId": _BUYER},
        {"role": "sellerPlatform", "participantId": _SELLER},
        {"role": "sellerDiscom", "participantId": "town-grid"},
    ],
    "policy": {"url": f"{_TERMS}/trade.rego", "queryPath": "data.trade.flows"},
}

REVENUE_FLOWS: Final[Json] = {
    "@context": iris.REVENUE_FLOW_CONTEXT,
    "@type": iris.REVENUE_FLOW,
    "revenueFlows": [
        {"role": "buyerPlatform", "value": -4, "currency": "USD", "description": "10 kWh and their way"},
        {"role": "sellerPlatform", "value": 1.5, "currency": "USD", "description": "10 kWh"},
        {"role": "sellerDiscom", "value": 2.5, "currency": "USD", "description": "wheeling"},
    ],
}
"""They come to nothing: what the buyer pays, the others receive."""

CONTRACT: Final[Json] = {
    "id": _CONTRACT_ID,
    "descriptor": {"name": "Noon sun for the bakery"},
    "status": {"code": "ACTIVE"},
    "commitments": [
        {
            "id": "commitment-1",
            "status": {"descriptor": {"code": "ACTIVE"}},
            "resources": [{**_RESOURCE, "quantity": {"unitQuantity": 10, "unitCode": "KWH"}}],
            "offer": _OFFER,
            "commitmentAttributes": TIME_SERIES,
        },
    ],
    "consideration": [
        PRICE,
        {"id": "flows", "status": {"code": "AGREED"}, "considerationAttributes": REVENUE_FLOWS},
    ],
    "participants": [
        {"id": _BUYER, "descriptor": {"name": "Baker"}},
        {
            "id": "town-grid",
            "participantAttributes": {
                "@context": f"{_TERMS}/grid.jsonld",
                "@type": "GridOperator",
                "name": "Town Grid",
            },
        },
    ],
    "performance": [
        {
            "id": "delivery-1",
            "status": {"code": "IN_PROGRESS"},
            "commitmentIds": ["commitment-1"],
            "performanceAttributes": ENERGY_TRADE_DELIVERY,
        },
    ],
    "settlements": [
        {
            "id": "settlement-1",
            "considerationId": "price",
            "status": "COMMITTED",
            "settlementAttributes": {
                "@context": f"{_TERMS}/transfer.jsonld",
                "@type": "Transfer",
                "payTo": "NL00ROOF0123456789",
            },
        },
    ],
    "contractAttributes": ENERGY_TRADE_CONTRACT,
}

DEG_TRADE: Final[Json] = {**CONTRACT, "contractAttributes": DEG_CONTRACT}
"""The same contract, its terms told as roles and a policy."""

_CATALOG: Final[Json] = {
    "id": "catalogue-1",
    "descriptor": {"name": "Roofs of the town"},
    "provider": _PRODUCER,
    "bppId": _SELLER,
    "bppUri": f"https://{_SELLER}",
    "isActive": True,
    "validity": {"startTime": "08:00:00Z", "endTime": "18:00:00Z"},
    "resources": [_RESOURCE],
    "offers": [_OFFER],
    "publishDirectives": {
        "catalogType": "regular",
        "updateMode": "MERGE",
        "resourceDirectives": [{"resourceId": "solar-1", "extends": {"masterResourceId": "solar"}}],
    },
}

_DISCOVER: Final[Json] = {
    "intent": {
        "textSearch": "solar",
        "filters": {"type": "jsonpath", "expression": "$[?@.rating > 4]"},
        "spatial": [
            {
                "op": "S_DWITHIN",
                "targets": ["$.availableAt[*].geo"],
                "geometry": {"type": "Point", "coordinates": [4.9, 52.4]},
                "distanceMeters": 2000,
                "quantifier": "ANY",
                "srid": "EPSG:4326",
            },
        ],
        "mediaSearch": {
            "media": [{"type": "image", "url": "https://bap.example/roof.png", "startMs": 0}],
            "options": {"goals": ["visual-similarity"], "augment_text_search": True},
        },
    },
}

_RATING: Final[Json] = {
    "target": {
        "id": _CONTRACT_ID,
        "descriptor": {"name": "Noon sun for the bakery"},
        "targetAttributes": {"@context": f"{_TERMS}/rating.jsonld", "@type": "Contract", "year": 2026},
    },
    "range": {"min": 1, "max": 5, "value": 4},
    "feedbackFormSubmission": {
        "id": "https://bpp.example/form",
        "submissionId": "b0f9bb6e-5a9e-4a63-9f06-8e1d8f3b5f20",
        "data": {"comment": "as promised"},
        "submittedAt": "2026-03-03T08:00:00Z",
    },
}

_TRACKING: Final[Json] = {
    "contract": CONTRACT,
    "status": "ACTIVE",
    "url": "https://bpp.example/follow/1",
    "trackingAttributes": {"@context": f"{_TERMS}/tracking.jsonld", "@type": "Page", "language": "en"},
}

_SUPPORT: Final[Json] = {
    "orderId": _CONTRACT_ID,
    "descriptor": {"name": "Help desk"},
    "channels": [
        {"@context": f"{_TERMS}/contact.jsonld", "@type": "Contact", "email": "help@bpp.example"},
    ],
}

_MESSAGES: Final[dict[str, Json]] = {
    "discover": _DISCOVER,
    "on_discover": {"catalogs": [_CATALOG]},
    "select": {"contract": DEG_TRADE},
    "on_select": {"contract": DEG_TRADE},
    **{
        action: {"contract": CONTRACT}
        for name in ("init", "confirm", "update", "status", "cancel")
        for action in (name, f"on_{name}")
    },
    "track": {"tracking": _TRACKING},
    "on_track": {"tracking": _TRACKING},
    "rate": {"ratingInputs": [_RATING]},
    "on_rate": {"ratings": [_RATING]},
    "support": {"support": _SUPPORT},
    "on_support": {"support": _SUPPORT},
    "catalog_publish": {"catalogs": [_CATALOG]},
    "catalog_on_publish": {
        "results": [
            {"catalogId": "catalogue-1", "status": "ACCEPTED", "stats": {"itemCount": 1, "providerCount": 1}},
            {
                "catalogId": "catalogue-2",
                "status": "REJECTED",
                "errors": [
                    {"errorCode": "SCH_REQUIRED_FIELD_MISSING", "errorMessage": "provider is missing"}
                ],
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
        "messageId": "0b0e4f3c-58d1-4a8b-8d8f-1d7a6ad8b7d1",
        "transactionId": "f5b2c2a4-6c43-4c8e-93b6-0a3c0fbb3d52",
        "bapId": _BUYER,
        "bapUri": f"https://{_BUYER}",
        "networkId": "town.example/energy",
        "location": {"city": {"code": "std:020"}, "country": {"code": "NLD"}},
        "schemaContext": [iris.ENERGY_RESOURCE_CONTEXT],
        "ttl": "PT30S",
    }
    if action != "discover":
        context |= {"bppId": _SELLER, "bppUri": f"https://{_SELLER}"}
    if action in {"on_confirm", "on_status"}:
        context["requestDigest"] = {"digest": "BLAKE-512=YmFrZXI="}
    return copy.deepcopy({"context": context, "message": _MESSAGES[action]})
