"""What a CDC pipeline has done: events, bytes, how long it took, and how far it is."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from supersync_core.domain.change import Op, Position
from supersync_core.domain.streak import Streak, last_transaction, parts_of
from supersync_core.engines.cdc.delivery import Delivered
from supersync_core.engines.cdc.reader import Batch

BATCH_BOUNDS = (1, 10, 100, 1_000, 10_000, 100_000)
"""Upper bounds of events in a batch, for its histogram."""
LATENCY_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Upper bounds of the seconds that a sink takes for a batch, tries in vain included."""


class Histogram:
    """How often values were at most so large, and their sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` in order; above the last one is infinity."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def state(self) -> dict[str, Any]:
        """As JSON: how many values in each interval, by its upper bound, and the sum of all."""
        bounds = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        return {"counts": dict(zip(bounds, self._counts, strict=True)), "sum": round(self.sum, 6)}


def _batches() -> Histogram:
    return Histogram(BATCH_BOUNDS)


@dataclass
class Tally:
    """What a pipeline has done since it was started.

    `last_ts_ms`: the source's time of what was committed last; `lag_s`: how late that was; `moved_at`: when, by
    `time.monotonic`.
    """

    events: int = 0
    bytes: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    dead: int = 0
    batches: int = 0
    last_ts_ms: int | None = None
    lag_s: float = 0.0
    moved_at: float = float("-inf")
    position: Position | None = None
    batch_sizes: Histogram = field(default_factory=_batches)
    latencies: dict[str, Histogram] = field(default_factory=dict)

    def counters(self) -> dict[str, Any]:
        """What only ever grows, as JSON; `sink_seconds` by the sinks' ids."""
        return {
            "events": self.events,
            "bytes": self.bytes,
            "dead_letters": self.dead,
            "batch_size": self.batch_sizes.state(),
            "sink_seconds": {sink_id: latency.state() for sink_id, latency in self.latencies.items()},
        }

    def add(self, batch: Batch, delivered: Collection[Delivered]) -> None:
        """Count a committed batch."""
        dead = sum(len(one.refused) for one in delivered)
        for one in delivered:
            if one.error is None and batch.changes:
                self.latencies.setdefault(one.sink.id, Histogram(LATENCY_BOUNDS_S)).add(one.seconds)
        if batch.changes:
            self.batch_sizes.add(len(batch.changes))
        self.events += len(batch.changes)
        self.bytes += batch.bytes
        self.dead += dead
        self.batches += 1
        self.position = batch.position
        for part in parts_of(batch.changes):
            if isinstance(part, Streak):
                self._count(part.op, len(part))
            else:
                for op, count in Counter(change.op for change in part).items():
                    self._count(op, count)
        if batch.changes:
            self.last_ts_ms = last_transaction(batch.changes).ts_ms
            self.moved_at = time.monotonic()
            self.lag_s = max(0.0, round(time.time() - self.last_ts_ms / 1000, 3))

    def _count(self, op: Op, count: int) -> None:
        if op in (Op.CREATE, Op.READ):
            self.created += count
        elif op is Op.UPDATE:
            self.updated += count
        else:
            self.deleted += count
