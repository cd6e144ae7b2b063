"""`/log_cleanup`, `/celery/monitor-queue`."""

import logging
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from supersync_core.errors import RetryError
from supersync_core.services.audit import record
from supersync_core.services.cleanup import MIN_RETENTION_DAYS, CleanedUp, clean_up
from supersync_core.services.queue_monitor import check_queue
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import CallerDep, note_recorded
from supersync_dagster.api.deps import ClockDep, ContextDep
from supersync_dagster.api.json_route import StrictRoute
from supersync_dagster.api.watcher import wire
from supersync_dagster.api.watcher.roles import ADMIN, OPERATOR

logger = logging.getLogger(__name__)

router = APIRouter(tags=["monitoring & health"], route_class=StrictRoute)
_MAX_DAYS, _MAX_BATCH = 36_500, 100_000


class CleanUp(BaseModel):
    """How much is kept, and how much is deleted in one transaction."""

    retention_days: int = Field(ge=MIN_RETENTION_DAYS, le=_MAX_DAYS)
    batch_size: int = Field(default=10_000, ge=1, le=_MAX_BATCH)


class Deleted(BaseModel):
    """How many rows are gone. The links between executions are counted by the side that is gone."""

    total_pipeline_executions_deleted: int
    total_timeliness_pipeline_execution_logs_deleted: int
    total_anomaly_detection_results_deleted: int
    total_pipeline_execution_closure_parent_deleted: int
    total_pipeline_execution_closure_child_deleted: int
    total_freshness_pipeline_logs_deleted: int

    @classmethod
    def of(cls, gone: CleanedUp) -> "Deleted":
        """From the service."""
        return cls(
            total_pipeline_executions_deleted=gone.executions,
            total_timeliness_pipeline_execution_logs_deleted=gone.timeliness,
            total_anomaly_detection_results_deleted=gone.anomaly,
            total_pipeline_execution_closure_parent_deleted=gone.parent_links,
            total_pipeline_execution_closure_child_deleted=gone.child_links,
            total_freshness_pipeline_logs_deleted=gone.freshness,
        )


@router.post("/log_cleanup", dependencies=ADMIN, responses=wire.errors())
def post_log_cleanup(body: CleanUp, context: ContextDep, clock: ClockDep, audit: AuditDep) -> Deleted:
    """Delete executions that began before midnight UTC so many days ago, with what was found about them."""
    gone = clean_up(context.ledger, retention_days=body.retention_days, batch_size=body.batch_size, at=clock())
    audit("executions.cleanup", f"older than {body.retention_days} days: {gone.executions}")
    return Deleted.of(gone)


class QueueChecked(BaseModel):
    """`error`: nobody could tell how many checks wait."""

    status: Literal["success", "error"]


@router.post("/celery/monitor-queue", dependencies=OPERATOR, responses=wire.errors())
def post_monitor_queue(request: Request, context: ContextDep, caller: CallerDep) -> QueueChecked:
    """Look how many checks wait: 50 are an incident, 100 a critical one (Watcher). Its queue is the ledger's."""
    at = context.clock()
    try:
        with context.ledger.begin() as session:
            check_queue(session, at=at)
            record(session, caller, "queue.check", "checks", result=HTTPStatus.OK, at=at)
    except RetryError as error:
        logger.warning("nobody can tell how many checks wait: %s", error)
        return QueueChecked(status="error")
    note_recorded(request.scope)
    return QueueChecked(status="success")
