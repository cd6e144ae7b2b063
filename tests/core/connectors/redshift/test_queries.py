"""The built-in queries, on PostgreSQL with views that have Redshift's names and columns."""

from io import BytesIO

import psycopg2
import pytest

from supersync_core.connectors.base import CopyFormat, TableSource
from supersync_core.connectors.copy_text import read_rows
from supersync_core.connectors.postgres.queries import COLUMNS
from supersync_core.connectors.postgres.table_source import PostgresTableSource
from supersync_core.connectors.redshift.table_source import RedshiftTableSource
from supersync_core.domain.table_sync import Reading, Relation
from supersync_core.errors import NotFound

SVV_TABLE_INFO = """create view svv_table_info as
select current_database()::text as database, 'public'::text as schema, 4711::oid as table_id, 'orders'::text as table,
  'Y, AUTO(ENCODE)'::text as encoded, 'AUTO(ALL)'::text as diststyle, 'AUTO(SORTKEY)'::text as sortkey1,
  40 as max_varchar, 'none'::char(32) as sortkey1_enc, 1 as sortkey_num, 12::bigint as size, 0.0032::numeric(10,4) as
  pct_used, 0::bigint as empty, 1.5::numeric(5,2) as unsorted, 0.25::numeric(5,2) as stats_off, 1000::numeric(38,0) as
  tbl_rows, null::numeric(19,2) as skew_sortkey1, 1.25::numeric(19,2) as skew_rows, 990::numeric(38,0) as
  estimated_visible_rows, null::text as risk_event, null::numeric(12,2) as vacuum_sort_benefit,
  timestamp '2024-05-06 07:08:09.101112' as create_time"""
SYS_QUERY_HISTORY = """create view sys_query_history as
select 100 as user_id, 77::bigint as query_id, 'default   '::char(320) as query_label, 5::bigint as transaction_id,
  6 as session_id, 'dev'::char(128) as database_name, 'SELECT'::char(32) as query_type, 'success'::char(10) as status,
  true as result_cache_hit, timestamp '2024-05-06 07:08:09' as start_time, timestamp '2024-05-06 07:08:10' as end_time,
  1000000::bigint as elapsed_time, 1::bigint as queue_time, 2::bigint as execution_time, 3::bigint as compile_time,
  4::bigint as planning_time, 5::bigint as lock_wait_time, 6::bigint as returned_rows, 7::bigint as returned_bytes,
  ' '::char(512) as error_message, E'select\\n1'::char(4000) as query_text, 'abc='::char(40) as generic_query_hash"""
STL_QUERY = """create view stl_query as
select 100 as userid, 78 as query, 'default'::char(320) as label, 5::bigint as xid, 6 as pid, 'dev'::char(32) as
  database, 'select 1'::char(4000) as querytxt, timestamp '2024-05-06 07:08:09' as starttime,
  timestamp '2024-05-06 07:08:09.5' as endtime, 1 as aborted"""
# Redshift's own function, as far as the query needs it.
DATEDIFF = """create function datediff(part text, since timestamp, till timestamp) returns bigint
  return (extract(epoch from till - since) * case part when 'microsecond' then 1000000 end)::bigint"""
STATEMENTS = """create view pg_stat_statements as
select 10::oid as userid, d.oid as dbid, true as toplevel, -5::bigint as queryid, ' select $1'::text as query,
  1.5::float8 as total_plan_time, 2.25::float8 as total_exec_time, 3::bigint as rows, now() as stats_since
  from pg_database d where datname = current_database() union all
select 10::oid, d.oid, false, -5, ' select $1', 0, 1, 1, now() from pg_database d where datname = current_database()"""


def create(dsn: str, *statements: str) -> None:
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def rows(source: TableSource, name: str) -> list[dict[str, str | None]]:
    relation, out = Relation(query=name), BytesIO()
    with source.open() as session:
        schema = session.describe(relation)
        session.copy(session.plan(relation, schema, Reading(), None), CopyFormat.TEXT, out)
    out.seek(0)
    return [
        dict(zip(schema.names, (None if f is None else f.decode() for f in row), strict=True)) for row in read_rows(out)
    ]


def types(source: TableSource, name: str) -> list[tuple[str, str]]:
    with source.open() as session:
        return [(c.name, c.type.partition("(")[0]) for c in session.describe(Relation(query=name)).columns]


def test_table_statistics_come_from_svv_table_info(source_dsn: str) -> None:
    create(source_dsn, SVV_TABLE_INFO)
    (row,) = rows(RedshiftTableSource(source_dsn), "table_stats")
    assert {name: value for name, value in row.items() if name in ("schema", "table_id", "table_name", "size_mb")} == {
        "schema": "public",
        "table_id": "4711",
        "table_name": "orders",
        "size_mb": "12",
    }
    assert (row["tbl_rows"], row["create_time"]) == ("1000", "2024-05-06 07:08:09.101112")


def test_query_history_comes_from_sys_query_history_without_padding(source_dsn: str) -> None:
    create(source_dsn, SYS_QUERY_HISTORY, STL_QUERY, DATEDIFF)
    (row,) = rows(RedshiftTableSource(source_dsn), "query_history")
    assert (row["query_id"], row["status"], row["query_text"], row["error_message"]) == (
        "77",
        "success",
        "select\n1",
        "",
    )


def test_query_history_comes_from_stl_query_on_an_old_cluster(source_dsn: str) -> None:
    create(source_dsn, STL_QUERY, DATEDIFF)
    (row,) = rows(RedshiftTableSource(source_dsn), "query_history")
    assert (row["query_id"], row["status"], row["elapsed_time"], row["query_type"]) == (
        "78",
        "canceled",
        "500000",
        None,
    )


def test_query_history_without_either_view_is_not_found(source_dsn: str) -> None:
    with pytest.raises(NotFound, match="SYS_QUERY_HISTORY or STL_QUERY"):
        rows(RedshiftTableSource(source_dsn), "query_history")


def test_postgresql_tells_of_its_own_tables(source_dsn: str) -> None:
    create(source_dsn, "create table things as select generate_series(1, 100) as id")
    (row,) = rows(PostgresTableSource(source_dsn), "table_stats")
    assert (row["schema"], row["table_name"], row["size_mb"], row["diststyle"]) == ("public", "things", "1", None)


def test_postgresql_without_statistics_of_statements_has_no_history(source_dsn: str) -> None:
    assert rows(PostgresTableSource(source_dsn), "query_history") == []


def test_statements_of_postgresql_are_one_row_each(source_dsn: str) -> None:
    # The real view has a place in shared memory, which only a restart of the server could give.
    name = psycopg2.extensions.parse_dsn(source_dsn)["dbname"]
    create(source_dsn, STATEMENTS, f'alter database "{name}" set pg_stat_statements.max = 5000')
    (row,) = rows(PostgresTableSource(source_dsn), "query_history")
    assert (row["query_id"], row["query_label"], row["query_type"], row["query_text"]) == (
        "-5",
        "aggregated",
        "SELECT",
        " select $1",
    )
    assert (row["elapsed_time"], row["execution_time"], row["returned_rows"]) == ("4750", "3250", "4")


@pytest.mark.parametrize("name", COLUMNS)
def test_every_system_gives_the_same_columns(source_dsn: str, name: str) -> None:
    create(source_dsn, SVV_TABLE_INFO, SYS_QUERY_HISTORY)
    ours = types(RedshiftTableSource(source_dsn), name)
    # PostgreSQL does not know the length of a result's text.
    assert types(PostgresTableSource(source_dsn), name) == ours
    assert [column for column, _ in ours] == list(COLUMNS[name])


@pytest.mark.parametrize("kind", [PostgresTableSource, RedshiftTableSource])
def test_a_query_that_does_not_exist_is_not_found(source_dsn: str, kind: type[TableSource]) -> None:
    with pytest.raises(NotFound, match="there are: table_stats, query_history"):
        rows(kind(source_dsn), "table_status")  # type: ignore[call-arg]
