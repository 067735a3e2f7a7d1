"""The tables of charging: sessions, and all that happened to them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

charging_sessions: Final = Table(
    "charging_sessions",
    metadata,
    Column("contract_id", Text, ForeignKey("contracts.id"), primary_key=True),
    Column("plug", Text, nullable=False),  # the catalogue's resource
    Column("slot_start", DateTime(timezone=True), nullable=False),
    Column("slot_end", DateTime(timezone=True), nullable=False),
    Column("is_reserved", Boolean, nullable=False),
    Column("start_by", DateTime(timezone=True), nullable=False),
    Column("most_wh", BigInteger, nullable=False),  # what may be taken at most
    Column("connector_type", Text),
    Column("max_power", Text),  # kW, exact
    Column("state", Text, nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("stopped_at", DateTime(timezone=True)),
    Column("idle_since", DateTime(timezone=True)),
    Column("left_at", DateTime(timezone=True)),
    Column("is_missed", Boolean, nullable=False, server_default=text("false")),
    Column("was_refused", Boolean, nullable=False, server_default=text("false")),
    Column("why", Text, nullable=False, server_default=""),
    Column("ledger", JSONB(none_as_null=True)),  # of a stall: who set the pace, and since when
    Index("ix_charging_sessions_plug", "plug", "slot_start"),
)

charging_session_events: Final = Table(
    "charging_session_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("contract_id", Text, ForeignKey("contracts.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),  # when it happened
    Column("event", Text, nullable=False),
    Column("state", Text, nullable=False),  # afterwards
    Column("register_wh", BigInteger),  # the stand of the plug's meter then, where it was told
    Column("why", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Index("ix_charging_session_events_contract_id", "contract_id", "id"),
)

make_append_only(charging_session_events)
