"""One PostgreSQL connection, its settings, and its errors in our words."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import connection, cursor

from supersync_core.connectors.dsn import check_url
from supersync_core.connectors.postgres.cancelling import Canceller
from supersync_core.errors import (
    AbortError,
    AccessDenied,
    BadData,
    Cancelled,
    ConfigError,
    Contention,
    NotFound,
    SchemaMismatch,
    SupersyncError,
    Unavailable,
)

# Text forms must be the same on both sides; UTC and ISO are what every server can read back without loss.
SETTINGS = (
    "-c client_encoding=UTF8 -c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 "
    "-c bytea_output=hex -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
)
# A peer that vanished without a word is noticed within 30 + 3 x 10 seconds.
KEEPALIVE = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# While it connects, the driver has only the server's words, here those for "no".
_REFUSED = ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'FATAL:  role "') + (
    "permission denied to start WAL sender",
    "must be superuser or replication role to start walsender",
)

# By SQLSTATE, the longest prefix decides (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_BY_STATE: dict[str, type[SupersyncError]] = {
    "08": Unavailable,
    "22": BadData,
    "23": BadData,
    "25006": AccessDenied,  # read-only transaction, as on a standby
    "28": AccessDenied,
    "3D000": NotFound,
    "3F000": NotFound,
    "40": Contention,
    "42501": AccessDenied,
    "42703": NotFound,
    "42704": SchemaMismatch,
    "42804": SchemaMismatch,
    "42846": SchemaMismatch,
    "42883": SchemaMismatch,
    "42P01": NotFound,
    "42P10": SchemaMismatch,
    "53": Unavailable,
    "55006": Unavailable,  # a slot that another connection reads from, often our own that is just ending
    "55P03": Contention,
    "55P04": SchemaMismatch,
    "57014": Cancelled,
    "57P": Unavailable,
    "58030": Unavailable,
}


def connect(dsn: str, application_name: str, **more: Any) -> connection:
    """Connect with our settings. Raises ConfigError, Unavailable or AccessDenied, never with the password in it.

    `more`: further parameters of the driver or of libpq; what the DSN says goes before them.
    """
    parameters = parse_dsn(dsn)
    own = parameters.pop("options", "")
    parameters = {"connect_timeout": "10", "application_name": application_name, **KEEPALIVE, **more, **parameters}
    with translated():
        opened: connection = psycopg2.connect(**parameters, options=f"{SETTINGS} {own}")
        return opened


def parse_dsn(dsn: str) -> dict[str, Any]:
    """The driver's parameters from a libpq URL or keywords. Raises ConfigError.

    libpq's own words about one that it cannot read may repeat a part of a password.
    """
    dsn = dsn.replace("postgresql+psycopg2://", "postgresql://", 1)
    if "://" in dsn:
        check_url(dsn)
    try:
        parameters: dict[str, Any] = psycopg2.extensions.parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        raise ConfigError("the DSN cannot be read: write postgresql://user:password@host:port/database") from None
    return parameters


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except psycopg2.Error as error:
        raise _translate(error) from error


def error_of(state: str, message: str) -> SupersyncError:
    """The error for what a server says under an SQLSTATE."""
    for length in (5, 3, 2):
        kind = _BY_STATE.get(state[:length]) if len(state) >= length else None
        if kind:
            return kind(message)
    return AbortError(message)


def _translate(error: psycopg2.Error) -> SupersyncError:
    state = error.pgcode or ""
    message = _message(error)
    if state:
        return error_of(state, message)
    if any(hint in message for hint in _REFUSED):
        return AccessDenied(message)
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        # Without an SQLSTATE the server did not say it: the connection could not be made, or was lost.
        return NotFound(message) if 'database "' in message and "does not exist" in message else Unavailable(message)
    return AbortError(message)


def _message(error: psycopg2.Error) -> str:
    """The server's words: its message, then detail and hint where it gives them."""
    diagnostics = error.diag
    parts = [diagnostics.message_primary, diagnostics.message_detail, diagnostics.message_hint]
    return "; ".join(part for part in parts if part) or str(error).strip() or type(error).__name__


class Session:
    """A connection that another thread may cancel."""

    def __init__(self, dsn: str, application_name: str) -> None:
        """Connect."""
        self._dsn = dsn
        self._cancelled = False
        self._connection = connect(dsn, application_name)
        self._canceller = Canceller(self._connection)
        self._connection.autocommit = True  # transactions are begun and ended by our own statements
        self._cursor: cursor = self._connection.cursor()

    def execute(self, query: Any, parameters: Any = None) -> cursor:
        """Run a statement; its cursor is valid until the next one. Raises Cancelled once `cancel` was called."""
        self._raise_if_cancelled()
        with translated():
            self._cursor.execute(query, parameters)
        return self._cursor

    @property
    def server_version(self) -> int:
        """As 150004 for 15.4."""
        return self._connection.server_version

    @property
    def backend_pid(self) -> int:
        """The server's process for this connection."""
        return self._connection.info.backend_pid

    def text(self, query: sql.Composable) -> str:
        """The statement as this connection would send it."""
        return query.as_string(self._connection)

    def copy(self, query: Any, file: Any, size: int = 1 << 18) -> int:
        """Run a COPY from or to `file`; return its rows."""
        self._raise_if_cancelled()
        with translated():
            self._cursor.copy_expert(query, file, size=size)
        return self._cursor.rowcount

    def copy_in(self, query: Any, rows: BinaryIO) -> int:
        """Run a COPY from `rows`; return their number."""
        return self.copy(query, _Cancellable(rows, self._raise_if_cancelled))

    def cancel(self) -> None:
        """Refuse further statements and cancel the running one. From any thread."""
        self._cancelled = True
        if not self._connection.closed:
            self._canceller.cancel()

    def interrupt(self) -> None:
        """End a running call by ending the connection; needs no answer from the server. From any thread."""
        if self._connection.closed:
            return
        try:
            with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        except (psycopg2.Error, OSError):
            return  # it has ended at this moment

    def close(self) -> None:
        """Close; what is not committed is undone by the server."""
        self._connection.close()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled:
            raise Cancelled("cancelled on request")


class _Cancellable:
    """Rows that end with Cancelled once it was asked for: during a COPY the server's word is heard only at the end."""

    def __init__(self, rows: BinaryIO, raise_if_cancelled: Callable[[], None]) -> None:
        self._rows, self._raise_if_cancelled = rows, raise_if_cancelled

    def read(self, size: int) -> bytes:
        self._raise_if_cancelled()
        return self._rows.read(size)
