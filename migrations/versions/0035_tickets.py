"""Links by which deliveries are followed, and tickets of support with their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_CONTRACT = ["contracts.id"]


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "tracking_links",
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("made_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("link", name="pk_tracking_links"),
        sa.UniqueConstraint("contract_id", name="uq_tracking_links_contract_id"),
        sa.ForeignKeyConstraint(["contract_id"], _CONTRACT, name="fk_tracking_links_contract_id_contracts"),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("bap_id", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("target_id", sa.Text, nullable=False),
        sa.Column("contract_id", sa.Text),
        sa.Column("channels", sa.Text, nullable=False),
        sa.Column("opened_at", instant, nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("closed_at", instant),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
        sa.ForeignKeyConstraint(["contract_id"], _CONTRACT, name="fk_tickets_contract_id_contracts"),
    )
    op.create_index(
        "uq_tickets_open",
        "tickets",
        ["bap_id", "category", "target_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_tickets_opened_at", "tickets", ["opened_at", "id"])
    op.create_table(
        "ticket_answers",
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("answered_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_ticket_answers"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name="fk_ticket_answers_ticket_id_tickets"),
    )
    op.create_index("ix_ticket_answers_ticket_id", "ticket_answers", ["ticket_id", "number"])


def downgrade() -> None:
    for table in ("ticket_answers", "tickets", "tracking_links"):
        op.drop_table(table)
