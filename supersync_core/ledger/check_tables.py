"""What is expected of pipelines, what was found, and who is told: rules, results, requests, incidents, alerts."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from supersync_core.domain.check import CheckKind
from supersync_core.domain.incident import DeliveryState, IncidentKind, IncidentState, Level
from supersync_core.ledger.base import Base, belongs_to, key

STILL_RUNNING = "kind = 'timeliness' AND details ->> 'state' = 'running'"
"""Results about executions that had not ended when they were found late: they are completed."""


class CheckRule(Base):
    """A rule that a pipeline's executions are held to. `metric` is empty for kinds that have none.

    `declared`: it came with the pipeline's declaration, so it goes when the declaration drops it.
    """

    __tablename__ = "check_rules"
    __table_args__ = (UniqueConstraint("pipeline_id", "kind", "metric"),)

    id: Mapped[int] = key()
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    kind: Mapped[CheckKind]
    metric: Mapped[str] = mapped_column(server_default="", default="")
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    active: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    declared: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class CheckResult(Base):
    """What a check found, about one execution or (None) about the pipeline at that time.

    Freshness: one per stale period, known by `data_at`, the newest change that had grown too old. Timeliness: one per
    late execution. Anomaly: one per rule (`rule_id`) and execution, when at least one of the rules has fired.
    """

    __tablename__ = "check_results"
    __table_args__ = (
        UniqueConstraint("rule_id", "execution_id"),
        CheckConstraint("(kind = 'anomaly') = (rule_id IS NOT NULL)", name="anomaly_has_rule"),
        CheckConstraint("kind <> 'freshness' OR data_at IS NOT NULL", name="freshness_has_time"),
        CheckConstraint("kind NOT IN ('timeliness', 'anomaly') OR execution_id IS NOT NULL", name="has_execution"),
        Index(
            "uq_check_results_stale",
            *("pipeline_id", "data_at"),
            unique=True,
            postgresql_where=text("kind = 'freshness'"),
        ),
        Index("uq_check_results_late", "execution_id", unique=True, postgresql_where=text("kind = 'timeliness'")),
        Index("ix_check_results_still_running", "execution_id", postgresql_where=text(STILL_RUNNING)),
        Index("ix_check_results_history", "pipeline_id", "checked_at"),
        Index("ix_check_results_kind", "kind", "id"),
    )

    id: Mapped[int] = key()
    pipeline_id: Mapped[int] = belongs_to("pipelines")
    kind: Mapped[CheckKind]
    rule_id: Mapped[int | None] = belongs_to("check_rules")
    execution_id: Mapped[int | None] = belongs_to("executions", index=True)
    passed: Mapped[bool]
    data_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    checked_at: Mapped[datetime]


class CheckRequest(Base):
    """Somebody wants a check to be made soon; `settings` is what only its kind understands."""

    __tablename__ = "check_requests"
    __table_args__ = (Index("ix_check_requests_waiting", "id", postgresql_where=text("done_at IS NULL")),)

    id: Mapped[int] = key()
    kind: Mapped[CheckKind]
    settings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    requested_by: Mapped[str]
    requested_at: Mapped[datetime]
    done_at: Mapped[datetime | None] = mapped_column(index=True)


class Incident(Base):
    """Something that somebody has to take care of. At most one of a `subject` is not resolved.

    `subject` says what it is about, such as `freshness:orders`; `findings` counts what was found since it opened.
    `reason` and `changed_by` belong to the last change of its state. `muted_until` only while it is muted; None: until
    somebody changes it.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="resolved_has_time"),
        CheckConstraint("muted_until IS NULL OR state = 'muted'", name="muted_until"),
        Index("uq_incidents_unresolved", "subject", unique=True, postgresql_where=text("state <> 'resolved'")),
        Index("ix_incidents_state", "state", "id"),
    )

    id: Mapped[int] = key()
    pipeline_id: Mapped[int | None] = belongs_to("pipelines", index=True)
    kind: Mapped[IncidentKind]
    subject: Mapped[str]
    state: Mapped[IncidentState] = mapped_column(server_default=IncidentState.OPEN.value, default=IncidentState.OPEN)
    level: Mapped[Level]
    title: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    findings: Mapped[int] = mapped_column(server_default="1", default=1)
    reason: Mapped[str | None]
    changed_by: Mapped[str | None]
    muted_until: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    last_found_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class Alert(Base):
    """What is to be told about an incident, written in the transaction that found it. `message` is plain text.

    `expanded_at`: when it was turned into a delivery for each channel that wants it.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_unexpanded", "id", postgresql_where=text("expanded_at IS NULL")),)

    id: Mapped[int] = key()
    incident_id: Mapped[int] = belongs_to("incidents", index=True)
    level: Mapped[Level]
    title: Mapped[str]
    message: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    created_at: Mapped[datetime]
    expanded_at: Mapped[datetime | None]


class Delivery(Base):
    """An alert on its way to a channel. `public_id` goes along, so that a receiver knows one that it has had.

    `message_id`: what waits for a channel goes in one message, and one that is sent again has the same id and the same
    alerts. `holds_channel`: the channel was in trouble, so nothing else is sent to it before `next_try_at`. It ends as
    delivered or, once it was tried in vain for too long since `waiting_since`, as given up; either can be sent again.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel"),
        CheckConstraint("delivered_at IS NULL OR given_up_at IS NULL", name="one_end"),
        Index(
            "ix_deliveries_waiting",
            "next_try_at",
            postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL"),
        ),
    )

    id: Mapped[int] = key()
    public_id: Mapped[uuid.UUID] = mapped_column(
        unique=True, default=uuid.uuid4, server_default=text("gen_random_uuid()")
    )
    alert_id: Mapped[int] = belongs_to("alerts")
    channel: Mapped[str]
    message_id: Mapped[uuid.UUID | None]
    holds_channel: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    waiting_since: Mapped[datetime]
    tries: Mapped[int] = mapped_column(server_default="0", default=0)
    next_try_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[str | None]

    @property
    def state(self) -> DeliveryState:
        """How far it is."""
        if self.delivered_at is not None:
            return DeliveryState.DELIVERED
        return DeliveryState.WAITING if self.given_up_at is None else DeliveryState.GIVEN_UP
