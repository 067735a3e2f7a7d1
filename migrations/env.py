"""Runs migrations on the connection that it is handed; never opens one of its own."""

from __future__ import annotations

from alembic import context

from storage.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
