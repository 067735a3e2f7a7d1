"""The registry of packs: what a bag of attributes can be, and how it is known on the wire.

A bag names its context and its type; a pack says which bags these are, by what schema they are
checked and with what context they are read. The table lists those that come with this package;
an operator's own are read by `schemas.pack_folder`, and are no different.

A branch of the publisher's repository is a family of its own: on `p2p-trading` some names and
versions of the plain family stand for other shapes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from schemas import iris


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pack:
    """Bags of one kind. A context belongs to one pack only."""

    name: str
    version: str
    contexts: tuple[str, ...]
    """The IRIs that "@context" can be, the usual one first."""

    types: tuple[str, ...]
    """The names that "@type" can be."""

    schema: dict[str, Any]
    context: dict[str, Any]


Packs = tuple[Pack, ...]


class _Row(NamedTuple):
    name: str
    version: str
    homes: tuple[str, ...]
    """Where the pack is published; the address of its context starts with one of these."""

    folder: str
    types: tuple[str, ...]


def _branches(*names: str) -> tuple[str, ...]:
    return tuple(f"{iris.PUBLISHER}/{ref}{name}/schema" for name in names for ref in ("refs/heads/", ""))


_PLAIN: Final = _branches("main", "draft", "draft_ameetdesh_deg0p5")
_P2P: Final = _branches("p2p-trading")
_DEG: Final = (
    "https://schema.beckn.io",
    "https://schema.nfh.global",
    "https://raw.githubusercontent.com/beckn/DEG/refs/heads/main/specification/schema",
    "https://raw.githubusercontent.com/beckn/DEG/main/specification/schema",
)

_STALLS: Final = (f"{iris.DRAFT}/schema",)

CORE_CONTEXTS: Final = tuple(f"{home}/core/v2/context.jsonld" for home in _PLAIN + _P2P)
"""The context of orders, items, offers … themselves, which no pack is about."""

_TABLE: Final = (
    _Row("EnergyTradeContract", "0.2", _PLAIN, "energy/energy_trade_contract/v0_2", ("EnergyTradeContract",)),
    _Row("EnergyTradeOffer", "0.2", _PLAIN, "energy/energy_trade_offer/v0_2", ("EnergyTradeOffer",)),
    _Row("EnergyTradeDelivery", "0.2", _PLAIN, "energy/energy_trade_delivery/v0_2", ("EnergyTradeDelivery",)),
    _Row("EnergyResource", "0.2", _PLAIN, "energy/energy_resource/v0_2", ("EnergyResource",)),
    _Row("DEGContract", "2.0", _DEG, "deg/deg_contract/v2_0", ("DEGContract",)),
    _Row("BecknTimeSeries", "1.0", _DEG, "deg/beckn_time_series/v1_0", ("TimeSeries",)),
    _Row("RevenueFlow", "2.0", _DEG, "deg/revenue_flow/v2_0", ("RevenueFlow",)),
    _Row("EnergyTradeOffer", "0.2", _P2P, "p2p/energy_trade_offer/v0_2", ("EnergyTradeOffer",)),
    _Row("EnergyOrderItem", "0.1", _P2P, "p2p/energy_order_item/v0_1", ("EnergyOrderItem",)),
    _Row("EnergyCustomer", "0.1", _P2P, "p2p/energy_customer/v0_1", ("EnergyCustomer",)),
    _Row(
        "EnergyTradeOrder",
        "0.2",
        _P2P,
        "p2p/energy_trade_order/v0_2",
        ("EnergyTradeOrder", "EnergyTradeOrderInterUtility"),
    ),
    _Row("EnergyTradeDelivery", "0.2", _P2P, "p2p/energy_trade_delivery/v0_2", ("EnergyTradeDelivery",)),
    _Row("EnergyResource", "0.2", _P2P, "p2p/energy_resource/v0_2", ("EnergyResource",)),
    _Row("EnergyEnrollment", "0.2", _P2P, "p2p/energy_enrollment/v0_2", ("EnergyEnrollment",)),
    _Row("EvChargingSession", "1", _PLAIN, "ev/ev_charging_session/v1", ("ChargingSession",)),
    _Row("EvChargingService", "1", _PLAIN, "ev/ev_charging_service/v1", ("ChargingService",)),
    _Row("EvChargingOffer", "1", _PLAIN, "ev/ev_charging_offer/v1", ("ChargingOffer",)),
    _Row(
        "EvChargingPointOperator",
        "1",
        _PLAIN,
        "ev/ev_charging_point_operator/v1",
        ("ChargingPointOperator",),
    ),
    _Row("EvChargingOffer", "3.0", _STALLS, "stall/ev_charging_offer/v3_0", ("ChargingOffer",)),
    _Row(
        "EvChargingCommitment", "1.0", _STALLS, "stall/ev_charging_commitment/v1_0", ("ChargingCommitment",)
    ),
    _Row("EvChargingSession", "3.0", _STALLS, "stall/ev_charging_session/v3_0", ("ChargingSession",)),
    _Row("PaymentSettlement", "1", _PLAIN, "payment/payment_settlement/v1", ("PaymentSettlement",)),
)
"""Those that are met most often come first: they are looked for in this order."""


@cache
def bundled_packs() -> Packs:
    """Return the packs that come with the package."""
    return tuple(_bundled(row) for row in _TABLE)


def _bundled(row: _Row) -> Pack:
    return Pack(
        name=row.name,
        version=row.version,
        contexts=tuple(f"{home}/{row.name}/v{row.version}/context.jsonld" for home in row.homes),
        types=tuple(f"{prefix}{name}" for name in row.types for prefix in ("", "beckn:", iris.BECKN)),
        schema=_read(f"{row.folder}/schema.json"),
        context=_read(f"{row.folder}/context.jsonld"),
    )


def _read(path: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        files("schemas").joinpath(*path.split("/")).read_text(encoding="utf-8")
    )
    return document
