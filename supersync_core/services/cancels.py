"""Cancel what runs."""

import logging
from datetime import datetime

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import Conflict, Unavailable
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import live_execution, request_cancel
from supersync_core.services.launcher import Launcher
from supersync_core.services.pipelines import get_pipeline

logger = logging.getLogger(__name__)


def cancel_pipeline(session: Session, launcher: Launcher, name: str, *, kind: PipelineKind, at: datetime) -> str:
    """Ask the live run of a pipeline to end; the pipeline's name.

    A queued run has ended at once, a running one ends within seconds; the launcher hears of it once the transaction is
    committed. Raises NotFound with the nearest names, and Conflict when nothing is live.
    """
    pipeline = get_pipeline(session, name, kind=kind)
    live = live_execution(session, pipeline)
    if live is None:
        raise Conflict(f"no run of {pipeline.name} is live, so there is nothing to cancel")
    tell_after_commit(session, launcher, request_cancel(session, live.id, at=at))
    return pipeline.name


def tell_after_commit(session: Session, launcher: Launcher, execution: Execution) -> None:
    """Let the launcher hear of a cancel once the transaction is committed."""
    run_id = execution.dagster_run_id
    if run_id is not None:
        event.listen(session, "after_commit", lambda _: _tell(launcher, run_id), once=True)


def _tell(launcher: Launcher, run_id: str) -> None:
    try:
        launcher.cancel(run_id)
    except Unavailable as error:
        # The run looks into the ledger each second, so it ends all the same.
        logger.warning("the run %s was told through the ledger alone: %s", run_id, error)
