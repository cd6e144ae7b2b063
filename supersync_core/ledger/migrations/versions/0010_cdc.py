"""Change data capture: dead letters, versions of schemas, what was sensed, how a pipeline goes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
TABLES = ("dead_letters", "tracked_tables", "schema_versions", "pipeline_status")


def _pipeline(table: str) -> sa.ForeignKeyConstraint:
    return _reference(table, "pipeline_id", "pipelines")


def _reference(table: str, column: str, target: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"supersync.{target}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    texts = ("sink_id", "error_kind", "error_message", "event_id")
    op.create_table(
        "dead_letters",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("event", JSONB(), nullable=False),
        sa.Column("payload_truncated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("position", JSONB(), nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        _pipeline("dead_letters"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dead_letters")),
        schema="supersync",
    )
    op.create_index("ix_dead_letters_pipeline", "dead_letters", ["pipeline_id", "seq"], schema="supersync")
    place = ("tenant", "database_name", "schema_name", "table_name")
    op.create_table(
        "schema_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in place),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("columns", JSONB(), nullable=False),
        sa.Column("primary_key", JSONB(), nullable=False),
        sa.Column("position", JSONB(), nullable=True),
        sa.Column("registered_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_versions")),
        sa.UniqueConstraint(*place, "version", name=op.f("uq_schema_versions_version")),
        sa.UniqueConstraint(*place, "fingerprint", name=op.f("uq_schema_versions_fingerprint")),
        schema="supersync",
    )
    op.create_table(
        "tracked_tables",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("database_name", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("schema_id", sa.BigInteger(), nullable=True),
        sa.Column("sensed", JSONB(), nullable=True),
        sa.Column("drift", JSONB(), nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        _pipeline("tracked_tables"),
        _reference("tracked_tables", "schema_id", "schema_versions"),
        sa.PrimaryKeyConstraint("pipeline_id", "database_name", "name", name=op.f("pk_tracked_tables")),
        schema="supersync",
    )
    op.create_table(
        "pipeline_status",
        sa.Column("pipeline_id", sa.BigInteger(), nullable=False),
        sa.Column("execution_id", sa.BigInteger(), nullable=True),
        sa.Column("status", JSONB(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        _pipeline("pipeline_status"),
        _reference("pipeline_status", "execution_id", "executions", "SET NULL"),
        sa.PrimaryKeyConstraint("pipeline_id", name=op.f("pk_pipeline_status")),
        schema="supersync",
    )
    op.create_index(op.f("ix_pipeline_status_execution_id"), "pipeline_status", ["execution_id"], schema="supersync")


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema="supersync")
