"""The ledger: accounts, their balances, the journal, open holds, the chain and its seals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("ledger_accounts", "ledger_transfers", "ledger_chain", "ledger_seals")


def upgrade() -> None:
    _accounts()
    _transfers()
    _chain()
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER ledger_balances_keep BEFORE DELETE OR TRUNCATE ON ledger_balances "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _accounts() -> None:
    op.create_table(
        "ledger_accounts",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_accounts"),
        sa.UniqueConstraint("owner", "kind", "unit", name="uq_ledger_accounts_owner_kind_unit"),
    )
    op.create_table(
        "ledger_balances",
        sa.Column("account", sa.Uuid, nullable=False),
        sa.Column("bound", sa.Text),
        sa.Column("debits_posted", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("credits_posted", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("debits_pending", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("credits_pending", sa.BigInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("account", name="pk_ledger_balances"),
        sa.ForeignKeyConstraint(
            ["account"], ["ledger_accounts.id"], name="fk_ledger_balances_account_ledger_accounts"
        ),
        sa.CheckConstraint(
            "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
            name=op.f("ck_ledger_balances_forward"),
        ),
        sa.CheckConstraint("bound IN ('DEBIT', 'CREDIT')", name=op.f("ck_ledger_balances_bound")),
        sa.CheckConstraint(
            "CASE bound WHEN 'CREDIT' THEN debits_posted + debits_pending <= credits_posted "
            "WHEN 'DEBIT' THEN credits_posted + credits_pending <= debits_posted ELSE true END",
            name=op.f("ck_ledger_balances_never_overdrawn"),
        ),
    )


def _transfers() -> None:
    op.create_table(
        "ledger_transfers",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("hold", sa.Uuid),
        sa.Column("debit", sa.Uuid, nullable=False),
        sa.Column("credit", sa.Uuid, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("linked", sa.Uuid),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transfers"),
        sa.UniqueConstraint("seq", name="uq_ledger_transfers_seq"),
        sa.ForeignKeyConstraint(
            ["hold"], ["ledger_transfers.id"], name="fk_ledger_transfers_hold_ledger_transfers"
        ),
        sa.CheckConstraint(
            "amount > 0 AND debit <> credit AND run >= 0", name=op.f("ck_ledger_transfers_moves")
        ),
        sa.CheckConstraint(
            "CASE WHEN phase IN ('POSTED', 'PENDING') THEN hold IS NULL "
            "WHEN phase IN ('POST', 'VOID', 'EXPIRE') THEN hold IS NOT NULL ELSE false END",
            name=op.f("ck_ledger_transfers_phase"),
        ),
        sa.CheckConstraint(
            "expires_at IS NULL OR phase = 'PENDING'", name=op.f("ck_ledger_transfers_expires")
        ),
    )
    op.create_index("ix_ledger_transfers_debit_seq", "ledger_transfers", ["debit", "seq"])
    op.create_index("ix_ledger_transfers_credit_seq", "ledger_transfers", ["credit", "seq"])
    op.create_index(
        "ix_ledger_transfers_created_at", "ledger_transfers", ["created_at"], postgresql_using="brin"
    )
    op.create_index(
        "uq_ledger_transfers_hold",
        "ledger_transfers",
        ["hold"],
        unique=True,
        postgresql_where=sa.text("hold IS NOT NULL"),
    )
    op.create_table(
        "ledger_holds",
        sa.Column("transfer", sa.Uuid, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("transfer", name="pk_ledger_holds"),
        sa.ForeignKeyConstraint(
            ["transfer"], ["ledger_transfers.id"], name="fk_ledger_holds_transfer_ledger_transfers"
        ),
    )
    op.create_index("ix_ledger_holds_expires_at", "ledger_holds", ["expires_at"])


def _chain() -> None:
    op.create_table(
        "ledger_chain",
        sa.Column("transfer", sa.Uuid, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("transfer", name="pk_ledger_chain"),
        sa.UniqueConstraint("day", "place", name="uq_ledger_chain_day_place"),
        sa.ForeignKeyConstraint(
            ["transfer"], ["ledger_transfers.id"], name="fk_ledger_chain_transfer_ledger_transfers"
        ),
    )
    op.create_table(
        "ledger_seals",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("head", sa.LargeBinary, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_ledger_seals"),
    )


def downgrade() -> None:
    for table in (
        "ledger_seals",
        "ledger_chain",
        "ledger_holds",
        "ledger_transfers",
        "ledger_balances",
        "ledger_accounts",
    ):
        op.drop_table(table)
