"""What stations are told, how their connectors stand, and what was charged at them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def _instant(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    _create_commands()
    _create_stations()
    _create_transactions()


def _create_commands() -> None:
    op.create_table(
        "station_commands",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("verb", "connector_id", "session_id", "tag")),
        _instant("until"),
        sa.Column("limit_wh", sa.BigInteger),
        _instant("put_at", nullable=False),
        _instant("due_at", nullable=False),
        _instant("leased_until"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("acceptance", sa.Text),
        sa.Column("why", sa.Text),
        _instant("done_at"),
        sa.PrimaryKeyConstraint("id", name="pk_station_commands"),
    )
    op.create_index(
        "ix_station_commands_due",
        "station_commands",
        ["due_at"],
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_station_commands_session", "station_commands", ["session_id"])
    op.create_index("ix_station_commands_tag", "station_commands", ["tag"])


def _create_stations() -> None:
    op.create_table(
        "station_connectors",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("connector_id", "station_id")),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("status", sa.Text),
        _instant("status_at"),
        sa.Column("session_id", sa.Text),
        sa.Column("why", sa.Text),
        sa.PrimaryKeyConstraint("connector_id", name="pk_station_connectors"),
        sa.UniqueConstraint("station_id", "number", name="uq_station_connectors_station_id_number"),
    )
    op.create_table(
        "stations",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("station_id", "protocol")),
        sa.Column("connection", sa.BigInteger, nullable=False, server_default="0"),
        _instant("connected_at"),
        _instant("heard_at"),
        *(sa.Column(name, sa.Text) for name in ("vendor", "model", "firmware", "serial_number")),
        sa.PrimaryKeyConstraint("station_id", name="pk_stations"),
    )


def _create_transactions() -> None:
    op.create_table(
        "station_transactions",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("station_id", "transaction_ref")),
        sa.Column("connector_id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text),
        _instant("started_at", nullable=False),
        sa.Column("start_wh", sa.BigInteger),
        _instant("stopped_at"),
        sa.Column("stop_wh", sa.BigInteger),
        sa.Column("stop_reason", sa.Text),
        sa.Column("last_seq_no", sa.Integer),
        sa.Column("highest_wh", sa.BigInteger),
        sa.Column("doubt", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_station_transactions"),
        sa.UniqueConstraint(
            "station_id", "transaction_ref", name="uq_station_transactions_station_id_transaction_ref"
        ),
    )
    op.create_index("ix_station_transactions_session", "station_transactions", ["session_id"])


def downgrade() -> None:
    for table in ("station_transactions", "stations", "station_connectors", "station_commands"):
        op.drop_table(table)
