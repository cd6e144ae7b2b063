"""Incidents, and the alerts about them on their way."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
EMPTY = sa.text("'{}'")


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def _level() -> sa.Enum:
    return _words("level", "info", "warning", "critical")


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "incidents",
        _key(),
        sa.Column("pipeline_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            _words(
                "incident_kind",
                *("freshness", "timeliness", "anomaly", "drift", "dead_letters", "failure", "queue"),
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column(
            "state",
            _words("incident_state", "open", "acknowledged", "muted", "resolved"),
            server_default="open",
            nullable=False,
        ),
        sa.Column("level", _level(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("details", JSONB(), server_default=EMPTY, nullable=False),
        sa.Column("findings", sa.Integer(), server_default="1", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.Column("muted_until", TIME, nullable=True),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("last_found_at", TIME, nullable=False),
        sa.Column("resolved_at", TIME, nullable=True),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_at IS NOT NULL)", name=op.f("ck_incidents_resolved_has_time")
        ),
        sa.CheckConstraint("muted_until IS NULL OR state = 'muted'", name=op.f("ck_incidents_muted_until")),
        sa.ForeignKeyConstraint(
            ["pipeline_id"], ["supersync.pipelines.id"], name=op.f("fk_incidents_pipeline_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        schema="supersync",
    )
    op.create_index(op.f("ix_incidents_pipeline_id"), "incidents", ["pipeline_id"], schema="supersync")
    op.create_index("ix_incidents_state", "incidents", ["state", "id"], schema="supersync")
    unresolved = sa.text("state <> 'resolved'")
    op.create_index(
        "uq_incidents_unresolved",
        "incidents",
        ["subject"],
        unique=True,
        schema="supersync",
        postgresql_where=unresolved,
    )
    op.create_table(
        "alerts",
        _key(),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("level", _level(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", JSONB(), server_default=EMPTY, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expanded_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["supersync.incidents.id"], name=op.f("fk_alerts_incident_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        schema="supersync",
    )
    op.create_index(op.f("ix_alerts_incident_id"), "alerts", ["incident_id"], schema="supersync")
    unexpanded = sa.text("expanded_at IS NULL")
    op.create_index("ix_alerts_unexpanded", "alerts", ["id"], schema="supersync", postgresql_where=unexpanded)
    _deliveries()


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        _key(),
        sa.Column("public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", TIME, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.Column("given_up_at", TIME, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("delivered_at IS NULL OR given_up_at IS NULL", name=op.f("ck_deliveries_one_end")),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["supersync.alerts.id"], name=op.f("fk_deliveries_alert_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("alert_id", "channel", name=op.f("uq_deliveries_alert_id_channel")),
        sa.UniqueConstraint("public_id", name=op.f("uq_deliveries_public_id")),
        schema="supersync",
    )
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["next_try_at"],
        schema="supersync",
        postgresql_where=sa.text("delivered_at IS NULL AND given_up_at IS NULL"),
    )


def downgrade() -> None:
    for table in ("deliveries", "alerts", "incidents"):
        op.drop_table(table, schema="supersync")
