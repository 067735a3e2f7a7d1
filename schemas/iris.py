"""The IRIs that our messages write as "@context" and "@type", and that expansion brings forth.

The context IRIs are the network's own addresses: its schema takes no other on catalogues and
items. What they stand for comes with this package, see `schemas.packs`.
"""

from __future__ import annotations

from typing import Final

PUBLISHER: Final = "https://raw.githubusercontent.com/beckn/protocol-specifications-new"
"""Where the contexts of 2.0 RC are published, each branch with a meaning of its own."""

_MAIN: Final = f"{PUBLISHER}/refs/heads/main"
_P2P: Final = f"{PUBLISHER}/refs/heads/p2p-trading"
DRAFT: Final = "https://raw.githubusercontent.com/ameetdesh/DEG/refs/heads/main/specification"
"""Where the draft of charging by the minute of a stall is published."""
_SCHEMAS: Final = "https://schema.beckn.io"

CORE_CONTEXT: Final = f"{_MAIN}/schema/core/v2/context.jsonld"
ENERGY_RESOURCE_CONTEXT: Final = f"{_MAIN}/schema/EnergyResource/v0.2/context.jsonld"
ENERGY_TRADE_OFFER_CONTEXT: Final = f"{_MAIN}/schema/EnergyTradeOffer/v0.2/context.jsonld"
ENERGY_TRADE_CONTRACT_CONTEXT: Final = f"{_MAIN}/schema/EnergyTradeContract/v0.2/context.jsonld"
ENERGY_TRADE_DELIVERY_CONTEXT: Final = f"{_MAIN}/schema/EnergyTradeDelivery/v0.2/context.jsonld"
P2P_TRADE_OFFER_CONTEXT: Final = f"{_P2P}/schema/EnergyTradeOffer/v0.2/context.jsonld"
P2P_ORDER_ITEM_CONTEXT: Final = f"{_P2P}/schema/EnergyOrderItem/v0.1/context.jsonld"
P2P_CUSTOMER_CONTEXT: Final = f"{_P2P}/schema/EnergyCustomer/v0.1/context.jsonld"
P2P_TRADE_ORDER_CONTEXT: Final = f"{_P2P}/schema/EnergyTradeOrder/v0.2/context.jsonld"
P2P_DELIVERY_CONTEXT: Final = f"{_P2P}/schema/EnergyTradeDelivery/v0.2/context.jsonld"
CHARGING_SERVICE_CONTEXT: Final = f"{_MAIN}/schema/EvChargingService/v1/context.jsonld"
CHARGING_OFFER_CONTEXT: Final = f"{_MAIN}/schema/EvChargingOffer/v1/context.jsonld"
CHARGING_SESSION_CONTEXT: Final = f"{_MAIN}/schema/EvChargingSession/v1/context.jsonld"
DEG_CONTRACT_CONTEXT: Final = f"{_SCHEMAS}/DEGContract/v2.0/context.jsonld"
STALL_OFFER_CONTEXT: Final = f"{DRAFT}/schema/EvChargingOffer/v3.0/context.jsonld"
STALL_COMMITMENT_CONTEXT: Final = f"{DRAFT}/schema/EvChargingCommitment/v1.0/context.jsonld"
STALL_SESSION_CONTEXT: Final = f"{DRAFT}/schema/EvChargingSession/v3.0/context.jsonld"
STALL_POLICY: Final = f"{DRAFT}/policies/ev-charging-contractpolicy.rego"
STALL_POLICY_PATH: Final = "data.deg.contracts.ev_charging"
"""The rules that sessions at a stall are settled by, as data of the draft."""
TIME_SERIES_CONTEXT: Final = f"{_SCHEMAS}/BecknTimeSeries/v1.0/context.jsonld"
REVENUE_FLOW_CONTEXT: Final = f"{_SCHEMAS}/RevenueFlow/v2.0/context.jsonld"

ENERGY_RESOURCE: Final = "EnergyResource"
ENERGY_TRADE_OFFER: Final = "EnergyTradeOffer"
ENERGY_TRADE_CONTRACT: Final = "EnergyTradeContract"
ENERGY_TRADE_DELIVERY: Final = "EnergyTradeDelivery"
ENERGY_ORDER_ITEM: Final = "EnergyOrderItem"
ENERGY_CUSTOMER: Final = "EnergyCustomer"
CHARGING_SERVICE: Final = "ChargingService"
CHARGING_OFFER: Final = "ChargingOffer"
CHARGING_SESSION: Final = "ChargingSession"
CHARGING_COMMITMENT: Final = "ChargingCommitment"
ENERGY_TRADE_ORDER: Final = "EnergyTradeOrder"
ENERGY_TRADE_ORDER_INTER_UTILITY: Final = "EnergyTradeOrderInterUtility"
DEG_CONTRACT: Final = "DEGContract"
TIME_SERIES: Final = "TimeSeries"
REVENUE_FLOW: Final = "RevenueFlow"

BECKN: Final = f"{_MAIN}/schema/core/v2/vocab.jsonld#"
"""What the prefix `beckn:` stands for, in the core context and in every 2.0 RC bundle."""

METER_ID: Final = "https://schemas.ieee.org/2030.5/mRID"
"""What every key that names a meter expands to in the plain energy trade family."""
