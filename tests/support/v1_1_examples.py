"""One message of our own for every action of the v1.1 wire: ten kilowatt-hours from a roof to a baker."""

from __future__ import annotations

import copy
from typing import Any, Final

from tests.support.rc_examples import ENERGY_TRADE_CONTRACT

Json = dict[str, Any]

_DAY: Final[Json] = {
    "label": "delivery",
    "timestamp": "2026-03-02T09:00:00Z",
    "duration": "PT6H",
    "range": {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T15:00:00Z"},
    "days": "1,2",
    "schedule": {
        "frequency": "P1D",
        "holidays": ["2026-12-25T00:00:00Z"],
        "times": ["2026-03-02T09:00:00Z"],
    },
}
_TAGS: Final[list[Json]] = [
    {
        "display": True,
        "descriptor": {"code": "meter", "name": "Meter"},
        "list": [{"descriptor": {"code": "source-meter"}, "value": "0A1B2C01", "display": False}],
    },
]
_ROOF: Final[Json] = {
    "name": "Roof on Canal Street",
    "code": "sunny-roof",
    "short_desc": "Sun from next door",
    "long_desc": "Forty panels above the old mill",
    "additional_desc": {"url": "https://roof.example/about", "content_type": "text/html"},
    "media": [
        {"mimetype": "image/png", "url": "https://roof.example/1.png", "signature": "c2ln", "dsa": "x"}
    ],
    "images": [{"url": "https://roof.example/2.png", "size_type": "custom", "width": "40", "height": "30"}],
}
_PLACE: Final[Json] = {
    "id": "roof",
    "gps": "52.3731, 4.8926",
    "address": "1 Canal Street",
    "city": {"name": "Amsterdam", "code": "std:020"},
    "country": {"name": "Netherlands", "code": "NLD"},
    "state": {"name": "North Holland"},
    "area_code": "1012",
    "circle": {
        "gps": "52.3731,4.8926",
        "radius": {"type": "CONSTANT", "value": "2", "unit": "km", "range": {"min": "1", "max": "3"}},
    },
}
_BAKER: Final[Json] = {
    "person": {
        "id": "baker",
        "name": "A. Baker",
        "age": "P40Y",
        "image": {"url": "https://bakery.example/baker.png", "size_type": "sm"},
        "creds": [{"id": "1", "type": "VerifiableCredential", "url": "https://bakery.example/licence"}],
        "languages": [{"code": "nl", "name": "Dutch"}],
        "skills": [{"code": "bread"}],
    },
    "contact": {"phone": "+31200000000", "email": "baker@bakery.example", "jcard": {"fn": "A. Baker"}},
}
_FORM: Final[Json] = {
    "form": {
        "url": "https://bpp.example/form",
        "data": {"meter": "0A1B2C02"},
        "mime_type": "text/html",
        "submission_id": "5c1f0d5e-7d7c-4b64-9f43-0a6b2f7d8e11",
    },
    "required": True,
}
_STAGE: Final[Json] = {"name": "Flowing", "code": "IN_PROGRESS"}
_TERMS: Final[Json] = {
    "cancellation_terms": [
        {
            "fulfillment_state": {"descriptor": {"code": "IN_PROGRESS"}, "updated_by": "sunny-roof"},
            "reason_required": True,
            "cancel_by": _DAY,
            "cancellation_fee": {"percentage": "10", "amount": {"currency": "USD", "value": "0.40"}},
            "external_ref": {"url": "https://roof.example/terms"},
        },
    ],
    "refund_terms": [
        {
            "fulfillment_state": _STAGE,
            "refund_eligible": True,
            "refund_within": _DAY,
            "refund_amount": {"currency": "USD", "value": "1.50"},
        },
    ],
    "replacement_terms": [{"fulfillment_state": _STAGE, "replace_within": _DAY}],
    "return_terms": [
        {
            "fulfillment_state": _STAGE,
            "return_eligible": False,
            "return_location": _PLACE,
            "fulfillment_managed_by": "PROVIDER",
        },
    ],
}
_ENERGY: Final[Json] = {
    "id": "solar-1",
    "descriptor": _ROOF,
    "creator": {"descriptor": {"name": "Mill Association"}, "address": "1 Canal Street"},
    "price": {"currency": "USD", "value": "0.15", "listed_value": "0.20"},
    "quantity": {
        "available": {"measure": {"value": "25.5", "unit": "kWh"}},
        "maximum": {"count": 20, "measure": {"value": "20", "unit": "kWh"}},
        "minimum": {"count": 0},
        "selected": {"count": 10, "measure": {"value": "10", "unit": "kWh"}},
        "unitized": {"count": 1, "measure": {"value": "1", "unit": "kWh"}},
    },
    "category_ids": ["energy"],
    "fulfillment_ids": ["grid"],
    "location_ids": ["roof"],
    "payment_ids": ["transfer"],
    "add_ons": [{"id": "origin", "descriptor": {"name": "Proof of origin"}, "price": {"value": "0"}}],
    **_TERMS,
    "time": _DAY,
    "rateable": True,
    "rating": "4.5",
    "matched": True,
    "ttl": "PT1H",
    "tags": _TAGS,
}
_OFFER: Final[Json] = {
    "id": "offer-1",
    "descriptor": {"name": "Day rate"},
    "item_ids": ["solar-1"],
    "category_ids": ["energy"],
    "location_ids": ["roof"],
    "time": _DAY,
    "tags": _TAGS,
}
_DELIVERY: Final[Json] = {
    "id": "grid",
    "type": "GRID_INJECTION",
    "rateable": False,
    "rating": "4",
    "state": {"descriptor": {"code": "IN_PROGRESS"}, "updated_at": "2026-03-02T09:15:00Z"},
    "tracking": True,
    "customer": _BAKER,
    "agent": {**_BAKER, "organization": {"descriptor": {"name": "Town Grid"}}, "rating": "3.9"},
    "contact": {"email": "grid@town.example"},
    "vehicle": {"category": "cable", "capacity": 1, "energy_type": "SOLAR"},
    "stops": [
        {
            "id": "source",
            "type": "start",
            "location": _PLACE,
            "time": _DAY,
            "instructions": {"name": "Feed in"},
            "authorization": {"type": "OTP", "token": "1234", "valid_to": "2026-03-02T15:00:00Z"},
        },
        {"id": "target", "type": "end", "parent_stop_id": "source", **_BAKER},
    ],
}
_PAYMENT: Final[Json] = {
    "id": "transfer",
    "collected_by": "BPP",
    "url": "https://bpp.example/pay",
    "params": {"transaction_id": "bank-1", "amount": "4.00", "currency": "USD", "bank_code": "TOWN"},
    "type": "POST-FULFILLMENT",
    "status": "NOT-PAID",
    "time": _DAY,
}
_PROVIDER: Final[Json] = {
    "id": "sunny-roof",
    "descriptor": _ROOF,
    "category_id": "energy",
    "rating": "4.5",
    "locations": [_PLACE],
    "rateable": True,
    "ttl": -1,
}
_QUOTE: Final[Json] = {
    "id": "9b2f6a54-6a3d-4a53-8c4d-2f1f0f0a7c22",
    "price": {"currency": "USD", "value": "4.00"},
    "breakup": [
        {"item": _ENERGY, "title": "Energy Cost", "price": {"currency": "USD", "value": "1.50"}},
        {"title": "Wheeling Charges", "price": {"currency": "USD", "value": "2.50"}},
    ],
    "ttl": "PT15M",
}

ORDER: Final[Json] = {
    "id": "order-1",
    "ref_order_ids": ["order-0"],
    "status": "ACTIVE",
    "type": "DEFAULT",
    "provider": _PROVIDER,
    "items": [_ENERGY],
    "add_ons": _ENERGY["add_ons"],
    "offers": [_OFFER],
    "billing": {"name": "A. Baker", "email": "baker@bakery.example", "tax_id": "NL-1", "time": _DAY},
    "fulfillments": [_DELIVERY],
    "cancellation": {
        "time": "2026-03-02T10:00:00Z",
        "cancelled_by": "CONSUMER",
        "reason": {"id": "1", "descriptor": {"name": "No bread today"}},
    },
    **_TERMS,
    "quote": _QUOTE,
    "payments": [_PAYMENT],
    "created_at": "2026-03-01T12:00:00Z",
    "updated_at": "2026-03-01T12:00:05Z",
    "xinput": _FORM,
    "tags": _TAGS,
    "orderAttributes": ENERGY_TRADE_CONTRACT,
}

_DRAFT: Final[Json] = {
    "provider": {"id": "sunny-roof"},
    "items": [
        {"id": "solar-1", "quantity": {"selected": {"measure": {"value": "10", "unit": "kWh"}}}},
    ],
    "fulfillments": [{"id": "grid", "customer": _BAKER}],
    "orderAttributes": ENERGY_TRADE_CONTRACT,
}

_CATALOG: Final[Json] = {
    "descriptor": {"name": "Town market"},
    "payments": [_PAYMENT],
    "providers": [
        {
            **_PROVIDER,
            "categories": [
                {
                    "id": "energy",
                    "parent_category_id": "goods",
                    "descriptor": {"name": "Energy"},
                    "time": _DAY,
                }
            ],
            "fulfillments": [_DELIVERY],
            "payments": [_PAYMENT],
            "offers": [_OFFER],
            "items": [_ENERGY],
            "exp": "2026-12-31T00:00:00Z",
        },
    ],
    "exp": "2026-12-31T00:00:00Z",
    "ttl": "P1D",
}

_SUPPORT: Final[Json] = {
    "ref_id": "order-1",
    "callback_phone": "+31200000000",
    "email": "help@bpp.example",
    "url": "https://bpp.example/help",
}

_INTENT: Final[Json] = {
    "descriptor": {"name": "solar"},
    "provider": {"id": "sunny-roof"},
    "fulfillment": {"stops": [{"location": _PLACE, "time": _DAY}]},
    "payment": {"type": "POST-FULFILLMENT"},
    "category": {"descriptor": {"code": "energy"}},
    "item": {"quantity": {"selected": {"measure": {"value": "10", "unit": "kWh"}}}},
    "tags": _TAGS,
}

_MESSAGES: Final[dict[str, Json]] = {
    "search": {"intent": _INTENT},
    "on_search": {"catalog": _CATALOG},
    **{action: {"order": _DRAFT} for action in ("select", "on_select", "init", "on_init", "confirm")},
    "on_confirm": {"order": ORDER},
    "status": {"order_id": "order-1"},
    "on_status": {"order": {**_DRAFT, "id": "order-1"}},
    "track": {"order_id": "order-1", "callback_url": "https://bap.example/positions"},
    "on_track": {
        "tracking": {
            "id": "follow-1",
            "url": "https://bpp.example/follow/1",
            "location": _PLACE,
            "status": "active",
        },
    },
    "cancel": {
        "order_id": "order-1",
        "cancellation_reason_id": "1",
        "descriptor": {"name": "No bread today"},
    },
    "on_cancel": {"order": {"id": "order-1", "status": "CANCELLED"}},
    "update": {"update_target": "order.billing", "order": {"id": "order-1", "billing": {"name": "B. Baker"}}},
    "on_update": {"order": {**_DRAFT, "id": "order-1"}},
    "rating": {"ratings": [{"rating_category": "Order", "id": "order-1", "value": "4"}]},
    "on_rating": {"feedback_form": _FORM},
    "support": {"support": {"ref_id": "order-1"}},
    "on_support": {"support": _SUPPORT},
}

ACTIONS: Final = tuple(_MESSAGES)


def example(action: str) -> Json:
    """Return a valid message, the caller's own to change."""
    context = {
        "domain": "energy-trade",
        "location": {"city": {"code": "std:020"}, "country": {"code": "NLD"}},
        "version": "1.1.0",
        "action": action,
        "timestamp": "2026-03-01T12:00:00Z",
        "message_id": "0b0e4f3c-58d1-4a8b-8d8f-1d7a6ad8b7d1",
        "transaction_id": "f5b2c2a4-6c43-4c8e-93b6-0a3c0fbb3d52",
        "bap_id": "bap.example",
        "bap_uri": "https://bap.example",
        "ttl": "PT30S",
    }
    if action != "search":
        context |= {"bpp_id": "bpp.example", "bpp_uri": "https://bpp.example"}
    return copy.deepcopy({"context": context, "message": _MESSAGES[action]})
