"""Dead letters that are to be delivered again, and what is needed for that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("wire", JSONB(), nullable=True),
        sa.Column("replay_at", sa.DateTime(timezone=True), nullable=True),
    ):
        op.add_column("dead_letters", column, schema="supersync")
    op.create_index(
        "ix_dead_letters_replay",
        "dead_letters",
        ["pipeline_id", "seq"],
        schema="supersync",
        postgresql_where=sa.text("replay_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_dead_letters_replay", "dead_letters", schema="supersync")
    for name in ("replay_at", "wire"):
        op.drop_column("dead_letters", name, schema="supersync")
