"""The IRIs that our messages write as "@context" and "@type", and that expansion brings forth.

The context IRIs are the network's own addresses: its schema takes no other on catalogues and
items. What they stand for comes with this package, see `schemas.jsonld`.
"""

from __future__ import annotations

from typing import Final

PUBLISHER: Final = "https://raw.githubusercontent.com/beckn/protocol-specifications-new"
_MAIN: Final = f"{PUBLISHER}/refs/heads/main"

CORE_PATH: Final = "/schema/core/v2/context.jsonld"
ENERGY_RESOURCE_PATH: Final = "/schema/EnergyResource/v0.2/context.jsonld"
ENERGY_TRADE_OFFER_PATH: Final = "/schema/EnergyTradeOffer/v0.2/context.jsonld"
ENERGY_TRADE_CONTRACT_PATH: Final = "/schema/EnergyTradeContract/v0.2/context.jsonld"
ENERGY_TRADE_DELIVERY_PATH: Final = "/schema/EnergyTradeDelivery/v0.2/context.jsonld"

CORE_CONTEXT: Final = _MAIN + CORE_PATH
ENERGY_RESOURCE_CONTEXT: Final = _MAIN + ENERGY_RESOURCE_PATH
ENERGY_TRADE_OFFER_CONTEXT: Final = _MAIN + ENERGY_TRADE_OFFER_PATH
ENERGY_TRADE_CONTRACT_CONTEXT: Final = _MAIN + ENERGY_TRADE_CONTRACT_PATH
ENERGY_TRADE_DELIVERY_CONTEXT: Final = _MAIN + ENERGY_TRADE_DELIVERY_PATH

ENERGY_RESOURCE: Final = "EnergyResource"
ENERGY_TRADE_OFFER: Final = "EnergyTradeOffer"
ENERGY_TRADE_CONTRACT: Final = "EnergyTradeContract"
ENERGY_TRADE_DELIVERY: Final = "EnergyTradeDelivery"

BECKN: Final = f"{_MAIN}/schema/core/v2/vocab.jsonld#"
"""What the prefix `beckn:` stands for, in the core context and in every bundle."""

METER_ID: Final = "https://schemas.ieee.org/2030.5/mRID"
"""What every key that names a meter expands to."""
