"""Beckn 2.0 RC: orders in JSON-LD with `beckn:` keys, the energy in bags of attributes."""

from trading.mapping.v2_rc.catalog import read_catalog, write_catalog, write_items
from trading.mapping.v2_rc.feedback import (
    read_aggregate,
    read_contact,
    read_ratings,
    read_support,
    read_ticket,
    read_tracking,
    write_aggregate,
    write_contact,
    write_ratings,
    write_support,
    write_tracking,
)
from trading.mapping.v2_rc.lines import join_order, split_order
from trading.mapping.v2_rc.order import write_contract_order, write_quote_order, write_trade
from trading.mapping.v2_rc.order_report import find_parts, read_contract
from trading.mapping.v2_rc.order_request import (
    read_answer,
    read_cancelled,
    read_order,
    read_order_id,
    read_reason,
    read_track,
    write_answer,
    write_cancel,
    write_order_id,
    write_order_request,
    write_track,
    write_update,
)
from trading.mapping.v2_rc.paths import ATTRIBUTES_KEY, FILTER_EXAMPLE, ORDER_KEY, PATHS, VALUE_KEY
from trading.mapping.v2_rc.search import read_criteria, write_criteria
from trading.mapping.v2_rc.statement import find_statements, write_statement

__all__ = [
    "ATTRIBUTES_KEY",
    "FILTER_EXAMPLE",
    "ORDER_KEY",
    "PATHS",
    "VALUE_KEY",
    "find_parts",
    "find_statements",
    "join_order",
    "read_aggregate",
    "read_answer",
    "read_cancelled",
    "read_catalog",
    "read_contact",
    "read_contract",
    "read_criteria",
    "read_order",
    "read_order_id",
    "read_ratings",
    "read_reason",
    "read_support",
    "read_ticket",
    "read_track",
    "read_tracking",
    "split_order",
    "write_aggregate",
    "write_answer",
    "write_cancel",
    "write_catalog",
    "write_contact",
    "write_contract_order",
    "write_criteria",
    "write_items",
    "write_order_id",
    "write_order_request",
    "write_quote_order",
    "write_ratings",
    "write_statement",
    "write_support",
    "write_track",
    "write_tracking",
    "write_trade",
    "write_update",
]
