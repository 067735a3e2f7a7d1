"""Beckn 2.0 RC: orders in JSON-LD with `beckn:` keys, the energy in bags of attributes."""

from trading.mapping.v2_rc.catalog_writer import write_catalog
from trading.mapping.v2_rc.feedback import (
    read_ratings,
    read_support,
    read_track,
    write_aggregate,
    write_support,
    write_tracking,
)
from trading.mapping.v2_rc.order_reader import (
    read_criteria,
    read_order,
    read_order_id,
    require_one_quantity,
)
from trading.mapping.v2_rc.order_writer import fingerprint_order, write_contract_order, write_quote_order

__all__ = [
    "fingerprint_order",
    "read_criteria",
    "read_order",
    "read_order_id",
    "read_ratings",
    "read_support",
    "read_track",
    "require_one_quantity",
    "write_aggregate",
    "write_catalog",
    "write_contract_order",
    "write_quote_order",
    "write_support",
    "write_tracking",
]
