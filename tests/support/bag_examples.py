"""One bag for every pack of the package, with every key that the pack knows."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from schemas import iris
from schemas.packs import Pack, bundled_packs
from tests.support.rc_examples import BAGS as ENERGY_BAGS

Json = dict[str, Any]

_NEIGHBOURS: Final = f"{iris.PUBLISHER}/refs/heads/p2p-trading/schema"
_DAY: Final = "2026-03-02"
_HOURS: Final[Json] = {
    "@type": "beckn:TimePeriod",
    "schema:startTime": f"{_DAY}T09:00:00Z",
    "schema:endTime": f"{_DAY}T10:00:00Z",
}
_PRICE: Final[Json] = {
    "currency": "INR",
    "value": 2,
    "applicableQuantity": {"unitCode": "MIN", "unitText": "minutes", "unitQuantity": 10},
    "components": [{"type": "FEE", "value": 2, "currency": "INR", "description": "for the place"}],
}
_PLACE: Final[Json] = {
    "@type": "beckn:Location",
    "geo": {"type": "Point", "coordinates": [4.9, 52.4]},
    "address": {"streetAddress": "Canal Street 7", "addressLocality": "Amsterdam", "addressCountry": "NL"},
}
_LIST: Final[Json] = {
    "statusListUrl": "https://town.example/status",
    "statusListIndex": "7",
    "revoked": True,
}
_PROOF: Final[Json] = {
    "credentialId": "proof-1",
    "type": "MeterOwnershipCredential",
    "format": "VC-JWT",
    "credentialData": "eyJ…",
    "credentialUrl": "https://town.example/proof-1",
    "verificationUrl": "https://town.example/proof-1/check",
    "issuedAt": f"{_DAY}T09:00:00Z",
    "expiresAt": f"{_DAY}T10:00:00Z",
    "derId": "inverter-7",
}
_FLOWS: Final[list[Json]] = [
    {"role": "seller", "value": 437.15, "currency": "INR", "description": "33 kWh sold"},
    {"role": "buyer", "value": -437.15, "currency": "INR", "description": "33 kWh bought"},
]

_EV: Final[dict[str, Json]] = {
    "EvChargingService": {
        "evseId": "NL*ECO*01",
        "connectorType": "CCS2",
        "maxPowerKW": 60,
        "minPowerKW": 5.5,
        "reservationSupported": True,
        "chargingStation": {"id": "station-1", "serviceLocation": _PLACE},
        "amenityFeature": ["RESTAURANT", "WI-FI"],
        "items": "PARKING",
        "roamingNetwork": "green roam",
        "parkingType": "Mall",
        "powerType": "DC",
        "connectorFormat": "CABLE",
        "chargingSpeed": "FAST",
        "vehicleType": "4-WHEELER",
    },
    "EvChargingOffer": {"tariffModel": "PER_KWH", "idleFeePolicy": _PRICE},
    "EvChargingPointOperator": {
        "operatorName": "Canal Charging",
        "operatorCode": "ECO",
        "identifier": "urn:eco",
        "sameAs": "https://eco.example",
        "supportEmail": "help@eco.example",
        "supportPhone": "+31 20 000",
        "gstNumber": "29A",
        "cin": "L1",
        "msme": "U1",
        "operatorContact": {"desk": "ground floor"},
    },
    "EvChargingSession": {
        "sessionStatus": "ACTIVE",
        "connectorStatus": "PREPARING",
        "buyerFinderFee": {"feeType": "PERCENTAGE", "feeValue": 2.5},
        "connectorType": "Type2",
        "maxPowerKW": 22,
        "meteredEnergyKWh": 13.6,
        "meteredDurationMinutes": 35,
        "chargingTelemetry": [
            {
                "eventTime": f"{_DAY}T09:00:00Z",
                "metrics": [{"name": "ENERGY", "value": 5.8, "unitCode": "KWH"}],
            },
        ],
        "totalCost": {"exclVat": 245.0, "inclVat": 289.1},
        "lastUpdated": f"{_DAY}T09:15:00Z",
        "reservationId": "booking-1",
        "gracePeriodMinutes": 10,
        "vehicleMake": "Any",
        "vehicleModel": "One",
        "preferences": {"startTime": f"{_DAY}T09:00:00Z", "endTime": f"{_DAY}T10:00:00Z"},
    },
    "PaymentSettlement": {
        "settlementAccounts": [
            {
                "beneficiaryId": "bpp.example.com",
                "accountHolderName": "Canal Charging",
                "accountNumber": "0001",
                "ifscCode": "BANK0001",
                "bankName": "Town Bank",
                "vpa": "eco@town",
                "paymentURL": "https://pay.example/1",
            },
        ],
    },
}

_P2P: Final[dict[str, Json]] = {
    "EnergyCustomer": {
        "meterId": "der://meter/7",
        "sanctionedLoad": 15,
        "utilityCustomerId": "customer-1",
        "utilityId": "TOWN",
    },
    "EnergyOrderItem": {
        "providerAttributes": {
            "@context": f"{_NEIGHBOURS}/EnergyCustomer/v0.1/context.jsonld",
            "@type": "EnergyCustomer",
            "meterId": "der://meter/7",
        },
        "fulfillmentAttributes": {
            "@context": f"{_NEIGHBOURS}/EnergyTradeDelivery/v0.2/context.jsonld",
            "@type": "EnergyTradeDelivery",
        },
    },
    "EnergyTradeOrder": {"bap_id": "bap.example.com", "bpp_id": "bpp.example.com", "total_quantity": 50},
    "EnergyResource": {
        "sourceType": "SOLAR",
        "deliveryMode": "GRID_INJECTION",
        "certificationStatus": "roof inspected",
        "meterId": "der://meter/7",
        "availableQuantity": 25.5,
        "productionWindow": [_HOURS],
        "sourceVerification": {
            "verified": True,
            "verificationDate": f"{_DAY}T00:00:00Z",
            "certificates": ["https://roof.example/inspection"],
        },
        "productionAsynchronous": True,
    },
    "EnergyTradeOffer": {
        "pricingModel": "PER_KWH",
        "settlementType": "DAILY",
        "sourceMeterId": "der://meter/7",
        "wheelingCharges": {"amount": 2.5, "currency": "INR", "description": "use of the town grid"},
        "minimumQuantity": 1,
        "maximumQuantity": 20,
        "validityWindow": _HOURS,
        "timeOfDayRates": [
            {"timeRange": {"start": "09:00", "end": "17:30:00"}, "rate": 0.15, "currency": "INR"}
        ],
        "beckn:price": _PRICE,
        "beckn:maxQuantity": {"unitText": "kWh", "unitQuantity": 20},
        "beckn:timeWindow": _HOURS,
    },
    "EnergyTradeDelivery": {
        "deliveryStatus": "IN_PROGRESS",
        "deliveryMode": "GRID_INJECTION",
        "deliveredQuantity": 9.8,
        "meterReadings": [
            {
                "beckn:timeWindow": _HOURS,
                "consumedEnergy": 4,
                "producedEnergy": 0,
                "allocatedEnergy": 3.5,
                "unit": "kWh",
            },
        ],
        "curtailedQuantity": 5,
        "curtailmentReason": "GRID_OUTAGE",
        "lastUpdated": f"{_DAY}T09:15:00Z",
    },
    "EnergyEnrollment": {
        "userAuth": {"authMethod": "OTP", "mobile": "+31 6 000", "otp": "1234", "nguid": "n-1"},
        "meters": [
            {
                "meterId": "7",
                "meterNumber": "7A",
                "utilityId": "TOWN",
                "connectionType": "residential",
                "sanctionedLoad": 5,
            },
        ],
        "credentials": [_PROOF],
        "existingEnrollments": [_PROOF],
        "credentialVerification": {
            "status": "VERIFIED",
            "verifiedCredentials": [
                {"credentialId": "proof-1", "status": "VERIFIED", "verifiedAt": f"{_DAY}T09:00:00Z"}
            ],
        },
        "conflictCheck": {
            "hasConflict": True,
            "conflictingEnrollments": [
                {
                    "enrollmentId": "old-1",
                    "programId": "peak",
                    "conflictReason": "same months",
                    "conflictType": "DATE_OVERLAP",
                },
            ],
            "checkedAt": f"{_DAY}T09:00:00Z",
            "message": "there is one",
        },
        "requiredCredentials": [{"type": "MeterOwnershipCredential", "status": "PROVIDED"}],
        "requiredConsents": [{"type": "DATA_COLLECTION", "required": True}],
        "startDate": f"{_DAY}T00:00:00Z",
        "endDate": "2027-03-02T00:00:00Z",
        "consents": [{"type": "DATA_COLLECTION", "granted": True}],
        "updateType": "UNENROLLMENT",
        "consentRevocation": {
            "consentCredentialId": "https://town.example/consent-1",
            "consentType": "DER_CONTROL",
            "reason": "moved",
            "revokedAt": f"{_DAY}T09:00:00Z",
            "effectiveDate": f"{_DAY}T10:00:00Z",
            "status": "REVOKED",
            "statusListUrl": "https://town.example/status",
            "statusListIndex": "7",
            "message": "done",
        },
        "unenrollment": {
            "enrollmentId": "new-1",
            "reason": "moved",
            "effectiveDate": f"{_DAY}T10:00:00Z",
            "revokeAllConsents": True,
            "status": "CANCELLED",
            "cancelledAt": f"{_DAY}T09:00:00Z",
            "enrollmentCredentialStatus": _LIST,
            "consentsRevoked": [{"consentCredentialId": "https://town.example/consent-1", **_LIST}],
            "message": "done",
        },
        "enrollmentId": "new-1",
        "programId": "peak",
        "status": "ACTIVE",
        "enrolledAt": f"{_DAY}T09:00:00Z",
        "credential": _PROOF,
        "loggedAt": f"{_DAY}T09:00:00Z",
        "logReference": "book 7",
    },
}

_DEG: Final[dict[str, Json]] = {
    "DEGContract": {
        "contractType": "P2P_TRADE",
        "roles": [
            {"role": "seller", "participantId": "roof"},
            {"role": "buyer", "participantId": "bakery"},
        ],
        "policy": {"url": "https://town.example/policy", "queryPath": "data.town.flows"},
        "revenueFlows": _FLOWS,
    },
    "BecknTimeSeries": {
        "intervalPeriod": {"start": f"{_DAY}T09:00:00Z", "duration": "PT1H"},
        "payloadDescriptors": [
            {
                "objectType": "EVENT_PAYLOAD_DESCRIPTOR",
                "payloadType": "REQUESTED_QTY",
                "units": "KWH",
                "currency": None,
                "insertedBy": "buyer",
            },
        ],
        "intervals": [
            {
                "id": 0,
                "intervalPeriod": {"start": f"{_DAY}T09:00:00Z"},
                "payloads": [{"type": "REQUESTED_QTY", "values": [20.5]}],
            },
        ],
    },
    "RevenueFlow": {"revenueFlows": _FLOWS},
}

_STALL: Final[dict[str, Json]] = {
    "EvChargingOffer": {
        "mode": "RESERVATION",
        "terms": {
            "currency": "INR",
            "energyPerKWh": 18,
            "occupancyPerMin": 1.5,
            "idlePerMin": 4,
            "graceMin": 10,
            "maxDemotions": 1,
            "gridDelayCreditPerMin": 0.5,
            "reservation": {
                "fee": 40,
                "cancelBeforeMin": 30,
                "cpoDelayCreditPerMin": 2,
                "liabilityCap": 80,
            },
        },
        "contractAttributes": {"@context": iris.DEG_CONTRACT_CONTEXT, "@type": iris.DEG_CONTRACT},
    },
    "EvChargingCommitment": {
        "vehicle": {"maxChargeKW": 50, "socPercent": 35},
        "reservedStart": f"{_DAY}T09:00:00Z",
        "quote": {
            "promisedKW": 45.5,
            "estimatedStart": {"from": f"{_DAY}T09:00:00Z", "to": f"{_DAY}T09:10:00Z"},
        },
    },
    "EvChargingSession": {
        "ledger": [
            {"at": f"{_DAY}T09:00:00Z", "state": "ASSIGNED", "stallId": "stall-2"},
            {
                "at": f"{_DAY}T09:05:00Z",
                "state": "LIMITED_BY_GRID",
                "kWh": 7.25,
                "stallId": "stall-2",
                "eventId": "grid-7",
            },
        ],
    },
}

_BODIES: Final = {"energy": ENERGY_BAGS, "ev": _EV, "p2p": _P2P, "deg": _DEG, "stall": _STALL}
_ELSEWHERE: Final = frozenset({"deg", "stall"})
"""Families whose official documents are not at hand."""


class BagExample(NamedTuple):
    """A bag, the pack that knows it, and the family that the pack is of."""

    family: str
    pack: Pack
    bag: Json

    @property
    def label(self) -> str:
        """The family and the pack in words."""
        return f"{self.family}/{self.pack.name}"

    @property
    def is_published(self) -> bool:
        """Whether its official schema and context lie among the outside material."""
        return self.family not in _ELSEWHERE


def bag_examples() -> list[BagExample]:
    """Return an example for each pack of the package."""
    return [_example(pack) for pack in bundled_packs()]


def _example(pack: Pack) -> BagExample:
    family = pack.schema["$id"].removeprefix("https://degnode.org/schemas/").partition("/")[0]
    family = {"payment": "ev"}.get(family, family)
    body = {key: value for key, value in _BODIES[family][pack.name].items() if not key.startswith("@")}
    return BagExample(family, pack, {"@context": pack.contexts[0], "@type": pack.types[0], **body})
