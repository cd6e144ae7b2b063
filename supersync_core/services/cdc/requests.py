"""What somebody asks of CDC pipelines: the wish is written, and a run is started where none obeys it yet."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.clock import Clock
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState, dagster_key
from supersync_core.errors import Conflict, SupersyncError
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.cdc.pipelines import (
    amend_cdc_pipeline,
    create_cdc_pipeline,
    forget_cdc_pipeline,
    get_cdc_pipeline,
    set_cdc_state,
)
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.executions import live_execution, open_execution, request_cancel
from supersync_core.services.launcher import Launcher

logger = logging.getLogger(__name__)

DELETE_PATIENCE_S = 8.0
"""A run ends within five seconds; one that does not is left to find out by itself that nobody wants it."""
LOOK_S = 0.1


def create(session: Session, launcher: Launcher, data: Any, vault: Vault, *, at: datetime) -> Pipeline:
    """Register a pipeline and start it. Raises what `create_cdc_pipeline` raises."""
    pipeline = create_cdc_pipeline(session, data, vault, at=at)
    _start(session, launcher, pipeline, at)
    event.listen(session, "after_commit", lambda _: launcher.reload(), once=True)
    return pipeline


def amend(
    session: Session, launcher: Launcher, name: str, patch: Mapping[str, Any], vault: Vault, *, at: datetime
) -> Pipeline:
    """Change a pipeline's specification and let it run with it. Raises what `amend_cdc_pipeline` raises."""
    pipeline = amend_cdc_pipeline(session, name, patch, vault, at=at)
    _start(session, launcher, pipeline, at)
    return pipeline


def pause(session: Session, name: str, *, at: datetime) -> Pipeline:
    """Hold a pipeline; its run keeps the connection. Raises NotFound."""
    return set_cdc_state(session, name, DesiredState.PAUSED, at=at)


def stop(session: Session, name: str, *, at: datetime) -> Pipeline:
    """End a pipeline's run, checkpoints stored. Raises NotFound."""
    return set_cdc_state(session, name, DesiredState.STOPPED, at=at)


def resume(session: Session, launcher: Launcher, name: str, *, at: datetime) -> Pipeline:
    """Let a pipeline go on, or start it again, also one that has failed. Raises NotFound."""
    pipeline = set_cdc_state(session, name, DesiredState.RUNNING, at=at)
    _start(session, launcher, pipeline, at)
    return pipeline


def delete(ledger: Ledger, name: str, forget: Callable[[Pipeline], None], clock: Clock) -> Pipeline:
    """End a pipeline's run, wait for that, and remove it with its checkpoints; the name is free. Raises NotFound.

    `forget` removes what the source has made on its server.
    """
    with ledger.begin() as session:
        pipeline = set_cdc_state(session, name, DesiredState.STOPPED, at=clock())
        live = live_execution(session, pipeline)
        if live is not None:
            request_cancel(session, live.id, at=clock())
    deadline = time.monotonic() + DELETE_PATIENCE_S
    while _is_live(ledger, pipeline) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    try:
        forget(pipeline)
    except SupersyncError as error:
        # It is deleted all the same: an operator must be able to get rid of a pipeline whose source is gone.
        logger.warning("pipeline %s is deleted, and what its source has made may be left: %s", name, error)
    with ledger.begin() as session:
        forget_cdc_pipeline(session, get_cdc_pipeline(session, name), at=clock())
    return pipeline


def _is_live(ledger: Ledger, pipeline: Pipeline) -> bool:
    with ledger.begin() as session:
        return live_execution(session, pipeline) is not None


def _start(session: Session, launcher: Launcher, pipeline: Pipeline, at: datetime) -> None:
    """Start a run once this is committed, unless one is live: that one obeys."""
    if live_execution(session, pipeline) is not None:
        return
    try:
        queued = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=at)
    except Conflict:
        return  # somebody else has just started one
    key = dagster_key(pipeline.name)
    event.listen(session, "after_commit", lambda _: launcher.launch_soon(key, queued.id), once=True)
