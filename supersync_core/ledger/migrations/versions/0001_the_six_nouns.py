"""The six nouns."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("type_name", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_addresses_name_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sa.UniqueConstraint("name_key", name=op.f("uq_addresses_name_key")),
        schema="supersync",
    )
    op.create_table(
        "pipelines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column(
            "kind",
            _words("pipeline_kind", "table_sync", "channel_sync", "historical_sync", "cdc", "external"),
            nullable=False,
        ),
        sa.Column(
            "desired_state",
            _words("desired_state", "running", "paused", "stopped"),
            server_default="running",
            nullable=False,
        ),
        sa.Column("spec", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("owners", JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("tags", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("freshness_number", sa.Integer(), nullable=True),
        sa.Column(
            "freshness_datepart", _words("date_part", "minute", "hour", "day", "week", "month", "year"), nullable=True
        ),
        sa.Column("declared_hash", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("retired_at", TIME, nullable=True),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 150", name=op.f("ck_pipelines_name_length")),
        sa.CheckConstraint("freshness_number > 0", name=op.f("ck_pipelines_freshness_number")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipelines")),
        sa.UniqueConstraint("name_key", name=op.f("uq_pipelines_name_key")),
        schema="supersync",
    )
    op.create_table(
        "check_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _words("check_kind", "freshness", "timeliness", "anomaly", "drift"), nullable=False),
        sa.Column("metric", sa.Text(), server_default="", nullable=False),
        sa.Column("settings", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("declared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_check_rules_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_rules")),
        sa.UniqueConstraint("pipeline_id", "kind", "metric", name=op.f("uq_check_rules_pipeline_id_kind_metric")),
        schema="supersync",
    )
    op.create_table(
        "executions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("managed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "state", _words("execution_state", "queued", "running", "succeeded", "failed", "cancelled"), nullable=False
        ),
        sa.Column("trigger", _words("trigger", "schedule", "manual"), nullable=True),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("queued_at", TIME, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("rows_extracted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_inserted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_deleted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("progress_rows", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("progress_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("watermark_before", sa.Text(), nullable=True),
        sa.Column("watermark_after", sa.Text(), nullable=True),
        sa.Column("error", JSONB(), nullable=True),
        sa.Column("dagster_run_id", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", TIME, nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("judged_at", TIME, nullable=True),
        sa.CheckConstraint(
            "(lease_owner IS NOT NULL) = (managed AND state = 'running')",
            name=op.f("ck_executions_lease_while_running"),
        ),
        sa.CheckConstraint(
            "(state IN ('succeeded', 'failed', 'cancelled')) = (ended_at IS NOT NULL)",
            name=op.f("ck_executions_final_has_end"),
        ),
        sa.CheckConstraint(
            "error IS NULL OR state IN ('failed', 'cancelled')", name=op.f("ck_executions_error_when_bad")
        ),
        sa.CheckConstraint("state <> 'queued' OR started_at IS NULL", name=op.f("ck_executions_queued_not_started")),
        sa.CheckConstraint(
            "state NOT IN ('running', 'succeeded') OR started_at IS NOT NULL", name=op.f("ck_executions_ran_has_start")
        ),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_expires_at IS NULL)", name=op.f("ck_executions_lease_whole")
        ),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_executions_end_after_start")),
        sa.CheckConstraint("judged_at IS NULL OR ended_at IS NOT NULL", name=op.f("ck_executions_judged_when_final")),
        sa.CheckConstraint(
            "least(rows_extracted, rows_inserted, rows_updated, rows_unchanged, rows_deleted, bytes,"
            " progress_rows, progress_bytes) >= 0",
            name=op.f("ck_executions_counters"),
        ),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_executions_not_own_parent")),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["supersync.executions.id"], name=op.f("fk_executions_parent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_executions_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_executions")),
        sa.UniqueConstraint("public_id", name=op.f("uq_executions_public_id")),
        schema="supersync",
    )
    op.create_index(op.f("ix_executions_dagster_run_id"), "executions", ["dagster_run_id"], schema="supersync")
    op.create_index("ix_executions_ended_at", "executions", ["pipeline_id", "ended_at"], schema="supersync")
    op.create_index("ix_executions_history", "executions", ["pipeline_id", "queued_at", "id"], schema="supersync")
    op.create_index(
        "ix_executions_live",
        "executions",
        ["pipeline_id"],
        schema="supersync",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_index(op.f("ix_executions_parent_id"), "executions", ["parent_id"], schema="supersync")
    op.create_index("ix_executions_time", "executions", ["queued_at", "id"], schema="supersync")
    op.create_index(
        "ix_executions_unjudged",
        "executions",
        ["ended_at"],
        schema="supersync",
        postgresql_where=sa.text("judged_at IS NULL AND state IN ('succeeded', 'failed', 'cancelled')"),
    )
    op.create_index(
        "uq_executions_live_root",
        "executions",
        ["pipeline_id"],
        unique=True,
        schema="supersync",
        postgresql_where=sa.text("managed AND parent_id IS NULL AND state IN ('queued', 'running')"),
    )
    op.create_table(
        "lineage_edges",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_lineage_edges_pipeline_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["supersync.addresses.id"], name=op.f("fk_lineage_edges_source_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["supersync.addresses.id"], name=op.f("fk_lineage_edges_target_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "source_id", "target_id", name=op.f("pk_lineage_edges")),
        schema="supersync",
    )
    op.create_index(op.f("ix_lineage_edges_source_id"), "lineage_edges", ["source_id"], schema="supersync")
    op.create_index(op.f("ix_lineage_edges_target_id"), "lineage_edges", ["target_id"], schema="supersync")
    op.create_table(
        "schedules",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("every_s", sa.Integer(), nullable=True),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("next_due_at", TIME, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("(cron IS NULL) <> (every_s IS NULL)", name=op.f("ck_schedules_cron_or_interval")),
        sa.CheckConstraint("every_s >= 1", name=op.f("ck_schedules_interval")),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_schedules_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", name=op.f("pk_schedules")),
        schema="supersync",
    )
    op.create_index(
        "ix_schedules_due",
        "schedules",
        ["next_due_at"],
        schema="supersync",
        postgresql_where=sa.text("enabled AND next_due_at IS NOT NULL"),
    )
    op.create_table(
        "check_results",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.BigInteger(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("details", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("checked_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["supersync.executions.id"],
            name=op.f("fk_check_results_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_check_results_pipeline_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["supersync.check_rules.id"], name=op.f("fk_check_results_rule_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_results")),
        sa.UniqueConstraint("rule_id", "execution_id", name=op.f("uq_check_results_rule_id_execution_id")),
        schema="supersync",
    )
    op.create_index(op.f("ix_check_results_execution_id"), "check_results", ["execution_id"], schema="supersync")
    op.create_index("ix_check_results_history", "check_results", ["pipeline_id", "checked_at"], schema="supersync")
    op.create_table(
        "checkpoints",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), server_default="", nullable=False),
        sa.Column("position", JSONB(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"], ["supersync.executions.id"], name=op.f("fk_checkpoints_execution_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_checkpoints_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pipeline_id", "part", name=op.f("pk_checkpoints")),
        schema="supersync",
    )
    op.create_index(op.f("ix_checkpoints_execution_id"), "checkpoints", ["execution_id"], schema="supersync")


def downgrade() -> None:
    children = ("checkpoints", "check_results", "schedules", "lineage_edges", "executions", "check_rules")
    for table in (*children, "pipelines", "addresses"):
        op.drop_table(table, schema="supersync")
