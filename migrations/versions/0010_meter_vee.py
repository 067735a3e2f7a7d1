"""What validation finds, and by which parameters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("meter_rule_parameters", "meter_findings", "meter_day_checks")


def upgrade() -> None:
    _create_parameters()
    _create_findings()
    _create_checks()
    op.create_table(
        "meter_checks_due",
        sa.Column("usage_point_id", sa.BigInteger, nullable=False),
        sa.Column("utc_day", sa.Date, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("usage_point_id", "utc_day", name="pk_meter_checks_due"),
        _of_meter("meter_checks_due"),
    )
    op.create_index("ix_meter_checks_due_due_at", "meter_checks_due", ["due_at"])
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("meter_checks_due", *reversed(_APPEND_ONLY)):
        op.drop_table(table)


def _create_parameters() -> None:
    op.create_table(
        "meter_rule_parameters",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean),
        sa.Column("severity", sa.Text),
        sa.Column("settings", postgresql.JSONB, nullable=False),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_rule_parameters"),
        sa.CheckConstraint(
            "valid_until IS NULL OR valid_until > valid_from", name=op.f("ck_meter_rule_parameters_period")
        ),
        _of_meter("meter_rule_parameters"),
    )
    op.create_index(
        "ix_meter_rule_parameters_usage_point_id", "meter_rule_parameters", ["usage_point_id", "valid_from"]
    )


def _create_findings() -> None:
    op.create_table(
        "meter_findings",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.SmallInteger, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_findings"),
        sa.UniqueConstraint("usage_point_id", "digest", name="uq_meter_findings_usage_point_id_digest"),
        _of_meter("meter_findings"),
    )
    op.create_index("ix_meter_findings_day", "meter_findings", ["usage_point_id", "day"])


def _create_checks() -> None:
    op.create_table(
        "meter_day_checks",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.SmallInteger, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("readings_digest", sa.LargeBinary, nullable=False),
        sa.Column("settings_digest", sa.LargeBinary, nullable=False),
        sa.Column("watt_hours", sa.BigInteger, nullable=False),
        sa.Column("missing_seconds", sa.Integer, nullable=False),
        sa.Column("finding_ids", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("terminated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_meter_day_checks"),
        _of_meter("meter_day_checks"),
    )
    op.create_index(
        "ix_meter_day_checks_day", "meter_day_checks", ["usage_point_id", "direction", "day", "zone", "id"]
    )


def _of_meter(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["usage_point_id"], ["meter_usage_points.id"], name=f"fk_{table}_usage_point_id_meter_usage_points"
    )
