"""What others report to the ledger, told to Dagster: their executions become materialisations of their asset."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import dagster as dg
from dagster._core.events import StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.services.materialisations import Execution, note_materialised, unmaterialised

BATCH = 500
"""Executions that are looked up at once. Those of one pipeline among them are one write to Dagster."""


def report_executions(
    instance: dg.DagsterInstance,
    ledger: Ledger,
    asset_key: Callable[[str], dg.AssetKey],
    page: Callable[[str], str],
    *,
    until: float,
) -> bool:
    """Tell Dagster of the executions that wait longest; whether more may wait. It stops when `until` is over.

    `asset_key`, `page`: of the pipeline with a name. `until`: by `time.monotonic`. Each write is noted in the ledger
    before the next one: a process that dies between the two makes the next one write it again.
    """
    with ledger.begin() as session:
        waiting = unmaterialised(session, limit=BATCH)
    by_pipeline: dict[str, list[Execution]] = {}
    for execution, name in waiting:
        by_pipeline.setdefault(name, []).append(execution)
    for name, executions in by_pipeline.items():
        if time.monotonic() > until:
            return True
        events = [_event(execution, asset_key(name), page(name)) for execution in executions]
        # One by one they cost ten milliseconds each, together one (measured).
        instance.event_log_storage.store_event_batch(events)
        with ledger.begin() as session:
            note_materialised(session, [execution.id for execution in executions], at=utcnow())
    return len(waiting) == BATCH


def execution_metadata(execution: Execution, page: str) -> dict[str, Any]:
    """What somebody has said of an execution, in the words of `materialization_metadata`; what was not said is not."""
    seconds, rows = execution.seconds, execution.rows_extracted
    found: dict[str, Any] = {
        "rows_extracted": rows,
        "rows_inserted": execution.rows_inserted,
        "rows_updated": execution.rows_updated,
        "rows_deleted": execution.rows_deleted,
        "seconds": None if seconds is None else round(seconds, 3),
        "rows_per_s": round(rows / seconds, 1) if rows is not None and seconds else None,
        "watermark": execution.watermark_after,
        "execution": str(execution.public_id),
        "execution_id": str(execution.id),
        "page": dg.MetadataValue.url(page),
    }
    return {name: value for name, value in found.items() if value is not None}


def _event(execution: Execution, key: dg.AssetKey, page: str) -> dg.EventLogEntry:
    """As Dagster reports what happens outside of its runs, save that it happened when the execution ended."""
    materialization = dg.AssetMaterialization(asset_key=key, metadata=execution_metadata(execution, page))
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        event_specific_data=StepMaterializationData(materialization),
        job_name=RUNLESS_JOB_NAME,
    )
    return dg.EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        user_message="",
        level=logging.INFO,
        run_id=RUNLESS_RUN_ID,
        timestamp=_not_later(execution.ended_at, utcnow()).timestamp(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=event,
    )


def _not_later(at: datetime | None, now: datetime) -> datetime:
    return now if at is None else min(at, now)
