"""How messages of a running stream come out of a connection, and how our status goes in.

psycopg2 can read such a stream itself, and does not serve us: it answers the server's keepalives with a position that
nobody has confirmed. As soon as the position that was confirmed last is not below the start of the message that came
last, it confirms whatever the keepalive says. The start of a message is that of its *change*, which in a long
transaction lies far before the end of transactions that were sent earlier, and it is zero for descriptions of tables.
So a keepalive within a transaction can confirm another one that no sink has yet, and a death then loses it.

A plain connection is read by `SocketPipe` straight from its socket, one call for many messages; an encrypted one by
`LibpqPipe` through the libpq that psycopg2 is linked with, which costs some 0.7 microseconds more for each.
"""

import ctypes
import os
import select
import socket
import struct
from typing import Protocol

from psycopg2.extensions import connection

from supersync_core.connectors.postgres.connection import error_of
from supersync_core.connectors.postgres.libpq import function
from supersync_core.errors import SupersyncError, Unavailable

PATIENCE_S = 30.0
"""So long a server may take to begin a stream, or to take our status."""
_RECEIVE_BYTES = 1 << 16
"""At once. Memory for more comes from the system anew for each call, and most calls bring much less."""
_HEADER = 5
"""Bytes before a frame's content: its kind, and its length without the kind."""
_COPY_DATA = ord("d")
_NO_PUBLICATION = "42704"
"""While a stream runs, the one object that it can be said not to exist is the publication: somebody may make it."""
_length = struct.Struct(">I").unpack_from
_frame = struct.Struct(">cI").pack


class Pipe(Protocol):
    """A stream that was started."""

    def messages(self) -> list[bytes]:
        """The messages that are here and whole, without waiting. Raises what the server gives as its reason to end."""

    def send(self, message: bytes) -> None:
        """Send a message. Raises Unavailable."""

    def close(self) -> None:
        """Let go of it; the connection is closed by whoever has made it."""


def _ended(state: str | None, words: list[str | None], otherwise: str) -> SupersyncError:
    """The error for a stream that the server has ended with these words."""
    message = "; ".join(word for word in words if word) or otherwise
    return Unavailable(message) if state is None or state == _NO_PUBLICATION else error_of(state, message)


class SocketPipe:
    """Frames as they are on the wire (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""

    def __init__(self, fileno: int, command: str) -> None:
        """Send the command that starts the stream. libpq, which has made the connection, then only closes it.

        Raises what the server answers; another command may be sent after that.
        """
        # Another name for the socket: libpq has made it one that never waits.
        self._socket = socket.socket(fileno=os.dup(fileno))
        self._parts: list[bytes] = []
        self._have, self._need = 0, _HEADER
        self._frames: list[bytes] = []
        self._error: SupersyncError | None = None
        self._is_open = False
        try:
            self._put(b"Q", command.encode() + b"\0")
            while not self._is_open:
                self._wait(select.POLLIN)
                self._receive()
        except BaseException:
            self._socket.close()
            raise

    def messages(self) -> list[bytes]:
        """See `Pipe`."""
        self._receive()
        frames, self._frames = self._frames, []
        return frames

    def send(self, message: bytes) -> None:
        """See `Pipe`."""
        self._put(b"d", message)

    def close(self) -> None:
        """See `Pipe`."""
        self._socket.close()

    def _put(self, kind: bytes, content: bytes) -> None:
        rest = memoryview(_frame(kind, len(content) + 4) + content)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT)
            except OSError as error:
                raise Unavailable(f"the connection was lost: {error}") from error

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        if not poll.poll(PATIENCE_S * 1000):
            raise Unavailable(f"the server does not answer for {PATIENCE_S:.0f} seconds")

    def _receive(self) -> None:
        try:
            chunk = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            raise Unavailable(f"the connection was lost: {error}") from error
        if not chunk:
            raise self._error or Unavailable("the server has closed the connection")
        self._parts.append(chunk)
        self._have += len(chunk)
        if self._have >= self._need:
            self._cut(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def _cut(self, block: bytes) -> None:
        """Take the frames that are whole; what is left waits for its end."""
        begin, size, add = 0, len(block), self._frames.append
        while size - begin >= _HEADER:
            end = begin + 1 + _length(block, begin + 1)[0]
            if end > size:
                break
            if block[begin] == _COPY_DATA:
                add(block[begin + _HEADER : end])
            else:
                self._on_other(block[begin : begin + 1], block[begin + _HEADER : end])
            begin = end
        rest = block[begin:]
        self._parts, self._have = [rest], len(rest)
        self._need = 1 + _length(rest, 1)[0] if len(rest) >= _HEADER else _HEADER

    def _on_other(self, kind: bytes, content: bytes) -> None:
        if kind == b"W":  # it begins
            self._is_open = True
        elif kind == b"E":
            fields = {field[:1]: field[1:].decode(errors="replace") for field in content.split(b"\0") if field}
            self._error = _ended(fields.get(b"C"), [fields.get(k) for k in (b"M", b"D", b"H")], "the server failed")
        if kind in b"ZcC" or (self._is_open and self._error):
            # It is over. Before it has begun, the server is first heard to its end, so that it can be asked again.
            raise self._error or Unavailable("the server has ended the stream")


class LibpqPipe:
    """The same through libpq."""

    def __init__(self, opened: connection) -> None:
        """The stream must have been started."""
        self._pgconn = ctypes.c_void_p(opened.pgconn_ptr)
        self._buffer = ctypes.c_void_p()
        # Reading never waits; writing may.
        pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        self._get = function("PQgetCopyData", number, pointer, pointer, number)
        self._consume = function("PQconsumeInput", number, pointer)
        self._free = function("PQfreemem", None, pointer)
        self._last_error = function("PQerrorMessage", text, pointer)
        self._result = function("PQgetResult", pointer, pointer)
        self._field = function("PQresultErrorField", text, pointer, number)
        self._clear = function("PQclear", None, pointer)
        self._put = function("PQputCopyData", number, pointer, text, number, waits=True)
        self._flush = function("PQflush", number, pointer, waits=True)

    def messages(self) -> list[bytes]:
        """See `Pipe`."""
        if not self._consume(self._pgconn):
            raise Unavailable(self._last_words())
        get, free, pgconn, buffer = self._get, self._free, self._pgconn, self._buffer
        out, found = ctypes.byref(buffer), []
        while (size := get(pgconn, out, 1)) > 0:
            found.append(ctypes.string_at(buffer, size))
            free(buffer)
        if size < 0 and not found:
            raise self._reason()
        return found

    def send(self, message: bytes) -> None:
        """See `Pipe`."""
        if self._put(self._pgconn, message, len(message)) != 1 or self._flush(self._pgconn) < 0:
            raise Unavailable(self._last_words())

    def close(self) -> None:
        """See `Pipe`."""

    def _reason(self) -> SupersyncError:
        """Why the stream has ended."""
        result = self._result(self._pgconn)
        if not result:
            return Unavailable(self._last_words())
        try:
            state, *words = (self._field(result, ord(field)) for field in "CMDH")
        finally:
            self._clear(result)
        texts = [word.decode(errors="replace") if word else None for word in words]
        return _ended(state.decode() if state else None, texts, self._last_words())

    def _last_words(self) -> str:
        return self._last_error(self._pgconn).decode(errors="replace").strip() or "the server has ended the stream"


def is_encrypted(opened: connection) -> bool:
    """Whether what comes out of the socket must go through libpq: TLS, or GSSAPI encryption."""
    pgconn = ctypes.c_void_p(opened.pgconn_ptr)
    questions = ("PQsslInUse", "PQgssEncInUse")
    return any(function(question, ctypes.c_int, ctypes.c_void_p)(pgconn) for question in questions)
