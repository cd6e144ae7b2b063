"""OpenLineage: what events have said of runs, and which executions of ours were told to others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "openlineage_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("parent_run_id", sa.Uuid(), nullable=True),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("flows", sa.Boolean(), nullable=False),
        sa.Column("record", JSONB(), nullable=False),
        sa.CheckConstraint("(run_id IS NULL) = (execution_id IS NULL)", name=op.f("ck_openlineage_runs_run_or_job")),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["supersync.pipelines.id"],
            name=op.f("fk_openlineage_runs_pipeline_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["supersync.executions.id"],
            name=op.f("fk_openlineage_runs_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_openlineage_runs")),
        sa.UniqueConstraint("execution_id", name=op.f("uq_openlineage_runs_execution_id")),
        sa.UniqueConstraint("run_id", name=op.f("uq_openlineage_runs_run_id")),
        schema="supersync",
    )
    op.create_index(
        op.f("ix_openlineage_runs_parent_run_id"), "openlineage_runs", ["parent_run_id"], schema="supersync"
    )
    op.create_index(
        "ix_openlineage_runs_newest",
        "openlineage_runs",
        ["pipeline_id", "flows", "began_at", "run_id"],
        schema="supersync",
    )
    op.create_index(
        "uq_openlineage_runs_job",
        "openlineage_runs",
        ["pipeline_id"],
        unique=True,
        schema="supersync",
        postgresql_where=sa.text("execution_id IS NULL"),
    )
    op.add_column("executions", sa.Column("emitted_at", TIME, nullable=True), schema="supersync")
    op.create_index(
        "ix_executions_unemitted",
        "executions",
        ["ended_at"],
        schema="supersync",
        postgresql_where=sa.text("managed AND emitted_at IS NULL AND ended_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_executions_unemitted", "executions", schema="supersync")
    op.drop_column("executions", "emitted_at", schema="supersync")
    op.drop_table("openlineage_runs", schema="supersync")
