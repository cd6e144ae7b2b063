"""A change sink of PostgreSQL and a look at its target, for the tests of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg2
import pytest

from supersync_core.connectors.changes import ChangeSink, SinkContext
from supersync_core.connectors.postgres import build_change_sink
from supersync_core.connectors.postgres.change_sink_config import ChangeSinkConfig
from supersync_core.domain.change import SourceColumn, SourceTable, Unit
from tests.changes import CONTEXT

Query = Callable[..., list[tuple[Any, ...]]]


def sink_of(dsn: str, context: SinkContext = CONTEXT, **config: Any) -> ChangeSink:
    return build_change_sink(ChangeSinkConfig(id="p", dsn=dsn, **config), context)


@pytest.fixture
def sink(target_dsn: str) -> Iterator[ChangeSink]:
    sink = sink_of(target_dsn)
    yield sink
    sink.close()


@pytest.fixture
def query(target_dsn: str) -> Iterator[Query]:
    """What a statement returns at the target."""
    with closing(psycopg2.connect(target_dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def run(statement: str) -> list[tuple[Any, ...]]:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield run


def write(sink: ChangeSink, *units: Unit) -> list[Any]:
    return list(sink.write([change for unit in units for change in unit.changes], units[-1].position))


def ids(query: Query) -> list[int]:
    return [number for (number,) in query("select id from orders order by 1")]


def table(name: str, *columns: tuple[str, str], key: tuple[str, ...] = ("id",), schema: str = "public") -> SourceTable:
    return SourceTable("shop", schema, name, tuple(SourceColumn(n, t, n not in key) for n, t in columns), key)
