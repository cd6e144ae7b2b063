"""A cancel ends what runs, and never holds the process up."""

import threading
import time

import psycopg2
import pytest

from supersync_core.connectors.postgres.cancelling import PATIENCE_S
from supersync_core.connectors.postgres.connection import Session
from supersync_core.errors import Cancelled, SupersyncError
from tests.proxy import proxy_to


def test_what_runs_ends(source_dsn: str) -> None:
    session = Session(source_dsn, "test")
    timer = threading.Timer(0.2, session.cancel)
    timer.start()
    with pytest.raises(SupersyncError):
        session.execute("select pg_sleep(60)")
    timer.join()
    with pytest.raises(Cancelled):
        session.execute("select 1")
    session.close()


def test_where_packets_are_swallowed_all_other_threads_run_on(source_dsn: str) -> None:
    parts = psycopg2.extensions.parse_dsn(source_dsn)
    with proxy_to(f"{parts['host']}/.s.PGSQL.{parts['port']}") as line:
        session = Session(psycopg2.extensions.make_dsn(source_dsn, host="127.0.0.1", port=line.port), "test")
        line.silence()
        turns, over = [0], threading.Event()

        def turn() -> None:
            while not over.wait(0.01):
                turns[0] += 1

        other = threading.Thread(target=turn)
        other.start()
        began = time.monotonic()
        session.cancel()
        assert time.monotonic() - began < PATIENCE_S + 1
        over.set()
        other.join()
        assert turns[0] > 10
        line.restore()
        session.close()


def test_a_connection_that_is_closed_has_nothing_to_cancel(source_dsn: str) -> None:
    session = Session(source_dsn, "test")
    session.close()
    session.cancel()
