"""The tables of this room: by which parameters is validated, what was found, which days are to be looked at.

All but the list of days that are due are append-only.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.append_only import make_append_only
from storage.metadata import metadata

meter_rule_parameters: Final = Table(
    "meter_rule_parameters",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id")),  # NULL: every meter
    Column("rule", Text, nullable=False),
    Column("enabled", Boolean),  # NULL: as before
    Column("severity", Text),  # NULL: as before
    Column("settings", JSONB, nullable=False),  # name to whole number; those not named stay as before
    Column("valid_from", Date, nullable=False),  # the first day
    Column("valid_until", Date),  # the day after the last one
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="period"),
    Index("ix_meter_rule_parameters_usage_point_id", "usage_point_id", "valid_from"),
)

meter_findings: Final = Table(
    "meter_findings",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), nullable=False),
    Column("direction", SmallInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("zone", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("period_start", DateTime(timezone=True), nullable=False),
    Column("period_end", DateTime(timezone=True), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of all that makes it this finding
    Column("found_at", DateTime(timezone=True), nullable=False),  # for the first time
    UniqueConstraint("usage_point_id", "digest"),
    Index("ix_meter_findings_day", "usage_point_id", "day"),
)

meter_day_checks: Final = Table(
    "meter_day_checks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), nullable=False),
    Column("direction", SmallInteger, nullable=False),
    Column("day", Date, nullable=False),
    Column("zone", Text, nullable=False),
    Column("checked_at", DateTime(timezone=True), nullable=False),
    Column("readings_digest", LargeBinary, nullable=False),  # of the energies that were judged
    Column("settings_digest", LargeBinary, nullable=False),  # of the parameters that were used
    Column("watt_hours", BigInteger, nullable=False),
    Column("missing_seconds", Integer, nullable=False),
    Column("finding_ids", ARRAY(BigInteger), nullable=False),
    Column("terminated", Boolean, nullable=False),
    Index("ix_meter_day_checks_day", "usage_point_id", "direction", "day", "zone", "id"),
)

meter_checks_due: Final = Table(
    "meter_checks_due",
    metadata,
    Column("usage_point_id", BigInteger, ForeignKey("meter_usage_points.id"), primary_key=True),
    Column("utc_day", Date, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Index("ix_meter_checks_due_due_at", "due_at"),
)

VEE_APPEND_ONLY: Final = (meter_rule_parameters, meter_findings, meter_day_checks)
make_append_only(*VEE_APPEND_ONLY)
