"""News of contracts are found by their provider; who of the back offices is silent is known to all processes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_NEWS = "contract_news"
_BY_PROVIDER = "ix_contract_news_provider_id"


def upgrade() -> None:
    op.add_column(_NEWS, sa.Column("provider_id", sa.Text))
    op.execute(
        "UPDATE contract_news SET provider_id = contracts.provider_id"
        " FROM contracts WHERE contracts.id = contract_news.contract_id"
    )
    op.alter_column(_NEWS, "provider_id", nullable=False)
    op.create_index(_BY_PROVIDER, _NEWS, ["provider_id", "due_at", "id"])
    op.create_table(
        "back_office_silences",
        sa.Column("office", sa.Text, nullable=False),
        sa.Column("door", sa.Text, nullable=False),
        sa.Column("silences", sa.Integer, nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("office", "door", name="pk_back_office_silences"),
    )


def downgrade() -> None:
    op.drop_table("back_office_silences")
    op.drop_index(_BY_PROVIDER, table_name=_NEWS)
    op.drop_column(_NEWS, "provider_id")
