"""The Watcher dialect under the load that its original was measured with: shapes, callers and answers are the same.

python -m tests.benchmarks.watcher [rounds] [seconds]
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import orjson
import psutil
from sqlalchemy import create_engine, text

from supersync_core.ledger.embedded import embedded_server
from tests.acceptance.console import SUPERSYNC
from tests.benchmarks.status import server

CONFIGURATION = "connections: {c: {type: postgres, dsn: postgresql://nobody@127.0.0.1:1/none}}\npipelines: []\n"
CALLERS = Path(__file__).with_name("watcher_callers.py")
PIPELINES, NODES = 1000, 300
UNJUDGED_AFTER_S = 10
QUIET_PERCENT, QUIET_FOR_S, SETTLED_WITHIN_S = 25, 8, 180
UNJUDGED = "SELECT count(*) FROM supersync.executions WHERE judged_at IS NULL AND state = 'succeeded'"
ORIGINAL = {
    ("pair", "", 1): 109.8,
    ("pair", "", 8): 131.3,
    ("pair", "", 32): 103.0,
    ("get", "/pipeline", 1): 34.6,
    ("get", "/pipeline", 8): 60.8,
    ("lineage", "new", 1): 4.8,
    ("lineage", "known", 1): 13.6,
    ("lineage", "known", 8): 14.2,
}
"""What the original did in a second, by job, argument and callers. Of an execution's tree it answers one node."""


def measure(url: str, job: str, callers: int, seconds: float, argument: str) -> dict[str, float]:
    """What the callers got."""
    command = [sys.executable, CALLERS, url, job, str(callers), str(seconds), argument]
    found: dict[str, float] = orjson.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def grow(client: httpx.Client) -> int:
    """The root of a tree of executions, of 300 nodes in four levels."""
    pipeline = client.post("/pipeline", json={"name": "tree", "pipeline_type_name": "t"}).json()["id"]

    def start(parent: int | None) -> int:
        begun = {"pipeline_id": pipeline, "parent_id": parent, "start_date": "2026-11-22T10:00:00Z"}
        node: int = client.post("/start_pipeline_execution", json=begun).raise_for_status().json()["id"]
        return node

    root = start(None)
    level = [root]
    for width in (6, 49, NODES - 56):
        level = [start(level[n % len(level)]) for n in range(width)]
    return root


def prepare(client: httpx.Client) -> str:
    """A rule on what each caller reports, so that each run waits for a judgement; a thousand pipelines; the tree."""
    for number in range(32):
        body = {"name": f"caller {number}", "pipeline_type_name": "extraction"}
        pipeline = client.post("/pipeline", json=body).raise_for_status().json()["id"]
        rule = {"pipeline_id": pipeline, "metric_field": "total_rows"}
        client.post("/anomaly_detection_rule", json=rule).raise_for_status()
    metadata = {"description": "A pipeline of many", "owner": "data team", "environment": "production"}
    for number in range(PIPELINES - 32):
        body = {"name": f"pipeline {number}", "pipeline_type_name": "extraction", "pipeline_metadata": metadata}
        client.post("/pipeline", json=body).raise_for_status()
    root = f"/pipeline_execution/{grow(client)}"
    found = orjson.dumps(client.get(root).json()).count(b'"child_executions"')
    if found != NODES:
        raise SystemExit(f"the tree has {found} nodes")
    return root


@contextmanager
def running() -> Iterator[tuple[str, str]]:
    """`supersync dev` on a database of its own: its address, and the database's."""
    with tempfile.TemporaryDirectory(prefix="supersync-bench-") as name:
        directory = Path(name)
        (directory / "supersync.yaml").write_text(CONFIGURATION)
        with embedded_server(directory / "server") as database:
            home = {"SUPERSYNC_DATABASE_URL": database, "PYTHONPATH": os.getcwd()}
            dev = [str(SUPERSYNC), "dev", "--port", "0", "--data-dir", str(directory / "data")]
            with server(dev, directory, "dev.log", home) as url:
                yield url, database


def settle() -> None:
    """Wait until Dagster has taken note of the new pipelines: loaded their assets, and said once how fresh each is."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    while psutil.cpu_percent(interval=QUIET_FOR_S) > QUIET_PERCENT:
        if time.monotonic() > deadline:
            raise SystemExit(f"the machine is still busy {SETTLED_WITHIN_S} s after the pipelines were made")


def unjudged(database: str) -> int:
    """Runs that wait for their checks ten seconds after the load."""
    time.sleep(UNJUDGED_AFTER_S)
    engine = create_engine(database)
    with engine.connect() as connection:
        waiting: int = connection.execute(text(UNJUDGED)).scalar_one()
    engine.dispose()
    return waiting


def main(rounds: int = 3, seconds: float = 10) -> None:
    """Print a table; for the original, what it was measured to do."""
    with running() as (url, database):
        with httpx.Client(base_url=url, timeout=60) as client:
            root = prepare(client)
        settle()
        shapes: dict[tuple[str, str, int], float | None] = {**ORIGINAL, ("get", root, 1): None, ("get", root, 8): None}
        print("| job | callers | per second | p50 ms | p99 ms | x original |\n| --- | --: | --: | --: | --: | --: |")
        for (job, argument, callers), original in shapes.items():
            found: list[dict[str, Any]] = [measure(url, job, callers, seconds, argument) for _ in range(rounds)]
            middle = {key: median(one[key] for one in found) for key in ("per_s", "p50_ms", "p99_ms")}
            ratio = f"{middle['per_s'] / original:.1f}" if original else ""
            waiting = f" ({unjudged(database)} unjudged after {UNJUDGED_AFTER_S} s)" if job == "pair" else ""
            figures = " | ".join(f"{middle[key]:.1f}" for key in middle)
            print(f"| {job} {argument}{waiting} | {callers} | {figures} | {ratio} |", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
