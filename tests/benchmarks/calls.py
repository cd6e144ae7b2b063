"""How fast calls come in from files: `python -m tests.benchmarks.calls [--calls 1000000]`.

On a PostgreSQL of its own, which is both ledger and target. Beside the pipeline: the same rows by one COPY, without a
checkpoint, a check or a ledger, which is the most that the server gives.
"""

import argparse
import resource
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from demo.calls import write_csv
from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.services.configuration import Configuration, apply_configuration
from supersync_core.services.configuration.build import build_configuration
from supersync_core.services.run import run_pipeline

START, END = datetime(2025, 1, 1, tzinfo=timezone.utc), utcnow()
FILES = 4
TABLE = (
    "create table plain (call_id text primary key, started_at timestamptz, duration_s int, direction text,"
    " from_number text, to_number text, status text, campaign text)"
)


def copied(dsn: str, folder: Path) -> float:
    """Seconds for COPY alone."""
    begun = time.monotonic()
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        for path in sorted(folder.glob("*.csv")):
            with path.open() as file:
                cursor.copy_expert("copy plain from stdin csv header", file)
    return time.monotonic() - begun


def configured(folder: Path, dsn: str, workers: int) -> Configuration:
    """One agency."""
    configuration, problems = build_configuration(
        {
            "connections": {
                "files": {"type": "call_files", "path": str(folder)},
                "lake": {"type": "postgres", "dsn": dsn},
            },
            "pipelines": [
                {
                    "name": "calls",
                    "kind": "historical_sync",
                    "source": {"connection": "files"},
                    "target": {"connection": "lake"},
                    "agency": "7a0c0000-0000-0000-0000-000000000001",
                    "days": 3660,
                    "workers": workers,
                }
            ],
        }
    )
    assert configuration is not None, problems
    return configuration


def timed(ledger: Ledger, configuration: Configuration) -> tuple[float, int, int]:
    """Seconds, new calls, and those that were there."""
    begun = time.monotonic()
    counts = run_pipeline(ledger, configuration.connections, "calls", trigger=Trigger.MANUAL).counts
    return time.monotonic() - begun, counts.inserted, counts.unchanged


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    calls = parser.parse_args().calls
    with tempfile.TemporaryDirectory() as name, embedded_server(Path(name) / "data") as url:
        folder = Path(name) / "calls"
        folder.mkdir()
        for number in range(FILES):
            write_csv(folder / f"{number}.csv", calls // FILES, START, END, seed=number)
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        migrate(url)
        ledger = open_ledger(url)
        seconds = copied(dsn, folder)
        print(f"| one COPY into a table with a key | {calls:,} | {seconds:.1f} | {calls / seconds:,.0f} |")
        for workers in (1, 2):
            configuration = configured(folder, dsn, workers)
            apply_configuration(ledger, configuration, utcnow())
            with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
                cursor.execute("drop table if exists public.calls")
            for what in ("all new", "all there"):
                seconds, new, known = timed(ledger, configuration)
                assert new + known == calls
                print(f"| {what}, {workers} workers | {calls:,} | {seconds:.1f} | {calls / seconds:,.0f} |")
        ledger.dispose()
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main()
