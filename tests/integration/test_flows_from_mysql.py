"""MariaDB's log through whole pipelines: to PostgreSQL and to NATS, every type compared with the source."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from supersync_core.ledger.database import Ledger
from tests import mariadb
from tests.integration.flows import Flow
from tests.integration.mysql_types import EDGES, FLOATS, KINDS
from tests.integration.test_mysql_to_postgres import differences, floats_that_differ, from_mariadb, from_postgres
from tests.mariadb import binlog_server, new_database
from tests.servers import NatsClient, nats_client, nats_port

__all__ = ["binlog_server", "nats_client", "nats_port"]  # fixtures
pytestmark = pytest.mark.timeout(600)
COLUMNS = {**KINDS, **FLOATS}
ROWS = 500
EXACT = {name: kind for name, kind in KINDS.items() if name != "js"}
"""Documents are parsed on the way, so their numbers are equal as numbers, not as texts."""


DOCUMENTS = "select id, cast(js as char(100000)) from everything order by id"


def documents(rows: list[tuple[Any, ...]]) -> list[Any]:
    return [(number, None if text is None else json.loads(text)) for number, text in rows]


class Everything:
    """A table with every type, in a database of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        declared = ", ".join(f"{name} {kind.declared}" for name, kind in COLUMNS.items())
        self.execute(f"create table everything (id int primary key, {declared})")

    def execute(self, *statements: Any) -> None:
        # Lenient, so that the server takes zero dates.
        lenient = mariadb.connect(self.url, sql_mode="NO_UNSIGNED_SUBTRACTION", charset="utf8mb4")
        with closing(lenient) as connection, connection.cursor() as cursor:
            cursor.execute("set time_zone = '+00:00'")
            for statement in statements:
                cursor.execute(*statement) if isinstance(statement, tuple) else cursor.execute(statement)

    def fill(self, first: int) -> None:
        """Computed rows and those at the ends, numbered from `first`."""
        values = ", ".join(kind.value for kind in COLUMNS.values())
        self.execute(f"insert into everything select seq + {first}, {values} from seq_0_to_{ROWS - 1}")
        for number, edge in enumerate(EDGES, first + ROWS):
            names, marks = "".join(f", {name}" for name in edge), ", %s" * len(edge)
            self.execute((f"insert into everything (id{names}) values (%s{marks})", [number, *edge.values()]))

    def source(self, **config: Any) -> dict[str, Any]:
        return {"type": "mysql", "config": {"id": "my", "dsn": self.url, "tables": ["everything"], **config}}


@pytest.fixture
def everything(binlog_server: str) -> Iterator[Everything]:
    with new_database(binlog_server) as url:
        yield Everything(url)


def test_every_type_is_equal_in_postgres_from_snapshot_and_log(
    everything: Everything, ledger: Ledger, target_dsn: str
) -> None:
    sink = {"type": "postgres", "config": {"id": "pg", "dsn": target_dsn, "target_schema": "public"}}
    everything.fill(0)
    with Flow(ledger, everything.source(snapshot={}), sink).running() as flow:
        flow.arrive()
        assert differences(everything.url, target_dsn, EXACT) == {}
        everything.fill(10_000)
        everything.execute(
            "update everything set id = id + 20000 where id % 3 = 0", "delete from everything where id % 7 = 0"
        )
        flow.arrive()
    assert differences(everything.url, target_dsn, EXACT) == {}
    assert documents(from_mariadb(everything.url, DOCUMENTS)) == documents(from_postgres(target_dsn, DOCUMENTS))
    assert floats_that_differ(everything.url, target_dsn) == []


def test_what_nats_gets_is_what_the_tables_have(
    everything: Everything, ledger: Ledger, nats_client: NatsClient
) -> None:
    sink = {
        "type": "nats",
        "config": {"id": "n", "url": f"nats://127.0.0.1:{nats_client.port}", "subject": "cdc.${source.table}"},
    }
    everything.fill(0)
    # The server takes a megabyte at most, and an update has the row twice.
    everything.execute("update everything set lt = left(lt, 300000), lb = left(lb, 50000)")
    with Flow(ledger, everything.source(snapshot={}), sink).running() as flow:
        flow.arrive()
        everything.execute("update everything set id = id + 10000 order by id")
        flow.arrive()
    events = [json.loads(message.data or b"") for message in nats_client.messages()]
    read, updated = ([one for one in events if one["op"] == op] for op in "ru")
    assert len(read) == len(updated) == ROWS + len(EDGES)
    # The catalogue's texts and the log's bytes say the same, and no event came twice.
    assert [one["after"] for one in read] == [one["before"] for one in updated]
    assert [{**one["before"], "id": one["before"]["id"] + 10_000} for one in updated] == [
        one["after"] for one in updated
    ]
    assert len({one["event_id"] for one in events}) == len(events)
