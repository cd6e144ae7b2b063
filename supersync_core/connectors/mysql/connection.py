"""One connection to MySQL or MariaDB, its settings, and its errors in our words."""

import contextlib
import socket
import ssl
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pymysql
from pymysql.converters import encoders
from pymysql.cursors import Cursor, SSCursor

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.dsn import check_url
from supersync_core.connectors.mysql.rows import fields_of
from supersync_core.errors import (
    AbortError,
    AccessDenied,
    BadData,
    Cancelled,
    ConfigError,
    Contention,
    NotFound,
    SupersyncError,
    Unavailable,
)

# By the server's error number (https://mariadb.com/kb/en/mariadb-error-codes/); 2000 and above are the client's own.
_BY_NUMBER: dict[int, type[SupersyncError]] = {
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1370, 1698, 1820, 1862, 3118, 4151), AccessDenied),
    **dict.fromkeys((1049, 1051, 1054, 1109, 1146, 1305), NotFound),
    **dict.fromkeys((1020, 1205, 1213, 1412), Contention),  # 1412: a table was altered since the snapshot
    **dict.fromkeys((1040, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1927), Unavailable),
    **dict.fromkeys((2002, 2003, 2005, 2006, 2013, 2055), Unavailable),
    **dict.fromkeys((1264, 1292, 1366), BadData),
    1317: Cancelled,
}

# UTC is what `timestamp` values are converted to. A slow target must not make the server give up on us. Padding of
# char(n) is a mode of the server, so without this the same table would look different on another server.
_SETTINGS = (
    "set session time_zone = '+00:00', net_write_timeout = 86400, net_read_timeout = 86400, wait_timeout = 86400,"
    " sql_mode = replace(@@sql_mode, 'PAD_CHAR_TO_FULL_LENGTH', '')"
)
_NO_TIME_LIMIT = {True: "set session max_statement_time = 0", False: "set session max_execution_time = 0"}
CONNECT_S, KILL_S = 10.0, 1.0
# A peer that vanished without a word is noticed within 30 + 3 x 10 seconds.
_KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_OPTIONS = ("ssl_ca", "ssl_cert", "ssl_key", "unix_socket")


def parse_url(url: str) -> dict[str, Any]:
    """The driver's parameters from `mysql://user:password@host:port/database?option=...`. Raises ConfigError."""
    check_url(url)
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in {"mysql", "mariadb"}:
        raise ConfigError("a MySQL connection is written mysql://user:password@host:port/database")
    options = dict(parse_qsl(parts.query))
    if unknown := [name for name in options if name not in _OPTIONS]:
        raise ConfigError(f"unknown option of a MySQL URL: {unknown[0]}; there are: {', '.join(_OPTIONS)}")
    return {
        "host": parts.hostname or "localhost",
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.lstrip("/")) or None,
        **options,
    }


def identifier(name: str) -> str:
    """A name as SQL, in backticks."""
    return "`" + name.replace("`", "``") + "`"


class _StreamCursor(SSCursor):
    """An unbuffered cursor that may be left before its end."""

    _result: Any

    def rows(self) -> Iterator[tuple[Field, ...]]:
        """All rows, which we take apart instead of the driver."""
        count = self._result.field_count
        self._result._read_row_from_packet = lambda packet: fields_of(packet.get_all_data(), count)
        return iter(self.fetchone, None)

    def abandon(self) -> None:
        """Forget the rest. Otherwise the driver reads it all, however long, before it closes."""
        if self._result is not None:
            self._result.unbuffered_active = False


class Connection(pymysql.Connection):
    """The driver's. Those whose URL says nothing about TLS share one context: each new one would read the certificates
    of all authorities, which takes longer than connecting, and no certificate is looked at."""  # noqa: D205

    _context: ssl.SSLContext | None = None

    def _create_ssl_ctx(self, sslp: Any) -> Any:
        make = super()._create_ssl_ctx  # type: ignore[misc]  # the stubs leave it out
        if sslp:
            return make(sslp)
        Connection._context = Connection._context or make(sslp)
        return Connection._context


class Session:
    """A connection that another thread may cancel. Values come as the server prints them, in UTF-8."""

    def __init__(self, url: str) -> None:
        """Connect and set the session up. Raises Unavailable, AccessDenied, NotFound."""
        self._parameters = parse_url(url)
        self.database: str | None = self._parameters["database"]
        self._cancelled = False
        with translated():
            self._socket = _open_socket(self._parameters, CONNECT_S)
            self._connection = _connect(self._parameters, self._socket)
        self.is_mariadb = "MariaDB" in str(self._connection.get_server_info())  # type: ignore[no-untyped-call]
        self._id = int(self._connection.thread_id())  # type: ignore[no-untyped-call]
        self.execute(_SETTINGS)
        self.execute(_NO_TIME_LIMIT[self.is_mariadb])

    def execute(self, query: str) -> list[tuple[Field, ...]]:
        """Run a statement; all its rows. Raises Cancelled once `cancel` was called."""
        with self._running(), self._connection.cursor(Cursor) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def fields(self, query: str) -> list[Any]:
        """The driver's descriptions of the columns of a query's result, which is not fetched."""
        with self._running(), self._connection.cursor(_FieldsCursor) as cursor:
            cursor.execute(query)
            return cursor.fields()

    @contextlib.contextmanager
    def stream(self, query: str) -> Iterator[Iterator[tuple[Field, ...]]]:
        """Run a query; its rows one after the other, never all of them in memory."""
        with self._running():
            cursor = self._connection.cursor(_StreamCursor)
            try:
                cursor.execute(query)
                yield cursor.rows()
                cursor.close()
            except BaseException:
                cursor.abandon()
                self.close()
                raise

    def literal(self, value: str) -> str:
        """A string as SQL, escaped the way this session wants it."""
        return str(self._connection.escape(value))

    def cancel(self) -> None:
        """End what runs, here by closing the socket, there by killing the connection. From any thread."""
        if self._cancelled:
            return
        self._cancelled = True
        self._shut()
        # Not KILL QUERY: between two statements that has no effect, and the next one would run to its end. Without an
        # answer in time the server finds out by itself, when it next writes to the closed socket.
        with contextlib.suppress(SupersyncError), translated():
            second = _connect(self._parameters, _open_socket(self._parameters, KILL_S))
            with contextlib.closing(second), second.cursor() as cursor:
                cursor.execute(f"kill {self._id:d}")

    def close(self) -> None:
        """Close; a snapshot ends with it."""
        if self._connection.open:
            self._connection.close()
        self._shut()
        self._socket.close()

    def _shut(self) -> None:
        # The socket may be closed or not connected any more: then there is nothing left to shut.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        """Turn the driver's errors into ours, and any after `cancel` into Cancelled."""
        if self._cancelled:
            raise Cancelled("cancelled on request")
        try:
            with translated():
                yield
        except SupersyncError as error:
            raise Cancelled("cancelled on request") if self._cancelled else error from error


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except pymysql.Error as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        message = str(error.args[1]) if len(error.args) > 1 else str(error)
        raise _BY_NUMBER.get(number, AbortError)(message) from error


class _FieldsCursor(Cursor):
    """A cursor that shows what the server says of each column, flags and character set included."""

    _result: Any

    def fields(self) -> list[Any]:
        return list(self._result.fields) if self._result is not None else []


def _open_socket(parameters: dict[str, Any], timeout_s: float) -> socket.socket:
    """Connected, with a time limit for what the server shall answer while we log in. Raises Unavailable."""
    try:
        if path := parameters.get("unix_socket"):
            opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            opened.settimeout(timeout_s)
            opened.connect(path)
        else:
            opened = socket.create_connection((parameters["host"], parameters["port"]), timeout_s)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for name, value in _KEEPALIVE.items():
                if option := getattr(socket, name, None):  # not on every system
                    opened.setsockopt(socket.IPPROTO_TCP, option, value)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        _limit(opened, timeout_s)
    except OSError as error:
        raise Unavailable(f"cannot connect to MySQL on {parameters['host']}: {error}") from error
    return opened


def _limit(opened: socket.socket, seconds: float) -> None:
    """How long one read may take; 0 for no limit. The driver has no limit for logging in alone."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(seconds), 0))


def _connect(parameters: dict[str, Any], opened: socket.socket) -> "pymysql.Connection[Cursor]":
    """A connection over our own socket: the driver's may be wrapped for TLS, and could not be shut from outside."""
    connection = Connection(
        **parameters,
        charset="utf8mb4",
        use_unicode=False,
        # Python's types are still written as SQL, while nothing that comes is converted.
        conv={kind: encode for kind, encode in encoders.items() if isinstance(kind, type)},
        program_name="supersync source",
        defer_connect=True,
    )
    try:
        connection.connect(opened.dup())
    except RuntimeError as error:
        # The driver's way to say that a password needs encryption and the package for it is not there.
        raise ConfigError(f"{error}, unless the server offers TLS") from error
    _limit(opened, 0)
    return connection
