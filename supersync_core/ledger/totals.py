"""Read and write running totals."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.execution import DURATION_BOUNDS_S, ExecutionState
from supersync_core.ledger.api_tables import Total
from supersync_core.ledger.tables import Execution


def upper_bound(seconds: float) -> float:
    """The smallest of `DURATION_BOUNDS_S` that is not below `seconds`; infinity above them all."""
    place = bisect_left(DURATION_BOUNDS_S, seconds)
    return DURATION_BOUNDS_S[place] if place < len(DURATION_BOUNDS_S) else math.inf


def add_to_totals(session: Session, execution: Execution) -> None:
    """Count an execution that has just been closed."""
    seconds = execution.seconds or 0.0
    new = insert(Total).values(
        pipeline_id=execution.pipeline_id,
        state=execution.state,
        le=upper_bound(seconds),
        runs=1,
        rows_extracted=execution.rows_extracted,
        rows_upserted=execution.counts.upserted,
        seconds=seconds,
        last_ended_at=execution.ended_at,
    )
    sums = {
        name: Total.__table__.c[name] + new.excluded[name]
        for name in ("runs", "rows_extracted", "rows_upserted", "seconds")
    }
    sums["last_ended_at"] = func.greatest(Total.last_ended_at, new.excluded.last_ended_at)
    session.execute(
        new.on_conflict_do_update(index_elements=[Total.pipeline_id, Total.state, Total.le], set_=sums),
    )


@dataclass(frozen=True)
class TotalRow:
    """One row of the totals, without its pipeline."""

    state: ExecutionState
    le: float
    runs: int
    rows_extracted: int
    rows_upserted: int
    seconds: float
    last_ended_at: datetime


def select_totals(session: Session) -> dict[int, Sequence[TotalRow]]:
    """The totals of every pipeline that has some, by pipeline."""
    counters = (Total.runs, Total.rows_extracted, Total.rows_upserted, Total.seconds)
    query = select(Total.pipeline_id, Total.state, Total.le, *counters, Total.last_ended_at)
    found: dict[int, list[TotalRow]] = {}
    for row in session.execute(query):
        found.setdefault(row.pipeline_id, []).append(TotalRow(*row[1:]))
    return {**found}
