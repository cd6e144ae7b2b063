"""The built-in queries over Redshift's system views.

`table_stats` from SVV_TABLE_INFO: it shows no empty table, and to all but superusers nothing without a grant.
`query_history` from SYS_QUERY_HISTORY, or from STL_QUERY on clusters that have not the former (2 to 7 days of queries,
fewer columns). An ordinary user sees only queries of their own.

Every cast to varchar names a length: on Redshift a bare `text` or `varchar` is varchar(256) and cuts.
"""

from collections.abc import Callable

from supersync_core.connectors.postgres.queries import COLUMNS, select, unknown_query
from supersync_core.errors import NotFound

_TABLE_STATS = select(
    "table_stats",
    {
        **{column: column for column in COLUMNS["table_stats"]},
        "database": '"database"',
        "schema": '"schema"',
        "table_name": '"table"',
        "size_mb": "size",
    },
    "from svv_table_info",
)

_PADDED = ("query_label", "database_name", "query_type", "status", "error_message", "query_text", "generic_query_hash")
_SYS_QUERY_HISTORY = select(
    "query_history",
    {
        **{column: column for column in COLUMNS["query_history"]},
        **{column: f"trim({column})" for column in _PADDED},
    },
    "from sys_query_history",
)

_STL_QUERY = select(
    "query_history",
    {
        "user_id": "userid",
        "query_id": "query",
        "query_label": "trim(label)",
        "transaction_id": "xid",
        "session_id": "pid",
        "database_name": 'trim("database")',
        "status": "case aborted when 1 then 'canceled' else 'success' end",
        "start_time": "starttime",
        "end_time": "endtime",
        "elapsed_time": "datediff('microsecond', starttime, endtime)",
        "query_text": "trim(querytxt)",
    },
    "from stl_query",
)


def builtin_query(name: str, has_relation: Callable[[str], bool]) -> str:
    """The SQL of the built-in query `name`; `has_relation` tells which system views the cluster has.

    Raises NotFound when there is no such query, or the cluster has none of the views for it.
    """
    if name == "table_stats":
        return _TABLE_STATS
    if name != "query_history":
        raise unknown_query(name)
    for view, query in (("sys_query_history", _SYS_QUERY_HISTORY), ("stl_query", _STL_QUERY)):
        if has_relation(view):
            return query
    raise NotFound("query_history needs the system view SYS_QUERY_HISTORY or STL_QUERY, and the server has neither")
