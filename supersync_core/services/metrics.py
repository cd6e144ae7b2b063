"""Numbers for a monitoring system, from the ledger: runs happen in other processes, and those come and go."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from supersync_core.domain.execution import DURATION_BOUNDS_S, ExecutionState
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import FINAL_STATES
from supersync_core.ledger.totals import TotalRow, select_totals, upper_bound
from supersync_core.services.board import Snapshot, Standing


@dataclass(frozen=True)
class PipelineMetrics:
    """One pipeline. All but the last three only ever grow, also when history is purged.

    `runs` by how they ended. `durations`: closed runs by the upper bound of their length in seconds, in order, the last
    is infinity; each counts those of the bounds below it, too. `seconds`: of all of them together.
    """

    name: str
    runs: dict[ExecutionState, int]
    durations: Sequence[tuple[float, int]]
    seconds: float
    rows_extracted: int
    rows_upserted: int
    succeeded_at: datetime | None
    paused: bool
    live: bool


def pipeline_metrics(ledger: Ledger, snapshot: Snapshot) -> list[PipelineMetrics]:
    """Every pipeline of the snapshot that supersync runs, by name. Raises Unavailable."""
    with ledger.begin() as session:
        totals = select_totals(session)
    ours = (standing for standing in snapshot.standings if standing.kind is not PipelineKind.EXTERNAL)
    return [_metrics(standing, totals.get(standing.id, ())) for standing in ours]


def _metrics(standing: Standing, totals: Sequence[TotalRow]) -> PipelineMetrics:
    ends = [row.last_ended_at for row in totals if row.state is ExecutionState.SUCCEEDED]
    return PipelineMetrics(
        name=standing.name,
        runs={state: sum(row.runs for row in totals if row.state is state) for state in FINAL_STATES},
        durations=_cumulated(totals),
        seconds=sum(row.seconds for row in totals),
        rows_extracted=sum(row.rows_extracted for row in totals),
        rows_upserted=sum(row.rows_upserted for row in totals),
        succeeded_at=max(ends, default=None),
        paused=not standing.active,
        live=standing.live is not None,
    )


def _cumulated(totals: Sequence[TotalRow]) -> list[tuple[float, int]]:
    counts = dict.fromkeys((*DURATION_BOUNDS_S, math.inf), 0)
    for row in totals:
        # A bound of an older version counts with the next one of today.
        counts[upper_bound(row.le)] += row.runs
    below, cumulated = 0, []
    for bound, count in counts.items():
        below += count
        cumulated.append((bound, below))
    return cumulated
