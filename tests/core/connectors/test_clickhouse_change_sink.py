"""What ClickHouse's change sink asks over HTTP. No server of ClickHouse is here: `tests/clickhouse.py` answers."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from supersync_core.connectors.clickhouse import build_change_sink
from supersync_core.connectors.clickhouse.change_config import ChangeSinkConfig
from supersync_core.connectors.clickhouse.connection import translated
from supersync_core.connectors.clickhouse.tables import clickhouse_type, position_version
from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.mysql.places import Place as MysqlPlace
from supersync_core.connectors.postgres.places import Place as PostgresPlace
from supersync_core.connectors.postgres.places import Progress
from supersync_core.domain.change import Change, Op, Position, SourceColumn, SourceTable, Transaction, Unit
from supersync_core.domain.table import Column
from supersync_core.errors import AccessDenied, BadData, NotFound, SchemaMismatch, SupersyncError, Unavailable
from tests.changes import CONTEXT, KEYLESS, ORDERS, order, orders
from tests.clickhouse import Clickhouse
from tests.listener import Listener, listener

TABLE = "`lake`.`orders`"


@pytest.fixture
def server() -> Iterator[Listener]:
    with listener() as server:
        yield server


@pytest.fixture
def fake(server: Listener) -> Clickhouse:
    fake = Clickhouse()
    server.answer = fake.answer
    return fake


@pytest.fixture
def make_sink(server: Listener) -> Iterator[Any]:
    """Sinks that are closed after the test."""
    made: list[Any] = []

    def make(**config: Any) -> Any:
        config = {"id": "c", "url": server.url, "database": "lake", "table": "orders", **config}
        made.append(build_change_sink(ChangeSinkConfig(**config), CONTEXT))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def write(sink: Any, unit: Unit) -> list[Any]:
    return list(sink.write(unit.changes, unit.position))


def test_a_table_for_every_change_is_made_with_the_sources_columns(make_sink: Any, fake: Clickhouse) -> None:
    write(make_sink(), orders(1))
    assert fake.statements == [
        "create table if not exists `lake`.`orders` (`id` Int32, `name` Nullable(String),"
        " `amount` Nullable(Decimal(10, 2)), `_op` LowCardinality(String), `_version` UInt64, `_deleted` UInt8,"
        " `_source_ts` DateTime64(3, 'UTC')) engine = MergeTree order by (`id`, _version)"
    ]
    assert fake.rows[TABLE] == [
        {**order(1), "_op": "c", "_version": 1 << 16, "_deleted": 0, "_source_ts": "1700000000.000"}
    ]


def test_a_table_of_the_present_state_replaces_by_version(make_sink: Any, fake: Clickhouse) -> None:
    write(make_sink(mode="upsert"), orders(1))
    assert fake.statements[0].endswith(" engine = ReplacingMergeTree(_version, _deleted) order by (`id`)")


def test_versions_grow_and_deletions_are_marked(make_sink: Any, fake: Clickhouse) -> None:
    log = MemoryChangeLog()
    sink = make_sink(mode="upsert")
    write(sink, orders(1, log=log))
    write(sink, log.commit((Op.UPDATE, ORDERS, None, order(1, "new")), (Op.DELETE, ORDERS, {"id": 1}, None)))
    found = [(row["_op"], row["_deleted"], row["_version"]) for row in fake.rows[TABLE]]
    assert found == [("c", 0, 1 << 16), ("u", 0, 2 << 16), ("d", 1, 2 << 16 | 1)]
    assert fake.rows[TABLE][-1].keys() == {"id", "_op", "_version", "_deleted", "_source_ts"}


def test_a_key_that_changes_leaves_no_row_under_the_old_one(make_sink: Any, fake: Clickhouse) -> None:
    unit = MemoryChangeLog().commit((Op.UPDATE, ORDERS, {"id": 1}, order(2)))
    write(make_sink(mode="upsert"), unit)
    assert [(row["id"], row["_deleted"]) for row in fake.rows[TABLE]] == [(1, 1), (2, 0)]


def test_a_truncation_empties_the_present_state_and_is_a_row_among_the_changes(
    make_sink: Any, fake: Clickhouse
) -> None:
    log = MemoryChangeLog()
    changes = [
        (Op.CREATE, ORDERS, None, order(1)),
        (Op.TRUNCATE, ORDERS, None, None),
        (Op.CREATE, ORDERS, None, order(2)),
    ]
    write(make_sink(mode="upsert"), log.commit(*changes))
    assert [row["id"] for row in fake.rows[TABLE]] == [2]
    write(make_sink(table="log"), log.commit(*changes))
    assert [row["_op"] for row in fake.rows["`lake`.`log`"]] == ["c", "t", "c"]


def test_a_value_that_the_log_does_not_tell_comes_from_the_row_before_or_is_refused(
    make_sink: Any, fake: Clickhouse
) -> None:
    after = {**order(1, amount="2.00"), "name": {"_unchanged": True}}
    unit = MemoryChangeLog().commit((Op.UPDATE, ORDERS, order(1, "kept"), after), (Op.UPDATE, ORDERS, None, after))
    (refusal,) = write(make_sink(), unit)
    assert (refusal.change, "replica identity" in refusal.message) == (unit.changes[1], True)
    assert [row["name"] for row in fake.rows[TABLE]] == ["kept"]


def test_new_columns_are_added(make_sink: Any, fake: Clickhouse) -> None:
    log, sink = MemoryChangeLog(), make_sink()
    write(sink, orders(1, log=log))
    wider = SourceTable("shop", "public", "orders", (*ORDERS.columns, SourceColumn("x`y", "date", True)), ("id",))
    write(sink, log.insert(wider, {**order(2), "x`y": "2024-01-02"}))
    assert fake.statements[1] == r"alter table `lake`.`orders` add column if not exists `x\`y` Nullable(Date32)"


def test_without_auto_create_what_is_missing_is_an_abort(make_sink: Any, fake: Clickhouse) -> None:
    with pytest.raises(NotFound, match="auto_create"):
        write(make_sink(auto_create=False), orders(1))


def test_the_present_state_needs_a_primary_key(make_sink: Any, fake: Clickhouse) -> None:
    unit = MemoryChangeLog().insert(KEYLESS, {"line": "a"})
    with pytest.raises(SchemaMismatch, match="primary key"):
        write(make_sink(mode="upsert"), unit)
    write(make_sink(table="log"), unit)
    assert fake.statements[0].endswith("order by (_version)")


def test_a_repetition_has_the_token_of_the_first(make_sink: Any, fake: Clickhouse) -> None:
    unit = orders(1, 2)
    for _ in range(2):
        write(make_sink(), unit)
    write(make_sink(), orders(1))
    assert fake.tokens[0] == fake.tokens[1] != fake.tokens[2]


def test_rows_that_cannot_be_parsed_are_refused_and_their_neighbours_are_not(make_sink: Any, fake: Clickhouse) -> None:
    fake.bad = {3, 6}
    unit = orders(*range(1, 9))
    refused = write(make_sink(), unit)
    assert [(refusal.change, refusal.kind) for refusal in refused] == [
        (unit.changes[i], "serialization") for i in (2, 5)
    ]
    assert [row["id"] for row in fake.rows[TABLE]] == [1, 2, 4, 5, 7, 8]


def test_login_is_in_headers_and_not_in_the_address(make_sink: Any, fake: Clickhouse, server: Listener) -> None:
    write(make_sink(user="me", password="hunter2"), orders(1))
    assert {request.headers["x-clickhouse-key"] for request in server.requests} == {"hunter2"}
    assert not any("hunter2" in request.path for request in server.requests)
    assert "hunter2" not in repr(ChangeSinkConfig(id="c", url="http://x", database="d", table="t", password="hunter2"))


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (403, "Code: 516. DB::Exception: Authentication failed", AccessDenied),
        (401, "no", AccessDenied),
        (404, "Code: 81. DB::Exception: Database lake does not exist", NotFound),
        (400, "Code: 27. DB::Exception: Cannot parse input", BadData),
        (400, "Code: 117. DB::Exception: Unknown field", SchemaMismatch),
        (500, "Code: 252. DB::Exception: Too many parts", Unavailable),
        (500, "Code: 241. DB::Exception: Memory limit exceeded", Unavailable),
        (502, "Bad gateway", Unavailable),
    ],
)
def test_each_error_is_told_apart(status: int, text: str, kind: type[SupersyncError]) -> None:
    assert type(translated(httpx.Response(status, text=text))) is kind


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("boolean", "Bool"),
        ("bigint", "Int64"),
        ("numeric(12,2)", "Decimal(12, 2)"),
        ("numeric(20,0)", "Decimal(20, 0)"),
        ("numeric", "String"),
        ("timestamp with time zone", "DateTime64(6, 'UTC')"),
        ("timestamp(3) without time zone", "DateTime64(6)"),
        ("timestamp with time zone[]", "String"),
        ("jsonb", "String"),
    ],
)
def test_types_have_a_counterpart(kind: str, expected: str) -> None:
    assert clickhouse_type(Column("c", kind)) == expected


def test_versions_order_as_the_log_does() -> None:
    def version(connector: str, position: Position, index: int) -> int:
        tx = Transaction("1", position, 0, {}, "")
        return position_version(Change(Op.CREATE, ORDERS, tx, index, None, None), connector)

    snapshot, log = PostgresPlace(0x16_B374_D848, "o", snapshot=Progress(1, first=True)), PostgresPlace(0, "o")
    early, late = log.at(0x16_B374_D849, 1), log.at(0x16_B374_D859, 2)
    # A later transaction wins over an earlier one, whatever the place within each.
    postgres = [(snapshot.position(), 9), (early, 3), (early, 4), (late, 0)]
    versions = [version("postgresql", position, index) for position, index in postgres]
    assert versions == sorted(set(versions))
    assert max(versions) < 2**64
    mysql = [MysqlPlace(*place, "o").position() for place in (("l.03", 4), ("l.03", 2**31), ("l.04", 4))]
    versions = [version("mysql", position, 5) for position in mysql]
    assert versions == sorted(set(versions))
    assert max(versions) < 2**64
