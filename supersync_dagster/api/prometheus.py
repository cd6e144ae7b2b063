"""Numbers in Prometheus' words, as text or as OpenMetrics."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from supersync_core.domain.execution import ExecutionState
from supersync_core.services.metrics import PipelineMetrics
from supersync_dagster.api.stream_metrics import StreamFamilies

_STATUS = {
    ExecutionState.SUCCEEDED: "success",
    ExecutionState.FAILED: "failed",
    ExecutionState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, eq=False)  # the registry wants it hashable
class Scrape(Collector):
    """One look at all numbers. Every series is there from the start, at 0."""

    pipelines: Sequence[PipelineMetrics]
    daemon_alive: bool
    streams: StreamFamilies

    def collect(self) -> Iterator[Metric]:
        """The families, in a fixed order."""
        yield self._durations()
        yield self._counter("rows_extracted", "Rows read from sources", "rows_extracted")
        yield self._counter("rows_upserted", "Rows inserted or updated in targets", "rows_upserted")
        yield self._runs()
        errors = CounterMetricFamily("supersync_sync_errors", "Runs that failed", labels=["job_id"])
        for one in self.pipelines:
            errors.add_metric([one.name], one.runs[ExecutionState.FAILED])
        yield errors
        yield from self._gauges()
        yield from self.streams.collect()

    def _durations(self) -> Metric:
        family = HistogramMetricFamily(
            "supersync_sync_job_duration_seconds", "Length of runs that have ended", labels=["job_id"]
        )
        for one in self.pipelines:
            buckets = [("+Inf" if math.isinf(bound) else str(bound), count) for bound, count in one.durations]
            family.add_metric([one.name], buckets, sum_value=one.seconds)
        return family

    def _counter(self, name: str, help_text: str, field: str) -> Metric:
        family = CounterMetricFamily(f"supersync_sync_{name}", help_text, labels=["job_id"])
        for one in self.pipelines:
            family.add_metric([one.name], getattr(one, field))
        return family

    def _runs(self) -> Metric:
        family = CounterMetricFamily("supersync_sync_runs", "Runs that have ended", labels=["job_id", "status"])
        for one in self.pipelines:
            for state, word in _STATUS.items():
                family.add_metric([one.name, word], one.runs[state])
        return family

    def _gauges(self) -> Iterator[Metric]:
        succeeded = GaugeMetricFamily(
            "supersync_sync_last_success_timestamp_seconds",
            "End of the last run that succeeded, 0 before the first",
            labels=["job_id"],
        )
        paused = GaugeMetricFamily("supersync_sync_job_paused", "1 while the schedule is paused", labels=["job_id"])
        live = GaugeMetricFamily(
            "supersync_sync_in_progress", "1 while a run is going on or waits to begin", labels=["job_id"]
        )
        for one in self.pipelines:
            succeeded.add_metric([one.name], one.succeeded_at.timestamp() if one.succeeded_at else 0)
            paused.add_metric([one.name], int(one.paused))
            live.add_metric([one.name], int(one.live))
        daemon = GaugeMetricFamily("supersync_daemon_up", "1 while Dagster's daemon gives signs of life")
        daemon.add_metric([], int(self.daemon_alive))
        yield from (succeeded, paused, live, daemon)


def exposition(scrape: Scrape, accept: str) -> tuple[bytes, str]:
    """The body and its content type, in the form that `accept` prefers."""
    encoder, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(scrape)
    return encoder(registry), content_type
