"""The tables of what is registered of meters, and of net power; a row once written stays as it is."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from storage.append_only import make_append_only
from storage.metadata import metadata

meter_registrations: Final = Table(
    "meter_registrations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("device_lfdi", Text, nullable=False),  # 40 upper-case hex digits; empty: whichever device
    Column("mrid", Text, nullable=False),  # canonical: 32 upper-case hex digits
    Column("version", Integer, nullable=False),  # 1, 2, …
    Column("external_ids", ARRAY(Text), nullable=False),  # as others call it, verbatim
    Column("owner", Text),
    Column("zone", Text),  # IANA time zone of its days
    Column("role", Text, nullable=False),  # source, target or both
    Column("sanctioned_watts", BigInteger),
    Column("import_modulus", BigInteger),  # Wh: at which its registers start again
    Column("export_modulus", BigInteger),  # Wh
    Column("interval_seconds", Integer),
    Column("inverter_id", Text),
    Column("valid_from", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("holder", Text),  # whose key did it; null: the operator
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    UniqueConstraint("mrid", "device_lfdi", "version"),
    CheckConstraint("role IN ('source', 'target', 'both')", name="role"),
    CheckConstraint("sanctioned_watts > 0", name="sanctioned"),
    CheckConstraint("import_modulus > 0 AND export_modulus > 0", name="modulus"),
    CheckConstraint("interval_seconds > 0", name="interval"),
    Index(None, "external_ids", postgresql_using="gin"),
)

meter_register_exchanges: Final = Table(  # the newest row of a direction and instant counts
    "meter_register_exchanges",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("device_lfdi", Text, nullable=False),
    Column("mrid", Text, nullable=False),
    Column("direction", SmallInteger, nullable=False),  # 1 import, 19 export
    Column("at", DateTime(timezone=True), nullable=False),
    Column("last_watt_hours", BigInteger),  # what the old register showed at the end
    Column("first_watt_hours", BigInteger),  # what the new one showed at the start
    Column("withdrawn", Boolean, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    CheckConstraint("direction IN (1, 19)", name="direction"),
    CheckConstraint("last_watt_hours >= 0 AND first_watt_hours >= 0", name="forward"),
    Index(None, "mrid"),
)

meter_power: Final = Table(
    "meter_power",
    metadata,
    Column("register_id", BigInteger, primary_key=True),
    Column("period_end", DateTime(timezone=True), primary_key=True),
    # An instant's power has its end for its start; an average spans a period.
    Column("period_start", DateTime(timezone=True), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("watts", Numeric, nullable=False),  # exact, signed as sent
    Column("quality", Integer, nullable=False),  # bits of 2030.5 qualityFlags
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("reading_type_id", BigInteger, nullable=False),  # says direction, phase and qualifier
    Column("document_id", BigInteger, nullable=False),
    CheckConstraint("period_end >= period_start", name="period"),
)

make_append_only(meter_registrations, meter_register_exchanges, meter_power)
