"""Credit notes of what a seller owes its buyer for falling short."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLE = "bill_corrections"
_NAME = f"ck_{_TABLE}_kind"


def upgrade() -> None:
    _allow("'ADJUSTMENT', 'CREDIT_NOTE', 'PENALTY_CREDIT'")


def downgrade() -> None:
    """Forbid them again; refused by the database if there are any."""
    _allow("'ADJUSTMENT', 'CREDIT_NOTE'")


def _allow(kinds: str) -> None:
    op.drop_constraint(op.f(_NAME), _TABLE, type_="check")
    op.create_check_constraint(op.f(_NAME), _TABLE, f"kind IN ({kinds})")
