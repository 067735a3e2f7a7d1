"""Contracts are found by the meters that they claim, after they have ended too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ENDS = ("source", "target")


def upgrade() -> None:
    for end in _ENDS:
        op.create_index(
            f"ix_contracts_{end}_claims",
            "contracts",
            [f"{end}_mrid", "window_start"],
            postgresql_where=sa.text("confirmed_at IS NOT NULL"),
        )


def downgrade() -> None:
    for end in _ENDS:
        op.drop_index(f"ix_contracts_{end}_claims", table_name="contracts")
