"""How CDC pipelines are: what is shown of them, for one or for many, in a few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.dead_letters import count_dead_letters
from supersync_core.ledger.executions import select_latest_roots
from supersync_core.ledger.pipeline_status import select_statuses
from supersync_core.ledger.tables import Execution, Pipeline

FAILED = "failed"
PRIVATE = "state"
"""Of a position: where a snapshot is, in the words of its connector."""


@dataclass(frozen=True)
class View:
    """`state`: what is wanted, or `failed` when its last run ended by an error that no repetition mends."""

    pipeline: Pipeline
    state: str
    last: Execution | None

    @property
    def error(self) -> str | None:
        """Why it has failed."""
        return str((self.last.error or {}).get("message", "")) if self.state == FAILED and self.last else None


@dataclass(frozen=True)
class SinkPosition:
    """How far a sink is. `age_s`: since that was stored."""

    sink_id: str
    position: Mapping[str, Any]
    age_s: float


@dataclass(frozen=True)
class Operations:
    """How a pipeline goes now. `uptime_s`: since its run began, 0 while none goes on."""

    uptime_s: float
    dead_letters: int
    sink_errors: Mapping[str, str] = field(default_factory=dict)
    positions: Sequence[SinkPosition] = ()
    lag_s: float | None = None
    status: Mapping[str, Any] = field(default_factory=dict)


def view_pipelines(session: Session, pipelines: Sequence[Pipeline]) -> list[View]:
    """All of them, in their order."""
    last = select_latest_roots(session, [pipeline.id for pipeline in pipelines])
    return [View(pipeline, _state(pipeline, last.get(pipeline.id)), last.get(pipeline.id)) for pipeline in pipelines]


def has_failed(execution: Execution | None) -> bool:
    """Whether a run ended by an error that no repetition mends: then it is not started again by itself."""
    if execution is None or execution.state is not ExecutionState.FAILED:
        return False
    return not (execution.error or {}).get("retryable", False)


def _state(pipeline: Pipeline, last: Execution | None) -> str:
    if pipeline.desired_state is not DesiredState.STOPPED and has_failed(last):
        return FAILED
    return pipeline.desired_state.value


def operations(session: Session, pipeline: Pipeline, *, at: datetime) -> Operations:
    """How one pipeline goes."""
    found = select_statuses(session, [pipeline.id]).get(pipeline.id)
    (view,) = view_pipelines(session, [pipeline])
    live = view.last is not None and not view.last.state.is_final
    status: Mapping[str, Any] = found.status if found is not None and live else {}
    began = view.last.started_at if live and view.last is not None else None
    return Operations(
        uptime_s=round((at - began).total_seconds(), 1) if began else 0.0,
        dead_letters=count_dead_letters(session, pipeline.id),
        sink_errors=status.get("sink_errors", {}),
        positions=sink_positions(session, pipeline, at=at),
        lag_s=status.get("lag_seconds"),
        status=status,
    )


def shown_position(position: Mapping[str, Any]) -> dict[str, Any]:
    """A position without what only its connector understands."""
    return {name: value for name, value in position.items() if name != PRIVATE}


def sink_positions(session: Session, pipeline: Pipeline, *, at: datetime) -> list[SinkPosition]:
    """How far each sink is; from where it gets what comes, at first."""
    return [
        SinkPosition(
            row.part, shown_position(row.position["data"]), round(max(0.0, (at - row.updated_at).total_seconds()), 1)
        )
        for row in select_checkpoints(session, pipeline.id)
    ]
