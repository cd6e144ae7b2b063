"""`log_cleanup` of a million executions while others write: how long it takes, and how long a writer waits at most.

python -m tests.benchmarks.cleanup
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import quantiles
from threading import Event
from typing import TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.tables import Execution
from supersync_core.services.cleanup import clean_up

T = TypeVar("T")
OLD, YOUNG, PIPELINES, BATCH = 1_000_000, 100_000, 100, 10_000
FILL = f"""
INSERT INTO supersync.pipelines (name, name_key, kind, created_at, updated_at)
    SELECT 'p' || i, 'p' || i, 'external', now(), now() FROM generate_series(1, {PIPELINES}) i;
INSERT INTO supersync.executions (pipeline_id, managed, state, queued_at, started_at, ended_at, judged_at,
      rows_extracted)
    SELECT 1 + n % {PIPELINES}, false, 'succeeded', start, start, start + interval '1 minute', now(), 1000
    FROM generate_series(1, {OLD + YOUNG}) n, LATERAL (SELECT now() - interval '1 minute' * (n % 100000)
      - CASE WHEN n > {YOUNG} THEN interval '120 days' ELSE interval '0' END AS start) times;
UPDATE supersync.executions SET parent_id = id - 1 WHERE id % 10 = 0;
INSERT INTO supersync.check_results (pipeline_id, execution_id, kind, passed, checked_at)
    SELECT pipeline_id, id, 'timeliness', false, now() FROM supersync.executions WHERE id % 10 = 1;
"""


def write(ledger: Ledger, over: Event) -> list[float]:
    """Report runs until it is over; how many milliseconds each start and each end took, its commit included."""
    times = []

    def timed(write: Callable[[Session], T]) -> T:
        begun = time.perf_counter()
        with ledger.begin() as session:
            found = write(session)
        times.append((time.perf_counter() - begun) * 1000)
        return found

    start = text(
        "INSERT INTO supersync.executions (pipeline_id, managed, state, queued_at, started_at)"
        f" VALUES (1 + floor(random() * {PIPELINES})::int, false, 'running', now(), now()) RETURNING id"
    )
    end = text(
        "UPDATE supersync.executions SET state = 'succeeded', ended_at = now(), judged_at = now() WHERE id = :id"
    )
    while not over.is_set():
        written = timed(lambda session: session.scalar(start))
        timed(partial(Session.execute, statement=end, params={"id": written}))
    return times


def main() -> None:
    """Print how it went."""
    with tempfile.TemporaryDirectory(prefix="supersync-bench-") as name, embedded_server(Path(name) / "server") as url:
        migrate(url)
        ledger = open_ledger(url)
        with ledger.begin() as session:
            session.execute(text(FILL))
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        over = Event()
        with ThreadPoolExecutor(2) as pool:
            writers = [pool.submit(write, ledger, over) for _ in range(2)]
            begun = time.perf_counter()
            gone = clean_up(ledger, retention_days=90, batch_size=BATCH, at=utcnow())
            took = time.perf_counter() - begun
            over.set()
            times = sorted(sum((writer.result() for writer in writers), []))
        with ledger.begin() as session:
            ours = Execution.state == ExecutionState.SUCCEEDED
            left = session.scalar(select(func.count()).select_from(Execution).where(ours))
        print(gone)
        print(f"{took:.1f} s; {left} left, of which {len(times) // 2} were written meanwhile")
        print(f"writers: p50 {quantiles(times, n=100)[49]:.1f} ms, p99 {quantiles(times, n=100)[98]:.1f} ms,", end=" ")
        print(f"longest {times[-1]:.0f} ms")
        ledger.engine.dispose()


if __name__ == "__main__":
    main()
