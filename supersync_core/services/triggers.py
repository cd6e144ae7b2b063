"""Ask for runs now: queued executions that the launcher then starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import event
from sqlalchemy.orm import Session

from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.errors import Unavailable
from supersync_core.ledger.triggers import insert_for_all_resting
from supersync_core.services.answers import OneAnswer
from supersync_core.services.executions import open_execution
from supersync_core.services.launcher import Launcher
from supersync_core.services.pipelines import get_pipeline

DEAD_DAEMON_RETRY_S = 30


@dataclass(frozen=True)
class TriggerRequest:
    """What is asked for. `name` None: every pipeline of the kind. `key`: the caller's name for this very request."""

    kind: PipelineKind
    name: str | None = None
    key: str | None = None


def trigger(session: Session, launcher: Launcher, request: TriggerRequest, *, caller: str, at: datetime) -> list[str]:
    """Queue runs, launched in the background once the transaction is committed; the names of their pipelines.

    One pipeline: also a paused one, which stays paused. All: without those that have a live run or are stopped. When
    `caller` asks again with the same key, nothing is done and the names are the same. Raises NotFound with the nearest
    names, Conflict while a run of the one is live, BadData for a key of another request, and Unavailable with nothing
    queued when nobody would start it.
    """
    asked = {"action": "trigger", "kind": request.kind.value, "name": request.name}
    once = OneAnswer(session, caller, request.key, asked, at=at)
    if once.given is not None:
        return list(once.given["triggered"])
    require_daemon(launcher)
    queued = _queue(session, request, at)
    once.keep({"triggered": list(queued)})
    event.listen(session, "after_commit", lambda _: _launch(launcher, queued), once=True)
    return list(queued)


def _launch(launcher: Launcher, queued: Mapping[str, int]) -> None:
    for name, execution_id in queued.items():
        launcher.launch_soon(dagster_key(name), execution_id)


def _queue(session: Session, request: TriggerRequest, at: datetime) -> dict[str, int]:
    """Executions by their pipelines' names."""
    if request.name is None:
        return dict(insert_for_all_resting(session, request.kind, trigger=Trigger.MANUAL, at=at))
    pipeline = get_pipeline(session, request.name, kind=request.kind)
    return {pipeline.name: open_execution(session, pipeline, trigger=Trigger.MANUAL, at=at).id}


def require_daemon(launcher: Launcher) -> None:
    """Raise Unavailable when nobody would start what is queued."""
    daemon = launcher.daemon()
    if daemon.alive:
        return
    seen = f"was last seen {daemon.seen_at.isoformat(timespec='seconds')}" if daemon.seen_at else "was never seen"
    raise Unavailable(
        f"nothing was queued, because the Dagster daemon, which would start it, {seen}: start it with "
        "`dagster-daemon run`, or restart `supersync dev`, then ask again",
        retry_after=DEAD_DAEMON_RETRY_S,
    )
