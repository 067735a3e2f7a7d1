"""What somebody outside is still to be told of contracts, and whether anybody wants to be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "news_followers",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_news_followers"),
    )
    op.create_table(
        "contract_news",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("contract_id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("bill", sa.Text),
        sa.Column("at", instant, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_contract_news"),
        sa.ForeignKeyConstraint(
            ["contract_id"], ["contracts.id"], name="fk_contract_news_contract_id_contracts"
        ),
    )
    op.create_index("ix_contract_news_due_at", "contract_news", ["due_at", "id"])
    op.create_index("ix_contract_news_contract_id", "contract_news", ["contract_id", "id"])


def downgrade() -> None:
    op.drop_table("contract_news")
    op.drop_table("news_followers")
