"""Running totals of executions, begun with those that are there; answers kept for callers who ask again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
STATES = ("queued", "running", "succeeded", "failed", "cancelled")

BEGIN = """
INSERT INTO supersync.totals
SELECT pipeline_id, state,
       (SELECT min(le) FROM unnest('{0.1,0.25,0.5,1,2.5,5,10,30,60,120,300,600,1800,Infinity}'::float8[]) le
        WHERE le >= seconds) AS le,
       count(*), sum(rows_extracted), sum(rows_inserted + rows_updated), sum(seconds), max(ended_at)
FROM (SELECT *, coalesce(extract(epoch FROM ended_at - started_at), 0)::float8 AS seconds
      FROM supersync.executions WHERE ended_at IS NOT NULL) closed
GROUP BY 1, 2, 3
"""


def upgrade() -> None:
    op.create_table(
        "totals",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="execution_state", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("le", sa.Double(), nullable=False),
        sa.Column("runs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_extracted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_upserted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("last_ended_at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('succeeded', 'failed', 'cancelled')", name=op.f("ck_totals_final")),
        sa.CheckConstraint("least(runs, rows_extracted, rows_upserted, seconds) >= 0", name=op.f("ck_totals_counters")),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_totals_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "state", "le", name=op.f("pk_totals")),
        schema="supersync",
    )
    op.execute(BEGIN)
    op.create_table(
        "kept_answers",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("answer", JSONB(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("char_length(key) BETWEEN 1 AND 255", name=op.f("ck_kept_answers_key_length")),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_kept_answers")),
        schema="supersync",
    )
    op.create_index(op.f("ix_kept_answers_created_at"), "kept_answers", ["created_at"], schema="supersync")


def downgrade() -> None:
    op.drop_table("kept_answers", schema="supersync")
    op.drop_table("totals", schema="supersync")
