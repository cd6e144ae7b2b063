"""Observability: types, expectations and watermarks of pipelines, what was reported of executions, judgements."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NO, EMPTY = sa.text("false"), sa.text("'{}'")
HOUR = "EXTRACT(hour FROM (started_at AT TIME ZONE 'UTC'::text))"
COUNTS = ("rows_extracted", "rows_inserted", "rows_updated", "rows_deleted")


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _datepart(name: str) -> sa.Enum:
    return _words(name, "minute", "hour", "day", "week", "month", "year")


def _check_kind() -> sa.Enum:
    return _words("check_kind", "freshness", "timeliness", "anomaly", "drift")


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    _types()
    _pipelines()
    _addresses()
    _executions()
    _results()


def _types() -> None:
    op.create_table(
        "pipeline_types",
        _key(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("freshness_number", sa.Integer(), nullable=True),
        sa.Column("freshness_datepart", _datepart("date_part"), nullable=True),
        sa.Column("mute_freshness", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("timeliness_number", sa.Integer(), nullable=True),
        sa.Column("timeliness_datepart", _datepart("timeliness_datepart"), nullable=True),
        sa.Column("mute_timeliness", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 150", name=op.f("ck_pipeline_types_name_length")),
        sa.CheckConstraint("least(freshness_number, timeliness_number) > 0", name=op.f("ck_pipeline_types_numbers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pipeline_types")),
        sa.UniqueConstraint("name_key", name=op.f("uq_pipeline_types_name_key")),
        schema="supersync",
    )
    op.execute(
        "INSERT INTO supersync.pipeline_types (name, name_key, created_at, updated_at)"
        " SELECT DISTINCT kind, kind, now(), now() FROM supersync.pipelines"
    )
    op.create_table(
        "address_types",
        _key(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 150", name=op.f("ck_address_types_name_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_types")),
        sa.UniqueConstraint("name_key", name=op.f("uq_address_types_name_key")),
        schema="supersync",
    )


def _pipelines() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("type_id", sa.BigInteger(), nullable=True),
        sa.Column("extra", JSONB(), nullable=True),
        sa.Column("mute_freshness", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("timeliness_number", sa.Integer(), nullable=True),
        sa.Column("timeliness_datepart", _datepart("timeliness_datepart"), nullable=True),
        sa.Column("mute_timeliness", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("load_lineage", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("watermark", sa.Text(), nullable=True),
        sa.Column("next_watermark", sa.Text(), nullable=True),
        sa.Column("last_inserted_at", TIME, nullable=True),
        sa.Column("last_updated_at", TIME, nullable=True),
        sa.Column("last_deleted_at", TIME, nullable=True),
        sa.Column("reported_hash", sa.Text(), nullable=True),
    ]
    for column in columns:
        op.add_column("pipelines", column, schema="supersync")
    op.execute(
        "UPDATE supersync.pipelines SET type_id = pipeline_types.id"
        " FROM supersync.pipeline_types WHERE pipeline_types.name = kind"
    )
    op.create_check_constraint(
        op.f("ck_pipelines_timeliness_number"), "pipelines", "timeliness_number > 0", schema="supersync"
    )
    op.create_index(op.f("ix_pipelines_type_id"), "pipelines", ["type_id"], schema="supersync")
    _reference("pipelines", "type_id", "pipeline_types")


def _addresses() -> None:
    columns: list[sa.Column[Any]] = [
        sa.Column("type_id", sa.BigInteger(), nullable=True),
        *(sa.Column(f"{part}_name", sa.Text(), nullable=True) for part in ("database", "schema", "table")),
        sa.Column("primary_key", sa.Text(), nullable=True),
        sa.Column("extra", JSONB(), nullable=True),
        sa.Column("reported_hash", sa.Text(), nullable=True),
        sa.Column("updated_at", TIME, nullable=True),
    ]
    for column in columns:
        op.add_column("addresses", column, schema="supersync")
    op.execute(
        "INSERT INTO supersync.address_types (name, name_key, group_name, created_at, updated_at)"
        " SELECT DISTINCT type_name, type_name, 'database', now(), now() FROM supersync.addresses"
    )
    op.execute(
        "UPDATE supersync.addresses SET type_id = address_types.id, updated_at = addresses.created_at"
        " FROM supersync.address_types WHERE address_types.name = type_name"
    )
    for name in ("type_id", "updated_at"):
        op.alter_column("addresses", name, nullable=False, schema="supersync")
    op.drop_column("addresses", "type_name", schema="supersync")
    op.create_index(op.f("ix_addresses_type_id"), "addresses", ["type_id"], schema="supersync")
    _reference("addresses", "type_id", "address_types")
    op.add_column(
        "lineage_edges", sa.Column("reported", sa.Boolean(), server_default=NO, nullable=False), schema="supersync"
    )


def _executions() -> None:
    for name in ("extra", "anomaly_flags", "bands"):
        op.add_column("executions", sa.Column(name, JSONB(), nullable=True), schema="supersync")
    op.add_column("executions", sa.Column("materialised_at", TIME, nullable=True), schema="supersync")
    for name in COUNTS:
        op.alter_column("executions", name, nullable=True, schema="supersync")
    # What ended before there were checks is not judged.
    op.execute("UPDATE supersync.executions SET judged_at = ended_at WHERE judged_at IS NULL AND ended_at IS NOT NULL")
    op.drop_index("ix_executions_unjudged", "executions", schema="supersync")
    indexes: list[tuple[str, list[Any], str]] = [
        ("unjudged", ["ended_at"], "judged_at IS NULL AND state = 'succeeded'"),
        ("unmaterialised", ["ended_at"], "NOT managed AND materialised_at IS NULL AND state = 'succeeded'"),
        ("baseline", ["pipeline_id", sa.text(HOUR), "ended_at"], "state = 'succeeded'"),
    ]
    for name, columns, where in indexes:
        op.create_index(
            f"ix_executions_{name}", "executions", columns, schema="supersync", postgresql_where=sa.text(where)
        )


def _results() -> None:
    op.execute("DELETE FROM supersync.check_results")
    op.add_column("check_results", sa.Column("kind", _check_kind(), nullable=False), schema="supersync")
    op.add_column("check_results", sa.Column("data_at", TIME, nullable=True), schema="supersync")
    op.alter_column("check_results", "rule_id", nullable=True, schema="supersync")
    for name, rule in (
        ("anomaly_has_rule", "(kind = 'anomaly') = (rule_id IS NOT NULL)"),
        ("freshness_has_time", "kind <> 'freshness' OR data_at IS NOT NULL"),
        ("has_execution", "kind NOT IN ('timeliness', 'anomaly') OR execution_id IS NOT NULL"),
    ):
        op.create_check_constraint(op.f(f"ck_check_results_{name}"), "check_results", rule, schema="supersync")
    for name, columns, kind in (
        ("stale", ["pipeline_id", "data_at"], "freshness"),
        ("late", ["execution_id"], "timeliness"),
    ):
        where = sa.text(f"kind = '{kind}'")
        op.create_index(
            f"uq_check_results_{name}",
            "check_results",
            columns,
            unique=True,
            schema="supersync",
            postgresql_where=where,
        )
    op.create_index("ix_check_results_kind", "check_results", ["kind", "id"], schema="supersync")
    op.create_table(
        "check_requests",
        _key(),
        sa.Column("kind", _check_kind(), nullable=False),
        sa.Column("settings", JSONB(), server_default=EMPTY, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("done_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_requests")),
        schema="supersync",
    )
    op.create_index(op.f("ix_check_requests_done_at"), "check_requests", ["done_at"], schema="supersync")
    waiting = sa.text("done_at IS NULL")
    op.create_index("ix_check_requests_waiting", "check_requests", ["id"], schema="supersync", postgresql_where=waiting)


def _reference(table: str, column: str, target: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_{table}_{column}"),
        table,
        target,
        [column],
        ["id"],
        source_schema="supersync",
        referent_schema="supersync",
        ondelete="RESTRICT",
    )


def downgrade() -> None:
    op.drop_table("check_requests", schema="supersync")
    op.execute("DELETE FROM supersync.check_results")
    for name in ("uq_check_results_late", "uq_check_results_stale", "ix_check_results_kind"):
        op.drop_index(name, "check_results", schema="supersync")
    for name in ("anomaly_has_rule", "freshness_has_time", "has_execution"):
        op.drop_constraint(op.f(f"ck_check_results_{name}"), "check_results", schema="supersync")
    _drop("check_results", "kind", "data_at")
    op.alter_column("check_results", "rule_id", nullable=False, schema="supersync")
    for name in ("unjudged", "unmaterialised", "baseline"):
        op.drop_index(f"ix_executions_{name}", "executions", schema="supersync")
    _drop("executions", "extra", "anomaly_flags", "bands", "materialised_at")
    for name in COUNTS:
        op.execute(f"UPDATE supersync.executions SET {name} = 0 WHERE {name} IS NULL")
        op.alter_column("executions", name, nullable=False, schema="supersync")
    final = sa.text("judged_at IS NULL AND state IN ('succeeded', 'failed', 'cancelled')")
    op.create_index("ix_executions_unjudged", "executions", ["ended_at"], schema="supersync", postgresql_where=final)
    _drop("lineage_edges", "reported")
    op.add_column(
        "addresses", sa.Column("type_name", sa.Text(), server_default="table", nullable=False), schema="supersync"
    )
    op.alter_column("addresses", "type_name", server_default=None, schema="supersync")
    _drop("addresses", "type_id", "database_name", "schema_name", "table_name", "primary_key")
    _drop("addresses", "extra", "reported_hash", "updated_at")
    op.drop_table("address_types", schema="supersync")
    _drop("pipelines", "type_id", "extra", "mute_freshness", "timeliness_number", "timeliness_datepart")
    _drop("pipelines", "mute_timeliness", "load_lineage", "watermark", "next_watermark")
    _drop("pipelines", "last_inserted_at", "last_updated_at", "last_deleted_at", "reported_hash")
    op.drop_table("pipeline_types", schema="supersync")


def _drop(table: str, *columns: str) -> None:
    for column in columns:
        op.drop_column(table, column, schema="supersync")
