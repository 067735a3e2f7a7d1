"""Which contracts have which promotions: by a code, for much, for a first order, for so many of a buyer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_promotions",
        sa.Column("contract_id", sa.Text, sa.ForeignKey("contracts.id"), primary_key=True),
        sa.Column("title", sa.Text, primary_key=True),
        sa.Column("code_sha256", sa.LargeBinary),
        sa.Column("minimum_wh", sa.BigInteger),
    )
    op.create_index("ix_contracts_buyer", "contracts", ["bap_id", "buyer_id"])


def downgrade() -> None:
    op.drop_index("ix_contracts_buyer", "contracts")
    op.drop_table("contract_promotions")
