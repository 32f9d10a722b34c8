"""The journal's table, and how a database comes to have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from advisor_bot.errors import SettingsError

metadata = MetaData()
questions = Table(
    "questions",
    metadata,
    Column("id", String(32), primary_key=True),  # the request's id, as the log and the page know it
    Column("at", DateTime(timezone=True), nullable=False, index=True),  # UTC
    Column("question", Text, nullable=False),  # masked
    Column("status", String(20), nullable=False, index=True),
    Column("confidence", Float, nullable=False),
    Column("writer", String(200), nullable=False),
    Column("version", String(100), nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("passages", JSON, nullable=False),  # ids of the passages cited
    Column("sections", JSON, nullable=False),  # where they stand: [document, heading, heading…] each
    Column("thumb", String(10), nullable=False, server_default=""),
    Column("reason", String(20), nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),  # masked
)


def open_engine(url: str) -> Engine:
    """Return an engine for ``url``; nothing is connected yet. Raises ``SettingsError`` for one that cannot be used."""
    try:
        parsed = make_url(url)
        more: dict[str, Any] = {"connect_args": {"timeout": 10}} if parsed.get_backend_name() == "sqlite" else {}
        engine = create_engine(parsed, pool_pre_ping=True, **more)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsError(
            f"ADVISOR_JOURNAL=… cannot be used: {error}. Write it as  sqlite:///journal.db  or as SQLAlchemy has it."
        ) from None
    except ImportError as error:
        raise SettingsError(
            f"ADVISOR_JOURNAL=… needs the package {error.name}, which is not installed: pip install {error.name}"
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _for_sqlite)
    return engine


def prepare(engine: Engine) -> None:
    """Bring the database to the newest form of the table (Alembic). Raises what the database raises."""
    from alembic import command
    from alembic.config import Config

    file = engine.url.database
    if engine.dialect.name == "sqlite" and file and file != ":memory:":
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))  # what students ask is for the owner's eyes
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def _for_sqlite(connection: Any, _: object) -> None:
    """Have what is deleted overwritten, and readers not stopped by the writer."""
    connection.execute("PRAGMA secure_delete = ON")
    connection.execute("PRAGMA journal_mode = WAL")
