"""One value of one row."""

from psycopg2 import sql

from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.merge import relation
from supersync_core.domain.table import TableName

TIMEOUT = "5s"


def find_value(dsn: str, table: TableName, key: tuple[str, str], column: str) -> str | None:
    """The column's value, as text, of the row whose key (name, value) is that; None without one.

    Raises what a connection raises, and NotFound for a table or column that is not there.
    """
    session = Session(dsn, "supersync lookup")
    try:
        session.execute("select set_config('statement_timeout', %s, false)", (TIMEOUT,))
        found = session.execute(
            sql.SQL("select {}::text from {} where {} = {} limit 1").format(
                sql.Identifier(column), relation(table), sql.Identifier(key[0]), sql.Literal(key[1])
            )
        ).fetchone()
    finally:
        session.close()
    return str(found[0]) if found and found[0] is not None else None
