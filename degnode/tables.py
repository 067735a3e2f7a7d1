"""Every table of the project, gathered on one catalogue for migrations and tests."""

from __future__ import annotations

import importlib
from typing import Final

from sqlalchemy import MetaData

from storage.metadata import metadata

_DECLARED_IN: Final = (
    "storage",
    "keystore",
    "metering",
    "metering.feeds",
    "metering.registration",
    "metering.vee",
    "trading",
    "trading.charging",
    "trading.availability",
    "settlement",
    "settlement.ledger",
    "settlement.payments",
    "settlement.trade_records",
    "stations",
    "node",
    "bap",
    "bap.market",
    "bpp",
    "bpp.cascade",
    "bpp.utility",
    "discovery",
    "registry",
)


def all_tables() -> MetaData:
    """Return the catalogue with the tables of every package declared on it."""
    for package in _DECLARED_IN:
        importlib.import_module(f"{package}.tables")
    return metadata
