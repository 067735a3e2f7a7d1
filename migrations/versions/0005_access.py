"""Who may do what: keys with scopes and ends, rules on peers, shared rates, the record of acts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _give_keys_scopes()
    op.create_table(
        "peer_rules",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("pattern", sa.Text, nullable=False),
        sa.Column("rate", sa.Float),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_peer_rules"),
        sa.UniqueConstraint("field", "pattern", name="uq_peer_rules_field_pattern"),
        sa.CheckConstraint("effect IN ('allow', 'refuse')", name=op.f("ck_peer_rules_effect")),
        sa.CheckConstraint(
            "field IN ('subscriber', 'role', 'domain', 'network')", name=op.f("ck_peer_rules_field")
        ),
        sa.CheckConstraint(
            "rate IS NULL OR (rate > 0 AND effect = 'allow' AND field = 'subscriber')",
            name=op.f("ck_peer_rules_rate"),
        ),
    )
    op.create_table(
        "peer_rates",
        sa.Column("subscriber_id", sa.Text, nullable=False),
        sa.Column("tokens", sa.Float, nullable=False),
        sa.Column("granted", sa.Float, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subscriber_id", name="pk_peer_rates"),
        prefixes=["UNLOGGED"],
    )
    _create_audit_log()


def downgrade() -> None:
    for table in ("audit_log", "peer_rates", "peer_rules"):
        op.drop_table(table)
    op.drop_index("ix_api_keys_name", "api_keys")
    op.drop_constraint("ck_api_keys_revoked", "api_keys")
    op.drop_constraint("pk_api_keys", "api_keys")
    op.execute("DELETE FROM api_keys WHERE revoked_at IS NOT NULL OR expires_at <= now()")
    op.execute("UPDATE api_keys SET name = name || ' ' || id")  # several keys of a name were not allowed
    for column in ("id", "scopes", "created_by", "expires_at", "last_used_at", "revoked_at", "revoked_why"):
        op.drop_column("api_keys", column)
    op.create_primary_key("pk_api_keys", "api_keys", ["name"])


def _give_keys_scopes() -> None:
    """Let each key of before go on under its name, with every scope: there was no other kind."""
    op.drop_constraint("pk_api_keys", "api_keys")
    op.add_column("api_keys", sa.Column("id", sa.Text))
    op.add_column(
        "api_keys", sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{admin}'"))
    )
    op.add_column("api_keys", sa.Column("created_by", sa.Text, nullable=False, server_default="before 0005"))
    for name in ("expires_at", "last_used_at", "revoked_at"):
        op.add_column("api_keys", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("revoked_why", sa.Text))
    op.execute("UPDATE api_keys SET id = substr(encode(digest, 'hex'), 1, 10)")
    op.alter_column("api_keys", "id", nullable=False)
    for name in ("scopes", "created_by"):
        op.alter_column("api_keys", name, server_default=None)
    op.create_primary_key("pk_api_keys", "api_keys", ["id"])
    op.create_check_constraint(
        op.f("ck_api_keys_revoked"), "api_keys", "(revoked_at IS NULL) = (revoked_why IS NULL)"
    )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])


def _create_audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("from_address", sa.Text),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("before", postgresql.JSONB),
        sa.Column("after", postgresql.JSONB),
        sa.Column("why", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_what_number", "audit_log", ["what", "number"])
    op.create_index("ix_audit_log_target_number", "audit_log", ["target", "number"])
    op.execute(
        "CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
