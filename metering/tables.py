"""The tables of metering: meters, registers, what their readings mean, documents and readings.

All but the meters' descriptions and the quarantine are append-only: triggers refuse to change or remove
a row. Readings therefore need no foreign keys, which would cost three look-ups for every one of them:
what they point to is there before them, in the same unit of work, and never goes away.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.append_only import make_append_only
from storage.metadata import metadata

meter_usage_points: Final = Table(
    "meter_usage_points",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),  # the number in its href
    Column("device_lfdi", Text, nullable=False),  # 40 upper-case hex digits, or empty
    Column("mrid", Text, nullable=False),  # canonical: 32 upper-case hex digits
    Column("external_id", Text, nullable=False),  # the mRID as it was sent
    Column("sender", Text, nullable=False),  # who registered it, and alone may post to it
    Column("role_flags", Integer, nullable=False),
    Column("service_category", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("description", Text),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("device_lfdi", "mrid"),
    Index("ix_meter_usage_points_mrid", "mrid"),
    Index("ix_meter_usage_points_sender", "sender", "id"),
)

meter_documents: Final = Table(
    "meter_documents",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),  # the very bytes; see metering.kept_bytes
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("is_zlib", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("usage_point_id", "sha256"),
)

meter_registers: Final = Table(
    "meter_registers",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), nullable=False),
    Column("mrid", Text, nullable=False),  # of the MirrorMeterReading, canonical
    Column("external_id", Text, nullable=False),
    UniqueConstraint("usage_point_id", "mrid"),
)

meter_reading_types: Final = Table(
    "meter_reading_types",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("register_id", BigInteger, ForeignKey("meter_registers.id"), nullable=False),
    Column("version", Integer, nullable=False),  # 0, 1, …; the highest is in force
    Column("document_id", BigInteger, ForeignKey("meter_documents.id"), nullable=False),
    Column("accumulation_behaviour", SmallInteger, nullable=False),
    Column("commodity", SmallInteger, nullable=False),
    Column("data_qualifier", SmallInteger, nullable=False),
    Column("flow_direction", SmallInteger, nullable=False),
    Column("interval_length", BigInteger),  # s
    Column("kind", SmallInteger, nullable=False),
    Column("number_of_consumption_blocks", SmallInteger, nullable=False),
    Column("number_of_tou_tiers", SmallInteger, nullable=False),
    Column("phase", SmallInteger, nullable=False),
    Column("power_of_ten_multiplier", SmallInteger, nullable=False),
    Column("uom", SmallInteger, nullable=False),
    UniqueConstraint("register_id", "version"),
)

meter_channels: Final = Table(  # what a register counts separately
    "meter_channels",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("register_id", BigInteger, ForeignKey("meter_registers.id"), nullable=False),
    Column("direction", SmallInteger, nullable=False),  # 1 import, 19 export
    Column("tou_tier", SmallInteger, nullable=False),
    Column("consumption_block", SmallInteger, nullable=False),
    UniqueConstraint("register_id", "direction", "tou_tier", "consumption_block"),
)

meter_readings: Final = Table(
    "meter_readings",
    metadata,
    Column("channel_id", BigInteger, primary_key=True),
    # A register's stand has its end for its start: it belongs to an instant, not to a period.
    Column("period_end", DateTime(timezone=True), primary_key=True),
    Column("period_start", DateTime(timezone=True), primary_key=True),
    Column("revision", Integer, primary_key=True),  # 0 as first received, then one more per correction
    Column("watt_hours", BigInteger, nullable=False),
    Column("quality", Integer, nullable=False),  # bits of 2030.5 qualityFlags
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("reading_type_id", BigInteger, nullable=False),
    Column("document_id", BigInteger, nullable=False),
    CheckConstraint("period_end >= period_start", name="period"),
    CheckConstraint("watt_hours >= 0", name="forward"),
    # The few that reach far back: without it every search would have to look a quarter of a year ahead.
    Index(
        "ix_meter_readings_long",
        "channel_id",
        "period_end",
        postgresql_where=text("period_end - period_start > '1 day'::interval"),
    ),
    # A register's stands, for the next one before and after an instant: intervals lie between in masses.
    Index(
        "ix_meter_readings_stands",
        "channel_id",
        "period_end",
        postgresql_where=text("period_start = period_end"),
    ),
)

meter_quarantined_readings: Final = Table(
    "meter_quarantined_readings",
    metadata,
    Column("document_id", BigInteger, ForeignKey("meter_documents.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),  # which reading of the document, from 0
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), nullable=False),
    Column("register_mrid", Text, nullable=False),
    Column("reason", Text, nullable=False),  # a code of metering.doubt.Reason
    Column("sentence", Text, nullable=False),
    Column("value", BigInteger),  # as sent, before the multiplier
    Column("start", BigInteger),  # s since 1970, as sent: may lie beyond any calendar
    Column("duration", BigInteger),  # s
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("released_at", DateTime(timezone=True)),  # when it was taken after all
    Index(
        "ix_meter_quarantined_readings_open", "usage_point_id", postgresql_where=text("released_at IS NULL")
    ),
)

APPEND_ONLY: Final = (
    meter_documents,
    meter_registers,
    meter_reading_types,
    meter_channels,
    meter_readings,
)
make_append_only(*APPEND_ONLY)
