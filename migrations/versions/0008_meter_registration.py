"""Meters as their operator registers them; net power apart from energy; long readings found at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("meter_registrations", "meter_register_exchanges", "meter_power")


def upgrade() -> None:
    _create_registrations()
    _create_exchanges()
    _create_power()
    op.create_index(
        "ix_meter_readings_long",
        "meter_readings",
        ["channel_id", "period_end"],
        postgresql_where=sa.text("period_end - period_start > '1 day'::interval"),
    )
    op.create_index(
        "ix_meter_readings_stands",
        "meter_readings",
        ["channel_id", "period_end"],
        postgresql_where=sa.text("period_start = period_end"),
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_index("ix_meter_readings_stands", "meter_readings")
    op.drop_index("ix_meter_readings_long", "meter_readings")
    for table in reversed(_APPEND_ONLY):
        op.drop_table(table)


def _create_registrations() -> None:
    op.create_table(
        "meter_registrations",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("device_lfdi", sa.Text, nullable=False),
        sa.Column("mrid", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("external_ids", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("zone", sa.Text),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("sanctioned_watts", sa.BigInteger),
        sa.Column("import_modulus", sa.BigInteger),
        sa.Column("export_modulus", sa.BigInteger),
        sa.Column("interval_seconds", sa.Integer),
        sa.Column("inverter_id", sa.Text),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_registrations"),
        sa.UniqueConstraint(
            "mrid", "device_lfdi", "version", name="uq_meter_registrations_mrid_device_lfdi_version"
        ),
        sa.CheckConstraint(
            "role IN ('source', 'target', 'both')", name=op.f("ck_meter_registrations_role")
        ),
        sa.CheckConstraint("sanctioned_watts > 0", name=op.f("ck_meter_registrations_sanctioned")),
        sa.CheckConstraint(
            "import_modulus > 0 AND export_modulus > 0", name=op.f("ck_meter_registrations_modulus")
        ),
        sa.CheckConstraint("interval_seconds > 0", name=op.f("ck_meter_registrations_interval")),
    )
    op.create_index(
        "ix_meter_registrations_external_ids",
        "meter_registrations",
        ["external_ids"],
        postgresql_using="gin",
    )


def _create_exchanges() -> None:
    op.create_table(
        "meter_register_exchanges",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("device_lfdi", sa.Text, nullable=False),
        sa.Column("mrid", sa.Text, nullable=False),
        sa.Column("direction", sa.SmallInteger, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_watt_hours", sa.BigInteger),
        sa.Column("first_watt_hours", sa.BigInteger),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_register_exchanges"),
        sa.CheckConstraint("direction IN (1, 19)", name=op.f("ck_meter_register_exchanges_direction")),
        sa.CheckConstraint(
            "last_watt_hours >= 0 AND first_watt_hours >= 0",
            name=op.f("ck_meter_register_exchanges_forward"),
        ),
    )
    op.create_index("ix_meter_register_exchanges_mrid", "meter_register_exchanges", ["mrid"])


def _create_power() -> None:
    op.create_table(
        "meter_power",
        sa.Column("register_id", sa.BigInteger, nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("watts", sa.Numeric, nullable=False),
        sa.Column("quality", sa.Integer, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reading_type_id", sa.BigInteger, nullable=False),
        sa.Column("document_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "register_id", "period_end", "period_start", "revision", name="pk_meter_power"
        ),
        sa.CheckConstraint("period_end >= period_start", name=op.f("ck_meter_power_period")),
    )
