"""Alembic's entry: runs in the transaction that Database.migrate has begun, whole or not at all."""

from __future__ import annotations

from alembic import context

from dashboard.db.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
