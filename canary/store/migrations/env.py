"""Runs migrations on the connection that `Database.migrate` hands over."""

from alembic import context

from canary.store import tables  # noqa: F401 - so that every table is in the metadata
from canary.store.tables.base import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
