"""The tables of the ledger: accounts and a journal that only grow, and what follows from them.

Balances and open holds follow from the journal; they stand here so that nobody has to add it up.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    event,
    text,
)

from storage.append_only import make_append_only
from storage.metadata import metadata

ledger_accounts: Final = Table(
    "ledger_accounts",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from the other columns
    Column("owner", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("unit", Text, nullable=False),  # WH, or an ISO 4217 code
    UniqueConstraint("owner", "kind", "unit"),
)

ledger_balances: Final = Table(
    "ledger_balances",
    metadata,
    Column("account", Uuid, ForeignKey("ledger_accounts.id"), primary_key=True),
    Column("bound", Text),  # the side that the other must not exceed; null: either may
    Column("debits_posted", BigInteger, nullable=False, server_default="0"),  # minor units, or Wh
    Column("credits_posted", BigInteger, nullable=False, server_default="0"),
    Column("debits_pending", BigInteger, nullable=False, server_default="0"),
    Column("credits_pending", BigInteger, nullable=False, server_default="0"),
    CheckConstraint(
        "debits_posted >= 0 AND credits_posted >= 0 AND debits_pending >= 0 AND credits_pending >= 0",
        name="forward",
    ),
    CheckConstraint("bound IN ('DEBIT', 'CREDIT')", name="bound"),
    CheckConstraint(
        "CASE bound WHEN 'CREDIT' THEN debits_posted + debits_pending <= credits_posted "
        "WHEN 'DEBIT' THEN credits_posted + credits_pending <= debits_posted ELSE true END",
        name="never_overdrawn",
    ),
)

ledger_transfers: Final = Table(
    "ledger_transfers",
    metadata,
    Column("id", Uuid, primary_key=True),  # derived from the business key
    Column("seq", BigInteger, Identity(), nullable=False, unique=True),
    Column("phase", Text, nullable=False),
    Column("hold", Uuid, ForeignKey("ledger_transfers.id")),
    Column("debit", Uuid, nullable=False),  # accounts; who writes holds both locked, and the audit looks
    Column("credit", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),  # minor units, or Wh
    Column("unit", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("run", Integer, nullable=False),
    Column("linked", Uuid),  # derived from the ids of the whole group
    Column("event_at", DateTime(timezone=True), nullable=False),  # when it came about
    Column("expires_at", DateTime(timezone=True)),  # of a hold
    Column("created_at", DateTime(timezone=True), nullable=False),  # when it was recorded
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of all the others
    Index("ix_ledger_transfers_debit_seq", "debit", "seq"),
    Index("ix_ledger_transfers_credit_seq", "credit", "seq"),
    Index("ix_ledger_transfers_created_at", "created_at", postgresql_using="brin"),
    Index("uq_ledger_transfers_hold", "hold", unique=True, postgresql_where=text("hold IS NOT NULL")),
    CheckConstraint("amount > 0 AND debit <> credit AND run >= 0", name="moves"),
    CheckConstraint(
        "CASE WHEN phase IN ('POSTED', 'PENDING') THEN hold IS NULL "
        "WHEN phase IN ('POST', 'VOID', 'EXPIRE') THEN hold IS NOT NULL ELSE false END",
        name="phase",
    ),
    CheckConstraint("expires_at IS NULL OR phase = 'PENDING'", name="expires"),
)

ledger_holds: Final = Table(  # the open ones
    "ledger_holds",
    metadata,
    Column("transfer", Uuid, ForeignKey("ledger_transfers.id"), primary_key=True),
    Column("expires_at", DateTime(timezone=True), index=True),
)

ledger_chain: Final = Table(
    "ledger_chain",
    metadata,
    Column("transfer", Uuid, ForeignKey("ledger_transfers.id"), primary_key=True),
    Column("day", Date, nullable=False),  # UTC
    Column("place", Integer, nullable=False),  # in its day, from 1
    Column("hash", LargeBinary, nullable=False),  # SHA-256 of the hash before it and the entry's digest
    UniqueConstraint("day", "place"),
)

ledger_seals: Final = Table(
    "ledger_seals",
    metadata,
    Column("day", Date, primary_key=True),  # UTC
    Column("entries", Integer, nullable=False),
    Column("previous", LargeBinary, nullable=False),  # SHA-256 of what the day before was signed as
    Column("head", LargeBinary, nullable=False),  # the last hash of the day's chain
    Column("root", LargeBinary, nullable=False),  # of the Merkle tree over the day's digests
    Column("key_id", Text, nullable=False),  # whose signature it is: subscriber|key
    Column("signature", LargeBinary, nullable=False),  # Ed25519
    Column("sealed_at", DateTime(timezone=True), nullable=False),
)

make_append_only(ledger_accounts, ledger_transfers, ledger_chain, ledger_seals)

KEEP_BALANCES: Final = (
    "CREATE TRIGGER ledger_balances_keep BEFORE DELETE OR TRUNCATE ON ledger_balances "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def _keep(_: Table, connection: Connection, **__: object) -> None:
    connection.exec_driver_sql(KEEP_BALANCES)


event.listen(ledger_balances, "after_create", _keep)
