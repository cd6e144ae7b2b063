"""How fast a backlog of changes is read out of a slot, beside `pg_recvlogical -f /dev/null`, which decodes nothing.

    python -m tests.benchmarks.changes [--rows 500000] [--per-tx 1000] [--repeat 3]

Every run drains a copy of one slot in a process of its own, on an embedded server, and the contenders take turns. The
table is pgbench's accounts. CPU is that of the reading process alone; on a busy machine trust it before the wall time.
"""

import argparse
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from sqlalchemy import make_url

from supersync_core.connectors.changes import SourceContext
from supersync_core.connectors.postgres import ChangeSourceConfig, build_change_source
from supersync_core.connectors.postgres.places import format_lsn, lsn_of, parse_lsn
from supersync_core.domain.change import Change
from supersync_core.domain.envelopes import Native
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.server import Server
from tests.conformance.scenes import until

TABLE, PUBLICATION, MASTER = "accounts", "accounts_pub", "accounts_master"
ROW = "select g, g % 50 + 1, (g * 37) % 100000 - 50000, 'row-' || g from generate_series({}, {}) g"
LIMIT = "pg_recvlogical"
CALM = (100_000, 20, 100)
"""Thresholds of the garbage collector with which a run reads; see the README."""


def work(mode: str) -> Callable[[Sequence[Change]], object]:
    """What is done with the changes: nothing, their values, or the whole event as bytes."""
    native = Native(pipeline="bench", tenant="acme", connector="postgresql", version="1")
    if mode == "values":
        return lambda changes: [change.after.values() for change in changes if change.after is not None]
    return (
        (lambda changes: [native(change) for change in changes]) if mode.startswith("event") else lambda changes: None
    )


def drain(dsn: str, mode: str, slot: str, end: int) -> int:
    """Read up to `end`; how many events."""
    if mode == "events, calm collector":
        gc.set_threshold(*CALM)
    values = {"id": "pg", "dsn": dsn, "publication": PUBLICATION, "slot": slot, "tables": [TABLE]}
    source = build_change_source(ChangeSourceConfig.model_validate(values), SourceContext("bench", "acme"))
    source.open(None)
    do, count, place = work(mode), 0, 0
    while place < end:
        for unit in source.read(1.0):
            do(unit.changes)
            count, place = count + len(unit.changes), lsn_of(unit.position)
    source.close()
    return count


def child(dsn: str, mode: str, slot: str, end: int, recvlogical: str) -> None:
    """Drain the slot and say how it went."""
    begin, used = time.perf_counter(), usage()
    if mode == LIMIT:
        options = ["-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}", "--no-loop"]
        command = [recvlogical, "-d", dsn, "-S", slot, "--start", "-f", "/dev/null", "--endpos", format_lsn(end)]
        subprocess.run([*command, *options], check=True)
        count = 0
    else:
        count = drain(dsn, mode, slot, end)
    wall = time.perf_counter() - begin
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) >> 10
    print(json.dumps({"events": count, "wall": wall, "cpu": usage() - used, "peak": peak}))


def usage() -> float:
    return sum(os.times()[:4])


def prepare(dsn: str, rows: int, per_tx: int) -> int:
    """Make the backlog; where it ends."""
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"alter system set {name} = off")
        cursor.execute("alter system set max_wal_size = '8GB'")
        cursor.execute("select pg_reload_conf()")
        cursor.execute(
            f"create table {TABLE} (aid bigint primary key, bid int not null, abalance int, filler char(84))"
        )
        cursor.execute(f"create publication {PUBLICATION} for table {TABLE}")
        cursor.execute(f"select pg_create_logical_replication_slot('{MASTER}', 'pgoutput')")
        for low in range(1, rows + 1, per_tx):
            cursor.execute(f"insert into {TABLE} {ROW.format(low, min(rows, low + per_tx - 1))}")
        cursor.execute("select pg_current_wal_insert_lsn()")
        (end,) = cursor.fetchone()
        # Behind the end, so that readers see that it is reached.
        cursor.execute(f"update {TABLE} set bid = bid where aid = 1")
        return parse_lsn(end)


def ask(dsn: str, query: str, *parameters: Any) -> bool:
    with closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        try:
            connection.cursor().execute(query, parameters)
        except psycopg2.errors.ObjectInUse:
            return False
        return True


def main() -> None:
    """Run the contenders in turns, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--per-tx", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    modes = (LIMIT, "read", "values", "events", "events, calm collector")
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    with tempfile.TemporaryDirectory() as home, embedded_server(Path(home)) as url:
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        recvlogical = str(Server(Path(home)).binaries / LIMIT)
        end = prepare(dsn, given.rows, given.per_tx)
        for turn in range(given.repeat):
            for number, mode in enumerate(modes):
                slot = f"turn_{turn}_{number}"
                ask(dsn, "select pg_copy_logical_replication_slot(%s, %s)", MASTER, slot)
                arguments = json.dumps([dsn, mode, slot, end, recvlogical])
                done = subprocess.run(
                    [sys.executable, "-m", "tests.benchmarks.changes", "--child", arguments],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                found[mode].append(json.loads(done.stdout))
                until(lambda slot=slot: ask(dsn, "select pg_drop_replication_slot(%s)", slot))
    report(found, given.rows)


def report(found: dict[str, list[dict[str, float]]], rows: int) -> None:
    limit = statistics.median(run["wall"] for run in found[LIMIT])
    print(f"{'contender':24}{'events/s':>10}{'min..max':>16}{'x limit':>9}{'CPU us/event':>14}{'peak MB':>9}")
    for mode, runs in found.items():
        wall = statistics.median(run["wall"] for run in runs)
        rates = sorted(rows / run["wall"] for run in runs)
        cpu = min(run["cpu"] for run in runs) / rows * 1e6
        spread = f"{rates[0] / 1000:.0f}k..{rates[-1] / 1000:.0f}k"
        peak = max(run["peak"] for run in runs)
        print(f"{mode:24}{rows / wall:>10,.0f}{spread:>16}{limit / wall:>9.2f}{cpu:>14.2f}{peak:>9.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*json.loads(sys.argv[2]))
    else:
        main()
