"""Read the newest runs of a pipeline with their numbers, and with what these were held to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.api_tables import is_a_run
from supersync_core.ledger.execution_metrics import METRICS
from supersync_core.ledger.tables import Execution


@dataclass(frozen=True)
class MeasuredRun:
    """A closed run. `seconds`: its exact length. `written`: rows inserted and updated. Else None is not reported.

    `flags`: by metric, whether it was found unusual; `bands`: by metric, its bounds and what lies in the middle.
    """

    id: int
    state: ExecutionState
    ended_at: datetime
    seconds: float
    written: int
    numbers: Mapping[Metric, float | None]
    flags: Mapping[str, bool]
    bands: Mapping[str, Sequence[float]]


def select_measured(session: Session, pipeline_id: int, *, limit: int, windows: bool = False) -> list[MeasuredRun]:
    """The newest of them, the oldest first. `windows`: instead of runs the windows of a stream."""
    seconds = func.extract("epoch", Execution.ended_at - Execution.started_at)
    written = func.coalesce(Execution.rows_inserted, 0) + func.coalesce(Execution.rows_updated, 0)
    newest = (
        select(
            *(Execution.id, Execution.state, Execution.ended_at),
            cast(func.coalesce(seconds, 0), DOUBLE_PRECISION).label("seconds"),
            written.label("written"),
            *(Execution.anomaly_flags, Execution.bands),
            *(cast(column, DOUBLE_PRECISION).label(metric.value) for metric, column in METRICS.items()),
        )
        .where(Execution.pipeline_id == pipeline_id, Execution.ended_at.is_not(None))
        .where(Execution.parent_id.is_not(None) if windows else is_a_run)
        .order_by(Execution.ended_at.desc(), Execution.id.desc())
        .limit(limit)
    )
    return [_measured(row) for row in session.execute(newest)][::-1]


def _measured(row: Any) -> MeasuredRun:
    return MeasuredRun(
        id=row.id,
        state=row.state,
        ended_at=row.ended_at,
        seconds=row.seconds,
        written=row.written,
        numbers={metric: getattr(row, metric.value) for metric in METRICS},
        flags=row.anomaly_flags or {},
        bands=row.bands or {},
    )
