"""Run by Alembic: upgrades the database whose engine it is handed."""

from alembic import context

from advisor_bot.journal.tables import metadata

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, version_table="journal_version")
    with context.begin_transaction():
        context.run_migrations()
