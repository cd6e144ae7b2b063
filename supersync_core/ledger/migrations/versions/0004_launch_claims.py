"""Who is launching a queued execution, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "executions", sa.Column("launch_claimed_until", sa.DateTime(timezone=True), nullable=True), schema="supersync"
    )


def downgrade() -> None:
    op.drop_column("executions", "launch_claimed_until", schema="supersync")
