"""Runs migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from canary.store import access, paperwork, tables, tallies, telling  # noqa: F401 - so that every table is in the metadata
from canary.store.rows import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
