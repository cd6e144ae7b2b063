"""10,000 executions that finished at once, judged by rules on all six metrics: how long, in several shapes.

python -m tests.benchmarks.judging
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from supersync_core.clock import utcnow
from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.services.judging import judge

WAITING = 10_000
SHAPES = {
    "one pipeline, all in one hour": (1, 10_000, "zscore"),
    "one pipeline, all in one hour, by the median": (1, 10_000, "mad"),
    "100 pipelines": (100, 100, "zscore"),
    "10,000 pipelines": (10_000, 60, "zscore"),
}
"""Pipelines, runs of each that were judged before, and the method of the rules."""

FILL = """
TRUNCATE supersync.pipelines CASCADE;
INSERT INTO supersync.pipelines (name, name_key, kind, created_at, updated_at)
    SELECT 'p' || i, 'p' || i, 'external', now(), now() FROM generate_series(1, :pipelines) i;
INSERT INTO supersync.check_rules (pipeline_id, kind, metric, settings, created_at, updated_at)
    SELECT id, 'anomaly', metric, jsonb_build_object('minimum_executions', 5, 'method', :method), now(), now()
    FROM supersync.pipelines, unnest(ARRAY['total_rows', 'inserts', 'updates', 'soft_deletes', 'duration_seconds',
      'throughput']) metric;
INSERT INTO supersync.executions (pipeline_id, managed, state, queued_at, started_at, ended_at, judged_at,
      rows_extracted, rows_inserted, rows_updated, rows_deleted)
    SELECT id, false, 'succeeded', start, start, start + interval '1 minute' * (1 + random()),
      CASE WHEN n <= :judged THEN now() END, 1000 + 100 * random(), 500 + 50 * random(), 400, 10 * random()
    FROM supersync.pipelines, generate_series(1, :judged + :waiting) n,
      LATERAL (SELECT date_trunc('hour', now()) - interval '2 hours' + interval '1 second' * (n % 3000)
        - interval '24 hours' * CASE WHEN n <= :judged THEN 1 + n % 28 ELSE 0 END AS start) times
"""


def fill(ledger: Ledger, pipelines: int, judged: int, method: str) -> None:
    """Write history and what waits."""
    values = {"pipelines": pipelines, "judged": judged, "method": method, "waiting": WAITING // pipelines}
    with ledger.begin() as session:
        session.execute(text(FILL), values)
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def batches(ledger: Ledger) -> Iterator[tuple[int, int]]:
    """How many each batch judged, and how many of them were unusual."""
    while judged := judge(ledger, at=utcnow()):
        yield len(judged), sum(bool(one.unusual) for one in judged)


def main() -> None:
    """Print a line for each shape."""
    with tempfile.TemporaryDirectory(prefix="supersync-judging-") as home, embedded_server(Path(home)) as url:
        migrate(url)
        ledger = open_ledger(url)
        for name, (pipelines, judged, method) in SHAPES.items():
            fill(ledger, pipelines, judged, method)
            begun = time.monotonic()
            done = list(batches(ledger))
            seconds = time.monotonic() - begun
            count, unusual = (sum(numbers) for numbers in zip(*done, strict=True))
            print(f"| {name} | {count} | {unusual} | {seconds:.1f} |", flush=True)
        ledger.dispose()


if __name__ == "__main__":
    main()
