"""GET /api/v1/sync/status with 1,000 jobs and 32 callers, beside a server that asks anew for each of them.

And how long one caller waits for the board with its 1,000 rows.

python -m tests.benchmarks.status [rounds] [seconds]
"""

import json
import os
import re
import signal
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
from sqlalchemy import create_engine, text

from supersync_core.ledger.embedded import embedded_server
from tests.acceptance.console import SUPERSYNC, environment

JOBS, CALLERS = 1000, 32
READY = re.compile(r"supersync is ready at (\S+)")
PATH = "/api/v1/sync/status"
RUNS = """
INSERT INTO supersync.executions (pipeline_id, state, trigger, queued_at, started_at, ended_at, rows_extracted)
SELECT id, 'succeeded', 'schedule', now() - n * interval '1 hour', now() - n * interval '1 hour',
       now() - n * interval '1 hour' + interval '4231 ms', 1247
FROM supersync.pipelines, generate_series(1, 24) n
"""


def configuration() -> str:
    """A thousand jobs that are scheduled, and do not run meanwhile."""
    pipelines = [
        f"  - {{name: job_{n:04}, kind: table_sync, source: {{connection: c, table: t{n}}},"
        f' target: {{connection: c, table: u{n}}}, cron: "{n % 60} {n % 24} 1 1 *"}}'
        for n in range(JOBS)
    ]
    return "connections:\n  c: {type: postgres, dsn: postgresql://nobody@127.0.0.1:1/none}\npipelines:\n" + "\n".join(
        pipelines
    )


@contextmanager
def server(arguments: list[str], directory: Path, name: str, variables: dict[str, str]) -> Iterator[str]:
    """A server's address, once it has said it."""
    log = directory / name
    with log.open("wb") as out:
        process = subprocess.Popen(
            arguments, cwd=directory, env=environment(variables), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        while not (found := READY.search(log.read_text())):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def measure(url: str, seconds: float) -> dict[str, float]:
    """What the callers got."""
    callers = Path(__file__).with_name("callers.py")
    subprocess.run([sys.executable, callers, url + PATH, str(CALLERS), "1"], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, callers, url + PATH, str(CALLERS), str(seconds)], check=True, capture_output=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def board_ms(url: str) -> list[float]:
    """How long the board took, each time; it is compared with nothing."""
    times = []
    with httpx.Client(base_url=url, timeout=60) as client:
        for _ in range(21):
            begun = time.perf_counter()
            page = client.get("/supersync")
            times.append((time.perf_counter() - begun) * 1000)
            if page.text.count("<tr id=") != JOBS:
                raise SystemExit(f"the board has not {JOBS} rows")
    return sorted(times[1:])


def main(rounds: int = 3, seconds: float = 10) -> None:
    """Print a table, and the ratio."""
    with tempfile.TemporaryDirectory(prefix="supersync-bench-") as name:
        directory = Path(name)
        with embedded_server(directory / "server") as url:
            run(directory, url, rounds, seconds)


def run(directory: Path, url: str, rounds: int, seconds: float) -> None:
    """Both servers, in turns."""
    (directory / "supersync.yaml").write_text(configuration())
    data = directory / "data"
    dev = [str(SUPERSYNC), "dev", "--port", "0", "--data-dir", str(data)]
    afresh = [sys.executable, "-m", "tests.benchmarks.afresh", "webserver", "--port", "0"]
    afresh += ["--workspace", str(data / "dagster" / "workspace.yaml"), "--data-dir", str(data)]
    home = {"SUPERSYNC_DATABASE_URL": url, "DAGSTER_HOME": str(data / "dagster"), "PYTHONPATH": os.getcwd()}
    results: dict[str, list[dict[str, Any]]] = {"shared": [], "afresh": []}
    with server(dev, directory, "dev.log", home) as shared_url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(RUNS))
        engine.dispose()
        with server(afresh, directory, "afresh.log", home) as afresh_url:
            for _ in range(rounds):
                results["afresh"].append(measure(afresh_url, seconds))
                results["shared"].append(measure(shared_url, seconds))
        board = board_ms(shared_url)
    for kind, found in results.items():
        middle = {key: median(one[key] for one in found) for key in ("per_s", "p50_ms", "p99_ms")}
        print(f"{kind:8} " + "  ".join(f"{key} {value:8.1f}" for key, value in middle.items()))
    ratio = median(a["per_s"] for a in results["shared"]) / median(b["per_s"] for b in results["afresh"])
    print(f"ratio    {ratio:.1f}")
    print(f"board    median {median(board):.0f} ms, longest {board[-1]:.0f} ms")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
