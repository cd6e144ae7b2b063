"""Deliveries that go in one message; results about runs that had not ended when they were found late."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STILL_RUNNING = "kind = 'timeliness' AND details ->> 'state' = 'running'"


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("message_id", sa.Uuid(), nullable=True), schema="supersync")
    op.add_column(
        "deliveries",
        sa.Column("holds_channel", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="supersync",
    )
    op.add_column(
        "deliveries", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True), schema="supersync"
    )
    op.execute("UPDATE supersync.deliveries SET waiting_since = now()")
    op.alter_column("deliveries", "waiting_since", nullable=False, schema="supersync")
    op.create_index(
        "ix_check_results_still_running",
        "check_results",
        ["execution_id"],
        schema="supersync",
        postgresql_where=sa.text(STILL_RUNNING),
    )


def downgrade() -> None:
    op.drop_index("ix_check_results_still_running", "check_results", schema="supersync")
    for name in ("message_id", "holds_channel", "waiting_since"):
        op.drop_column("deliveries", name, schema="supersync")
