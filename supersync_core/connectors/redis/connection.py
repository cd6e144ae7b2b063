"""A connection to Redis for many small commands: redis-py connects and logs in, then bytes go by the socket itself.

redis-py's own packing and reading cost 15 microseconds a command; packed by hand and read by hiredis it is one. For
that the socket of its connection is taken, which is private to redis-py.
"""

import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis import exceptions
from redis.connection import Connection, ConnectionPool, parse_url

from supersync_core.errors import AbortError, AccessDenied, ConfigError, SupersyncError, Unavailable

READ_BYTES = 1 << 16
# The first word of what the server says (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors).
_DENIED = ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED")
_LATER = {
    *("OOM", "READONLY", "LOADING", "BUSY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "CLUSTERDOWN", "TRYAGAIN"),
    "UNBLOCKED",
}
_ELSEWHERE = ("MOVED", "ASK", "CROSSSLOT")
WRONG_TYPE = "WRONGTYPE"


class Pipe:
    """One connection: commands go in at one end, replies come out in their order at the other."""

    def __init__(self, uri: str, *, connect_timeout_s: float, send_timeout_s: float) -> None:
        """Connect and log in. Raises Unavailable, AccessDenied or ConfigError, never with the password in it."""
        try:
            options: dict[str, Any] = parse_url(uri)  # type: ignore[no-untyped-call]
        except ValueError:
            raise ConfigError("the URI cannot be read: write redis://user:password@host:6379/0") from None
        options |= {"socket_timeout": send_timeout_s, "socket_connect_timeout": connect_timeout_s, "protocol": 2}
        connection_class = options.pop("connection_class", Connection)
        # Any: the types of redis-py leave these methods out.
        self._connection = cast(Any, ConnectionPool(connection_class, **options).make_connection())
        try:
            self._connection.connect()
        except (exceptions.RedisError, OSError) as error:
            raise translated(error) from error
        self._socket: socket.socket = self._connection._sock
        # The kernel's own time limits: with Python's, each call is several, and between them another thread may go on.
        self._socket.settimeout(None)
        limit = struct.pack("ll", *divmod(int(send_timeout_s * 1_000_000), 1_000_000))
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, limit)
        self._reader = hiredis.Reader()
        # Those that came with others and were not asked for yet.
        self._replies: list[Any] = []

    def send(self, commands: bytes) -> None:
        """Send packed commands. Raises Unavailable."""
        try:
            self._socket.sendall(commands)
        except OSError as error:
            raise Unavailable(f"the connection to Redis is lost: {error}") from error

    def receive(self, count: int, deadline: float) -> list[Any]:
        """That many replies; what the server refused is an hiredis.ReplyError among them. Raises Unavailable."""
        replies, gets = self._replies, self._reader.gets
        while len(replies) < count:
            if time.monotonic() > deadline:
                raise Unavailable("Redis did not answer the batch in time")
            self._reader.feed(self._read())
            while (reply := gets()) is not False:
                replies.append(reply)
        self._replies = replies[count:]
        return replies[:count]

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise Unavailable(f"the connection to Redis is lost: {error}") from error
        if not data:
            raise Unavailable("Redis has closed the connection")
        return data

    def call(self, *words: bytes, deadline: float) -> Any:
        """The reply to one command."""
        self.send(packed(words))
        return self.receive(1, deadline)[0]

    def interrupt(self) -> None:
        """End what waits for the server. From any thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is closed already

    def close(self) -> None:
        """Disconnect."""
        self._connection.disconnect()


def packed(words: Sequence[bytes]) -> bytes:
    """A command as Redis reads it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def translated(error: Exception) -> SupersyncError:
    """The driver's error, or a reply that is one, as ours."""
    message = str(error) or type(error).__name__
    word = message.partition(" ")[0]
    if word in _DENIED or isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return AccessDenied(f"Redis refuses us: {message}")
    if word in _ELSEWHERE:
        return ConfigError(f"the stream lives on another node of a cluster: {message}; name that node in uri")
    if word in _LATER or "max number of clients" in message:
        return Unavailable(f"Redis takes nothing at present: {message}")
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | OSError):
        return Unavailable(f"Redis cannot be reached: {message}")
    return AbortError(f"Redis refuses: {message}")
