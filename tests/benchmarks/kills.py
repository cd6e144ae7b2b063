"""The long form of `tests/acceptance/test_kill_streams.py`: many kills, on servers of its own.

    python -m tests.benchmarks.kills [--rounds 200] [--seed 1]

The second half of them begins with a snapshot of tables that are not empty, and begins anew after every `SERIES` kills:
a snapshot is complete after some of them.
"""

import argparse
import random
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from supersync_core.ledger.database import migrate
from supersync_core.ledger.embedded import embedded_server
from tests.acceptance.histories import Histories
from tests.servers import redis_process

SERIES = 8


def main() -> None:
    """Kill, look, and say how often."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    half = given.rounds // 2
    with tempfile.TemporaryDirectory() as home, embedded_server(Path(home)) as url, redis_process() as port:
        kill(url, port, half, given.seed, snapshot=False)
        for done in range(0, half, SERIES):
            kill(url, port, min(SERIES, half - done), given.seed + done, snapshot=True)


def kill(url: str, redis_port: int, rounds: int, seed: int, *, snapshot: bool) -> None:
    databases = [make_url(url).set(database=f"{name}_{seed}_{snapshot}") for name in ("source", "target", "ledger")]
    with closing(psycopg2.connect(dsn(url))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("alter system set synchronous_commit = off")
        for database in databases:
            cursor.execute(f'create database "{database.database}"')
    source, target, ledger = (database.render_as_string(hide_password=False) for database in databases)
    migrate(ledger)
    histories = Histories(dsn(source), dsn(target), ledger, redis_port, seed, snapshot)
    begin = time.monotonic()
    for number in range(rounds):
        histories.round()
        print(f"\r{number + 1} kills", end="", flush=True)
    histories.finish()
    histories.check()
    histories.close()
    seconds = time.monotonic() - begin
    print(f" in {seconds:.0f} s, {len(histories.writer.said)} changes, snapshot: {snapshot}; all is as it must be")
    print(dict(histories.endings))


def dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


if __name__ == "__main__":
    main()
