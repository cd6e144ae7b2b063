"""Numbers of CDC pipelines for a monitoring system, from the ledger: their runs are other processes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.engines.cdc.tally import BATCH_BOUNDS, LATENCY_BOUNDS_S
from supersync_core.ledger.cdc_tables import PipelineStatus
from supersync_core.ledger.dead_letters import count_all_dead_letters
from supersync_core.ledger.pipeline_status import select_statuses
from supersync_core.services.cdc.pipelines import Pipeline, list_cdc_pipelines
from supersync_core.services.cdc.views import View, view_pipelines

Buckets = Sequence[tuple[float, int]]
"""Values by their upper bound, in order, the last is infinity; each counts those of the bounds below it, too."""


@dataclass(frozen=True)
class SinkMetrics:
    """One sink. `seconds`: of all batches together; `failing`: the last thing that it was given has not gone well."""

    id: str
    latencies: Buckets
    seconds: float
    failing: bool


@dataclass(frozen=True)
class StreamMetrics:
    """One CDC pipeline. Counts only ever grow; all are 0 before it has run.

    `refused`: events that were put aside as dead letters, `dead_letters`: those that are still there. `lag_s`: how old
    what was delivered last is while it streams, else since when it does not. `retained_bytes`: log that the source's
    server keeps because of it.
    """

    name: str
    events: int
    bytes: int
    refused: int
    dead_letters: int
    lag_s: float
    batch_sizes: Buckets
    retained_bytes: int
    sinks: Sequence[SinkMetrics]


def stream_metrics(session: Session, *, at: datetime) -> list[StreamMetrics]:
    """Every CDC pipeline, by name."""
    views = view_pipelines(session, list_cdc_pipelines(session))
    ids = [view.pipeline.id for view in views]
    statuses, dead = select_statuses(session, ids), count_all_dead_letters(session)
    return [_metrics(view, statuses.get(view.pipeline.id), dead.get(view.pipeline.id, 0), at=at) for view in views]


def lag_s(view: View, status: PipelineStatus | None, *, at: datetime) -> float:
    """Seconds: what the run says while it streams, else since when nothing has come; 0 before the first run."""
    if status is None:
        return 0.0
    live = view.last is not None and not view.last.state.is_final and not status.status.get("paused")
    said = status.status.get("lag_seconds") if live else None
    if said is not None:
        return float(said)
    return max(0.0, round((at - status.current_at).total_seconds(), 3)) if status.current_at else 0.0


def _metrics(view: View, status: PipelineStatus | None, dead: int, *, at: datetime) -> StreamMetrics:
    counters: Mapping[str, Any] = status.counters if status else {}
    errors = status.status.get("sink_errors", {}) if status else {}
    latencies = counters.get("sink_seconds", {})
    return StreamMetrics(
        name=view.pipeline.name,
        events=counters.get("events", 0),
        bytes=counters.get("bytes", 0),
        refused=counters.get("dead_letters", 0),
        dead_letters=dead,
        lag_s=lag_s(view, status, at=at),
        batch_sizes=_cumulated(counters.get("batch_size", {}), BATCH_BOUNDS),
        retained_bytes=(status.retained_bytes if status else None) or 0,
        sinks=[
            SinkMetrics(
                id=sink_id,
                latencies=_cumulated(latencies.get(sink_id, {}), LATENCY_BOUNDS_S),
                seconds=latencies.get(sink_id, {}).get("sum", 0.0),
                failing=sink_id in errors,
            )
            for sink_id in _sink_ids(view.pipeline)
        ],
    )


def _sink_ids(pipeline: Pipeline) -> list[str]:
    return [str(sink["config"]["id"]) for sink in pipeline.spec["spec"]["sinks"]]


def _cumulated(histogram: Mapping[str, Any], bounds: Sequence[float]) -> Buckets:
    counts = histogram.get("counts", {})
    below, cumulated = 0, []
    for bound, name in [*((bound, f"{bound:g}") for bound in bounds), (math.inf, "+Inf")]:
        below += counts.get(name, 0)
        cumulated.append((bound, below))
    return cumulated
