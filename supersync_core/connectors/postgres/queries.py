"""The built-in queries over PostgreSQL's system views, in the shape of Redshift's.

`table_stats`: one row per user table of the database; identified by `database`, `table_id`. From `pg_class` and
`pg_stat_user_tables`: row counts are the statistics collector's, so they lag and may be off after large deletes.
What PostgreSQL has not (distribution, sort keys, compression, time of creation) is null.

`query_history`: PostgreSQL keeps no history of single queries, so a row is a *statement* with counters that grow, with
`query_label` 'aggregated'; identified by `query_id`. From `pg_stat_statements`; where that is not installed or not
loaded there are no rows. `start_time` says since when the counters count (null before PostgreSQL 14, which cannot say).

Lengths and types are Redshift's (SVV_TABLE_INFO, SYS_QUERY_HISTORY), so one target takes either. Times are without
zone, in UTC; durations in microseconds.
"""

from collections.abc import Callable, Mapping

from supersync_core.errors import NotFound

COLUMNS: dict[str, dict[str, str]] = {
    "table_stats": {
        "database": "varchar(128)",
        "schema": "varchar(128)",
        "table_id": "bigint",
        "table_name": "varchar(128)",
        "encoded": "varchar(64)",
        "diststyle": "varchar(256)",
        "sortkey1": "varchar(256)",
        "sortkey_num": "integer",
        "size_mb": "bigint",
        "pct_used": "numeric(10,4)",
        "unsorted": "numeric(5,2)",
        "stats_off": "numeric(5,2)",
        "tbl_rows": "bigint",
        "estimated_visible_rows": "bigint",
        "skew_sortkey1": "numeric(19,2)",
        "skew_rows": "numeric(19,2)",
        "vacuum_sort_benefit": "numeric(12,2)",
        "create_time": "timestamp",
    },
    "query_history": {
        "user_id": "bigint",
        "query_id": "bigint",
        "query_label": "varchar(320)",
        "transaction_id": "bigint",
        "session_id": "integer",
        "database_name": "varchar(128)",
        "query_type": "varchar(32)",
        "status": "varchar(16)",
        "result_cache_hit": "boolean",
        "start_time": "timestamp",
        "end_time": "timestamp",
        "elapsed_time": "bigint",
        "queue_time": "bigint",
        "execution_time": "bigint",
        "compile_time": "bigint",
        "planning_time": "bigint",
        "lock_wait_time": "bigint",
        "returned_rows": "bigint",
        "returned_bytes": "bigint",
        "error_message": "varchar(512)",
        "query_text": "varchar(4000)",
        "generic_query_hash": "varchar(40)",
    },
}
"""Names and types of the columns of each built-in query, the same over every system."""


def select(name: str, expressions: Mapping[str, str], tail: str) -> str:
    """The query `name` as SQL: an expression for each of its columns (null where there is none), and the rest."""
    cast = (
        f'cast({expressions.get(column, "null")} as {kind}) as "{column}"' for column, kind in COLUMNS[name].items()
    )
    return f"select {', '.join(cast)} {tail}"


_TABLE_STATS = select(
    "table_stats",
    {
        "database": "current_database()",
        "schema": "s.schemaname",
        "table_id": "s.relid",
        "table_name": "s.relname",
        "size_mb": "ceil(pg_total_relation_size(s.relid) / 1048576.0)",
        "stats_off": "least(100, 100.0 * s.n_mod_since_analyze / greatest(s.n_live_tup, 1))",
        "tbl_rows": "s.n_live_tup + s.n_dead_tup",
        "estimated_visible_rows": "s.n_live_tup",
    },
    "from pg_stat_user_tables s",
)

_STATEMENTS = {
    "user_id": "case when count(distinct s.userid) = 1 then min(s.userid::bigint) end",
    "query_id": "s.queryid",
    "query_label": "'aggregated'",
    "database_name": "current_database()",
    "query_type": "upper(substring(min(s.query) from '^[[:space:]]*([[:alpha:]]+)'))",
    "elapsed_time": "1000 * sum(s.total_plan_time + s.total_exec_time)",
    "execution_time": "1000 * sum(s.total_exec_time)",
    "planning_time": "1000 * sum(s.total_plan_time)",
    "returned_rows": "sum(s.rows)",
    "query_text": "min(s.query)",
}
# The setting is there only while the library is loaded; without that, reading the view is an error.
_STATEMENTS_FROM = (
    "from pg_stat_statements s where current_setting('pg_stat_statements.max', true) is not null and "
    "s.queryid is not null and s.dbid = (select d.oid from pg_database d where d.datname = current_database()) "
    "group by s.queryid"
)
# `stats_since` is a column of the view from PostgreSQL 17 on; through JSON its absence is a null.
_SINCE = "min((to_jsonb(s) ->> 'stats_since')::timestamptz) at time zone 'UTC'"
_RESET = "(select i.stats_reset from pg_stat_statements_info i) at time zone 'UTC'"


def builtin_query(name: str, has_relation: Callable[[str], bool]) -> str:
    """The SQL of the built-in query `name`; `has_relation` tells which relations are there to be read.

    Raises NotFound naming the queries that there are.
    """
    if name == "table_stats":
        return _TABLE_STATS
    if name == "query_history":
        return _query_history(has_relation)
    raise unknown_query(name)


def unknown_query(name: str) -> NotFound:
    """The error for a built-in query that does not exist."""
    return NotFound(f"there is no built-in query {name!r}; there are: {', '.join(COLUMNS)}")


def _query_history(has_relation: Callable[[str], bool]) -> str:
    if not has_relation("pg_stat_statements"):
        return select("query_history", {}, "where false")
    since = f"coalesce({_SINCE}, {_RESET})" if has_relation("pg_stat_statements_info") else _SINCE
    return select("query_history", {**_STATEMENTS, "start_time": since}, _STATEMENTS_FROM)
