"""Charging sessions, and all that happened to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SESSIONS, _EVENTS = "charging_sessions", "charging_session_events"


def _instant(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    op.create_table(
        _SESSIONS,
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("plug", sa.Text, nullable=False),
        _instant("slot_start", nullable=False),
        _instant("slot_end", nullable=False),
        sa.Column("is_reserved", sa.Boolean, nullable=False),
        _instant("start_by", nullable=False),
        sa.Column("most_wh", sa.BigInteger, nullable=False),
        sa.Column("connector_type", sa.Text),
        sa.Column("max_power", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        *(_instant(name) for name in ("started_at", "stopped_at", "idle_since", "left_at")),
        sa.Column("is_missed", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("was_refused", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("contract_id", name=f"pk_{_SESSIONS}"),
        _of_contract(_SESSIONS),
    )
    op.create_index("ix_charging_sessions_plug", _SESSIONS, ["plug", "slot_start"])
    _create_events()


def _create_events() -> None:
    op.create_table(
        _EVENTS,
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        _instant("at", nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("register_wh", sa.BigInteger),
        sa.Column("why", sa.Text, nullable=False),
        _instant("recorded_at", nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{_EVENTS}"),
        _of_contract(_EVENTS),
    )
    op.create_index("ix_charging_session_events_contract_id", _EVENTS, ["contract_id", "id"])
    op.execute(
        f"CREATE TRIGGER {_EVENTS}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {_EVENTS} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _of_contract(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["contract_id"], ["contracts.id"], name=f"fk_{table}_contract_id_contracts"
    )


def downgrade() -> None:
    op.drop_table(_EVENTS)
    op.drop_table(_SESSIONS)
