"""Numbers of CDC pipelines in Prometheus' words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from supersync_core.services.cdc.metrics import Buckets, StreamMetrics


@dataclass(frozen=True)
class StreamFamilies:
    """The families of all CDC pipelines. Every series is there from the start, at 0."""

    streams: Sequence[StreamMetrics]
    warning_bytes: int

    def collect(self) -> Iterator[Metric]:
        """The families, in a fixed order."""
        yield self._counter("events", "Events that were read and committed", "events")
        yield self._counter("bytes", "Bytes of these as the source's log has them", "bytes")
        yield self._counter("refused_events", "Events that a sink can never take, put aside as dead letters", "refused")
        yield self._gauge("dead_letters", "Dead letters that wait for somebody", "dead_letters")
        yield self._gauge(
            "lag_seconds", "Age of what was delivered last; since when it does not stream, while it does not", "lag_s"
        )
        yield self._gauge("retained_bytes", "Log that the source's server keeps for the pipeline", "retained_bytes")
        level = GaugeMetricFamily("supersync_cdc_retained_warning_bytes", "With more retained log, somebody is told")
        level.add_metric([], self.warning_bytes)
        yield level
        sizes = HistogramMetricFamily("supersync_cdc_batch_size", "Events in a committed batch", labels=["pipeline"])
        for one in self.streams:
            sizes.add_metric([one.name], _buckets(one.batch_sizes), sum_value=one.events)
        yield sizes
        yield from self._sinks()

    def _sinks(self) -> Iterator[Metric]:
        labels = ["pipeline", "sink"]
        latencies = HistogramMetricFamily(
            "supersync_cdc_sink_latency_seconds",
            "How long a sink took for a batch, tries in vain included",
            labels=labels,
        )
        failing = GaugeMetricFamily(
            "supersync_cdc_sink_failing", "1 while a sink does not take anything", labels=labels
        )
        for one in self.streams:
            for sink in one.sinks:
                latencies.add_metric([one.name, sink.id], _buckets(sink.latencies), sum_value=sink.seconds)
                failing.add_metric([one.name, sink.id], int(sink.failing))
        yield from (latencies, failing)

    def _counter(self, name: str, help_text: str, field: str) -> Metric:
        family = CounterMetricFamily(f"supersync_cdc_{name}", help_text, labels=["pipeline"])
        for one in self.streams:
            family.add_metric([one.name], getattr(one, field))
        return family

    def _gauge(self, name: str, help_text: str, field: str) -> Metric:
        family = GaugeMetricFamily(f"supersync_cdc_{name}", help_text, labels=["pipeline"])
        for one in self.streams:
            family.add_metric([one.name], getattr(one, field))
        return family


def _buckets(found: Buckets) -> list[tuple[str, int]]:
    return [("+Inf" if math.isinf(bound) else str(float(bound)), count) for bound, count in found]
