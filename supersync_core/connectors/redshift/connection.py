"""One connection to Redshift over the PostgreSQL wire: only what a server of PostgreSQL's version 8 understands."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg2
from psycopg2.extensions import BYTES, connection, new_type, register_type

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.dsn import check_url
from supersync_core.connectors.postgres.cancelling import Canceller
from supersync_core.connectors.postgres.connection import KEEPALIVE, translated
from supersync_core.errors import Cancelled, ConfigError

# Redshift takes no settings it does not know at connect time, and names its encoding UNICODE.
_SETTINGS = (
    "set datestyle to 'ISO'",
    "set timezone to 'UTC'",
    "set extra_float_digits to 2",
    "set statement_timeout to 0",
)
FETCH_ROWS = 1000
"""Rows per FETCH: a cluster of a single node gives no more."""
FETCH_BYTES = 4 << 20
"""Fewer rows are fetched at a time when they are longer than this together."""


class Session:
    """A connection in one read-only transaction, that another thread may cancel."""

    def __init__(self, dsn: str) -> None:
        """Connect and begin; the snapshot is that of the first query."""
        self._cancelled = False
        self._names = (f"supersync_{number}" for number in itertools.count())
        with translated():
            self._connection: connection = psycopg2.connect(**parse_dsn(dsn))
            self._canceller = Canceller(self._connection)
            self._connection.set_client_encoding("UTF8")
            self._connection.autocommit = True
            for setting in _SETTINGS:
                self.execute(setting)
            self._connection.autocommit = False
            self._connection.set_session(isolation_level="REPEATABLE READ", readonly=True)

    @property
    def server(self) -> str:
        """Which database this is: host, port and name."""
        info = self._connection.info
        return f"{info.host}:{info.port}/{info.dbname}"

    def execute(self, query: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement; its rows as Python values. Raises Cancelled once `cancel` was called."""
        self._raise_if_cancelled()
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def description(self, query: Any) -> Sequence[Any]:
        """The driver's descriptions of the columns of a query's result."""
        self._raise_if_cancelled()
        with translated(), self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.description or ()

    def stream(self, query: Any, type_codes: Sequence[int]) -> Iterator["Batch"]:
        """The rows of a query in batches, through a cursor of the server; values as the server prints them."""
        self._raise_if_cancelled()
        with translated(), self._connection.cursor(name=next(self._names)) as cursor:
            register_type(new_type(tuple(type_codes), "AS_PRINTED", BYTES), cursor)
            cursor.execute(query)
            wanted = FETCH_ROWS // 10
            while rows := cursor.fetchmany(wanted):
                batch = Batch(rows)
                yield batch
                self._raise_if_cancelled()
                wanted = max(1, min(FETCH_ROWS, FETCH_BYTES * len(rows) // max(batch.bytes, 1)))

    def cancel(self) -> None:
        """Refuse further statements and cancel the running one. From any thread."""
        self._cancelled = True
        if not self._connection.closed:
            self._canceller.cancel()

    def close(self) -> None:
        """Close; the snapshot ends with it."""
        self._connection.close()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled:
            raise Cancelled("cancelled on request")


class Batch:
    """Rows of one FETCH. Who writes them says how many bytes they were."""

    def __init__(self, rows: list[tuple[Field, ...]]) -> None:
        """Keep the rows."""
        self.rows = rows
        self.bytes = 0


def parse_dsn(dsn: str) -> dict[str, Any]:
    """The driver's parameters from a libpq URL or keywords; `redshift://` is the same as `postgresql://`."""
    scheme, separator, rest = dsn.partition("://")
    if separator:
        check_url(dsn)
        dsn = dsn if scheme.partition("+")[0] not in {"redshift", "postgresql"} else f"postgresql://{rest}"
    try:
        parameters = psycopg2.extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError as error:
        raise ConfigError("not a DSN: write redshift://user:password@host:5439/database, or libpq keywords") from error
    return {"connect_timeout": "10", "application_name": "supersync source", **KEEPALIVE, **parameters}
