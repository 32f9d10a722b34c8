"""The first form of the journal: one row a question."""

import sqlalchemy as sa
from alembic import op

revision = "first"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "questions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, index=True),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("writer", sa.String(200), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
        sa.Column("passages", sa.JSON, nullable=False),
        sa.Column("sections", sa.JSON, nullable=False),
        sa.Column("thumb", sa.String(10), nullable=False, server_default=""),
        sa.Column("reason", sa.String(20), nullable=False, server_default=""),
        sa.Column("words", sa.Text, nullable=False, server_default=""),
    )


def downgrade() -> None:
    """Drop it, with everything kept."""
    op.drop_table("questions")
