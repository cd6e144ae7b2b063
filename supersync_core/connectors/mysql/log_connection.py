"""The connection over which a server sends its log.

The log is cut into events by mysql-replication. What it does by itself when a connection is lost, connecting anew in
the middle of a transaction, is left out here: the loss is raised.
"""

import select
import socket
import time
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.protocol import MysqlPacket
from pymysqlreplication import BinLogStreamReader

from supersync_core.connectors.mysql.connection import Connection, parse_url, translated
from supersync_core.errors import AbortError, Cancelled, PositionLost, SupersyncError, Unavailable

SILENCE_S = 30.0
"""A server from which nothing comes for so long, not even that nothing comes, is gone."""
HEARTBEAT_S = 0.5
"""So often the server says that nothing comes, and where its log ends."""
CHUNK = 1 << 16
_PURGED = 1236
_FIRST_ID = 1 << 31
"""Replicas have numbers. Ours is among the high ones, that administrators do not give."""


class _Buffer:
    """What has come over a socket. Other than the file that the driver makes, it can tell whether there is more."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket, self._data, self._at = sock, b"", 0

    def read(self, size: int) -> bytes:
        parts, left = [self._data[self._at : self._at + size]], size
        self._at += size
        left -= len(parts[0])
        while left:
            data = self._socket.recv(max(CHUNK, left))
            if not data:
                break
            parts.append(data[:left])
            self._data, self._at = data, min(left, len(data))
            left -= self._at
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def has_more(self, timeout_s: float) -> bool:
        """Whether there is something, after at most so long."""
        if self._at < len(self._data) or (hasattr(self._socket, "pending") and self._socket.pending()):
            return True
        try:
            return bool(select.select([self._socket], [], [], max(0.0, timeout_s))[0])
        except (OSError, ValueError):
            return True  # closed: reading says so

    def close(self) -> None:
        """The socket is closed by its owner."""


class _Connection(Connection):
    """A connection that says when it is lost."""

    _rfile: Any
    _sock: Any

    def connect(self, sock: Any = None) -> None:
        super().connect(sock)
        self._rfile = _Buffer(self._sock)

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:
        try:
            return super()._read_packet(packet_type)  # type: ignore[no-untyped-call]
        except pymysql.OperationalError as error:
            if error.args[0] in (2006, 2013):
                # The library would connect anew by itself.
                raise Unavailable(f"the connection to the log is lost: {error.args[1]}") from error
            raise


class LogConnection:
    """Events behind a place in the log. Used by one thread; only `cancel` by any."""

    def __init__(self, url: str, name: str, file: str, pos: int) -> None:
        """Connect. Raises Unavailable, AccessDenied, PositionLost."""
        self._cancelled = False
        self._connections: list[_Connection] = []
        parameters = {key: value for key, value in parse_url(url).items() if key != "database"}
        settings = {
            **parameters,
            "charset": "utf8mb4",
            "read_timeout": SILENCE_S,
            "connect_timeout": 10,
            "program_name": name,
            # So that a pause of ours does not make the server give up.
            "init_command": "set session net_write_timeout = 86400, wait_timeout = 86400",
        }
        self._reader = BinLogStreamReader(
            connection_settings=settings,
            ctl_connection_settings=dict(settings),
            server_id=_FIRST_ID + time.time_ns() % _FIRST_ID,
            resume_stream=True,
            blocking=True,
            log_file=file,
            log_pos=pos,
            slave_heartbeat=HEARTBEAT_S,
            filter_non_implemented_events=False,
            enable_logging=False,
            pymysql_wrapper=self._connect,
        )
        self._is_open = False

    @property
    def file(self) -> str:
        """The file that events come from now."""
        return str(self._reader.log_file)

    def has_more(self, timeout_s: float) -> bool:
        """Whether an event is there, after at most so long; always at first, as that connects."""
        return not self._is_open or self._connections[0]._rfile.has_more(timeout_s)  # noqa: SLF001

    def event(self) -> Any:
        """The next event of any kind. Raises Unavailable, Cancelled, PositionLost."""
        try:
            with translated():
                event = self._reader.fetchone()
        except PositionLost:
            raise
        except (SupersyncError, OSError) as error:
            if self._cancelled:
                raise Cancelled("cancelled on request") from error
            raise _meant(error) from error
        self._is_open = True
        if event is None:
            raise Unavailable("the server has ended the stream of its log")
        return event

    def cancel(self) -> None:
        """End a running call. From any thread."""
        self._cancelled = True
        for connection in list(self._connections):
            with suppress(OSError, AttributeError):
                connection._sock.shutdown(socket.SHUT_RDWR)  # noqa: SLF001

    def close(self) -> None:
        """Disconnect."""
        for connection in self._connections:
            if connection.open:
                with suppress(OSError, pymysql.Error):
                    connection._force_close()  # type: ignore[attr-defined]  # noqa: SLF001  # says no goodbye

    def _connect(self, **settings: Any) -> _Connection:
        # The library's word for it is going to be none of the driver's.
        settings |= {"database": settings.pop("db", None)}
        connection = _Connection(**settings)
        self._connections.append(connection)
        if self._cancelled:
            raise Cancelled("cancelled on request")
        return connection


def _meant(error: Exception) -> SupersyncError:
    cause = error.__cause__
    if isinstance(cause, pymysql.Error) and cause.args and cause.args[0] == _PURGED:
        return PositionLost(
            f"the server's log does not have what comes after our checkpoint: {cause.args[1]}. Compare the targets with"
            " the source, or delete the pipeline and create it again with a snapshot"
        )
    if isinstance(error, SupersyncError):
        return error
    return (
        Unavailable(f"the connection to the log is lost: {error}")
        if isinstance(error, OSError)
        else AbortError(str(error))
    )
