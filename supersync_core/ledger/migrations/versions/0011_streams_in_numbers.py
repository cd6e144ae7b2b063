"""Of pipelines that stream: up to when they are current, what they have done in all, how much log is kept for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("current_at", TIME, nullable=True),
        sa.Column("counters", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("retained_bytes", sa.BigInteger(), nullable=True),
        sa.Column("retained_at", TIME, nullable=True),
    ):
        op.add_column("pipeline_status", column, schema="supersync")


def downgrade() -> None:
    for name in ("retained_at", "retained_bytes", "counters", "current_at"):
        op.drop_column("pipeline_status", name, schema="supersync")
