"""Imports of call histories: jobs, records that failed, who belongs to which agency, and the agency's active job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ACTIVE = "status IN ('pending', 'in_progress')"
STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
ACTIVE_JOB = f"""
CREATE FUNCTION supersync.get_active_sync_job(agency uuid) RETURNS SETOF supersync.historical_sync_jobs
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT * FROM supersync.historical_sync_jobs
    WHERE agency_id = agency AND {ACTIVE}
    ORDER BY created_at DESC LIMIT 1
$$
"""


def _reference(table: str, column: str, target: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"supersync.{target}.id"], name=name, ondelete=ondelete)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        schema="supersync",
    )
    op.create_index(op.f("ix_users_agency_id"), "users", ["agency_id"], schema="supersync")
    jobs = "historical_sync_jobs"
    op.create_table(
        jobs,
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(*STATUSES, name="job_status", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("date_from", TIME, nullable=False),
        sa.Column("date_to", TIME, nullable=False),
        sa.Column("total_calls", sa.BigInteger(), nullable=True),
        *(_count(f"{name}_calls") for name in ("processed", "imported", "skipped", "failed")),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("error", JSONB(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        *(sa.Column(name, TIME, nullable=True) for name in ("started_at", "last_activity_at", "completed_at")),
        sa.CheckConstraint(
            "processed_calls = imported_calls + skipped_calls + failed_calls", name=op.f(f"ck_{jobs}_counts")
        ),
        sa.CheckConstraint(
            "least(imported_calls, skipped_calls, failed_calls, total_calls) >= 0", name=op.f(f"ck_{jobs}_counters")
        ),
        sa.CheckConstraint("date_from < date_to", name=op.f(f"ck_{jobs}_range")),
        sa.CheckConstraint(f"({ACTIVE}) = (completed_at IS NULL)", name=op.f(f"ck_{jobs}_ended")),
        _reference(jobs, "pipeline_id", "pipelines"),
        _reference(jobs, "execution_id", "executions", "SET NULL"),
        _reference(jobs, "retry_of", jobs, "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{jobs}")),
        schema="supersync",
    )
    for column in ("pipeline_id", "execution_id", "retry_of"):
        op.create_index(op.f(f"ix_{jobs}_{column}"), jobs, [column], schema="supersync")
    op.create_index(
        f"uq_{jobs}_active", jobs, ["agency_id"], schema="supersync", unique=True, postgresql_where=sa.text(ACTIVE)
    )
    op.create_index(f"ix_{jobs}_recent", jobs, ["agency_id", "created_at"], schema="supersync")
    failed = "historical_sync_failed_calls"
    op.create_table(
        failed,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("window", "ref", "record", "error")),
        sa.Column("created_at", TIME, nullable=False),
        _reference(failed, "job_id", jobs),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{failed}")),
        sa.UniqueConstraint("job_id", "window", "ref", name=op.f(f"uq_{failed}_job_id_window_ref")),
        schema="supersync",
    )
    op.execute(ACTIVE_JOB)


def downgrade() -> None:
    op.execute("DROP FUNCTION supersync.get_active_sync_job(uuid)")
    for table in ("historical_sync_failed_calls", "historical_sync_jobs", "users"):
        op.drop_table(table, schema="supersync")
