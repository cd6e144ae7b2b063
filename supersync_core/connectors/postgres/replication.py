"""A connection that speaks the replication protocol
(https://www.postgresql.org/docs/current/protocol-replication.html). Nothing is confirmed but by `send_status`.
"""

import struct
import time
from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import quote_ident
from psycopg2.extras import LogicalReplicationConnection

from supersync_core.connectors.postgres.cancelling import Canceller
from supersync_core.connectors.postgres.connection import connect, translated
from supersync_core.connectors.postgres.pgoutput import EPOCH_MS
from supersync_core.connectors.postgres.pipes import LibpqPipe, Pipe, SocketPipe, is_encrypted
from supersync_core.connectors.postgres.places import format_lsn
from supersync_core.errors import Cancelled

SILENCE_MS = 30_000
"""What we have sent and a vanished server has not acknowledged after so long ends the connection (on Linux)."""
_FOREVER_S = 1e9
_status = struct.Struct(">cQQQqB").pack


class ReplicationConnection:
    """Commands first, then a stream of messages that has no end. Used by one thread; only `cancel` by any."""

    def __init__(self, dsn: str, application_name: str) -> None:
        """Connect. Raises Unavailable, AccessDenied, ConfigError."""
        more = {"connection_factory": LogicalReplicationConnection, "tcp_user_timeout": SILENCE_MS}
        self._connection = connect(dsn, application_name, **more)
        self._canceller = Canceller(self._connection)
        # The driver's type stubs know no replication cursor.
        self._cursor: Any = self._connection.cursor()
        self._pipe: Pipe | None = None
        self._cancelled = False

    def command(self, text: str) -> tuple[Any, ...]:
        """The row that a command of the protocol answers with."""
        if self._cancelled:
            raise Cancelled("cancelled on request")
        with translated():
            self._cursor.execute(text)
            row: tuple[Any, ...] = self._cursor.fetchone()
        return row

    def quoted(self, name: str) -> str:
        """A name as an identifier in a command."""
        return quote_ident(name, self._connection)

    def start(self, slot: str, lsn: int, options: Mapping[str, str]) -> None:
        """Have the server send what was committed after `lsn`. When it refuses, it may be asked again."""
        if is_encrypted(self._connection):
            with translated():
                # The driver's own status messages are put off for ever.
                self._cursor.start_replication(slot, start_lsn=lsn, options=options, status_interval=_FOREVER_S)
            self._pipe = LibpqPipe(self._connection)
        else:
            listed = ", ".join(f"{name} {_literal(value)}" for name, value in options.items())
            command = f"START_REPLICATION SLOT {self.quoted(slot)} LOGICAL {format_lsn(lsn)} ({listed})"
            self._pipe = SocketPipe(self.fileno(), command)

    def fileno(self) -> int:
        """The socket."""
        number: int = self._connection.fileno()
        return number

    def messages(self) -> list[bytes]:
        """The messages that are here, without waiting. Raises what the server gives as its reason to end."""
        assert self._pipe is not None
        return self._pipe.messages()

    def send_status(self, written: int, flushed: int) -> None:
        """Say how far we are. `flushed`: the server need not keep what was committed up to there; 0: nothing new."""
        assert self._pipe is not None
        clock = time.time_ns() // 1000 - EPOCH_MS * 1000
        self._pipe.send(_status(b"r", written, flushed, flushed, clock, 0))

    def cancel(self) -> None:
        """Refuse further commands and cancel the running one. From any thread."""
        self._cancelled = True
        if not self._connection.closed:
            self._canceller.cancel()

    def close(self) -> None:
        """Disconnect."""
        if self._pipe is not None:
            self._pipe.close()
        self._connection.close()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
