"""An index by the time at which executions began."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_executions_begun_at", "executions", [sa.text("coalesce(started_at, queued_at)")], schema="supersync"
    )


def downgrade() -> None:
    op.drop_index("ix_executions_begun_at", "executions", schema="supersync")
