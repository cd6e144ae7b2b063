"""What the database says of itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind
from supersync_core.errors import Unavailable
from supersync_core.ledger.check_tables import CheckRequest
from supersync_core.ledger.database import Ledger, known_revisions, open_ledger
from supersync_core.ledger.diagnostics import select_slow_statements, select_waiting
from supersync_core.services.diagnostics import diagnose
from tests.acceptance.console import until
from tests.core.services.reports import NOON, ended, reported


@contextmanager
def statement(ledger: Ledger, sql: str) -> Iterator[None]:
    """A statement that runs meanwhile."""
    begun = Event()

    def run() -> None:
        with ledger.begin() as session:
            begun.set()
            session.execute(text(sql))

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run)
        begun.wait(10)
        yield
        with ledger.begin() as session:
            session.execute(
                text(
                    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE :sql AND pid <> pg_backend_pid()"
                ),
                {"sql": f"{sql[:30]}%"},
            )
        done.exception(30)


def test_it_knows_the_server_and_the_schema(ledger: Ledger) -> None:
    server = diagnose(ledger).server
    assert server.revision == known_revisions()[-1]
    assert 0 < server.ledger_bytes < server.bytes
    assert 0 < server.connections <= server.max_connections
    assert int(server.version.split(".")[0]) >= 13


def test_it_counts_only_the_sessions_of_the_ledgers_own_database(ledger: Ledger, empty_database_url: str) -> None:
    elsewhere = open_ledger(empty_database_url)
    with elsewhere.begin() as other, ledger.begin() as ours:
        other.execute(text("SELECT 1"))
        ours.execute(text("SELECT 1"))
        assert diagnose(ledger).server.ours == 1
    elsewhere.dispose()


def test_an_old_transaction_is_seen(ledger: Ledger) -> None:
    with ledger.begin() as open_one:
        open_one.execute(text("SELECT 1"))
        server = until(lambda: (found := diagnose(ledger).server).idle_in_transaction and found)
    assert server.longest_s is not None
    assert server.longest_s > 0


def test_a_slow_statement_is_shown_without_its_values(ledger: Ledger) -> None:
    with statement(ledger, "SELECT pg_sleep(30), 'hunter2-canary', 4711"):

        def slow() -> object:
            with ledger.begin() as session:
                return select_slow_statements(session, seconds=0.05, limit=9)

        (found,) = until(slow)  # type: ignore[misc]
    assert found.text == "SELECT pg_sleep(?), ?, ?"
    assert found.application == "supersync"
    assert found.seconds > 0


def test_what_waits_is_counted_with_its_oldest(session: Session) -> None:
    session.add(CheckRequest(kind=CheckKind.FRESHNESS, requested_by="me", requested_at=NOON))
    ended(session, reported(session))
    session.flush()
    waiting = {one.name: (one.count, one.since) for one in select_waiting(session)}
    assert waiting["checks that were asked for"] == (1, NOON)
    assert waiting["successes of others that Dagster has not been told of"][0] == 1
    assert waiting["deliveries on their way"] == (0, None)


def test_every_table_and_index_of_the_schema_is_there(ledger: Ledger) -> None:
    found = diagnose(ledger)
    assert {"executions", "pipelines", "incidents", "tokens"} <= {table.name for table in found.tables}
    assert "ix_executions_history" in {index.name for index in found.indexes}
    assert all(index.needed is False and index.scans == 0 for index in found.unused)


def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        diagnose(open_ledger("postgresql://nobody@127.0.0.1:1/nothing"))


def test_a_fresh_ledger_has_no_time_in_the_future(ledger: Ledger) -> None:
    assert diagnose(ledger).server.started_at < utcnow()
