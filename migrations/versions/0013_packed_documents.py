"""Meters' documents are kept compressed; those that are there stay as they are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_REFUSE = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM meter_documents WHERE is_zlib) THEN
        RAISE EXCEPTION 'documents are kept compressed: nothing of an earlier release could read them';
    END IF;
END $$
"""


def upgrade() -> None:
    op.add_column(
        "meter_documents", sa.Column("is_zlib", sa.Boolean, nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    op.execute(_REFUSE)
    op.drop_column("meter_documents", "is_zlib")
