"""Cancel what runs on a connection, however the network is.

psycopg2's own `cancel` keeps Python's lock until the server has answered: while packets are swallowed on the way, no
thread of the process would run, for minutes. libpq's own keeps nobody waiting.
"""

import ctypes
import threading

from psycopg2.extensions import connection as Connection  # noqa: N812  # a class

from supersync_core.connectors.postgres.libpq import function

PATIENCE_S = 1.0
_ERROR_BYTES = 256

_get = function("PQgetCancel", ctypes.c_void_p, ctypes.c_void_p)
_cancel = function("PQcancel", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, waits=True)
_free = function("PQfreeCancel", None, ctypes.c_void_p)


class Canceller:
    """Cancels what runs on one connection (https://www.postgresql.org/docs/current/libpq-cancel.html)."""

    def __init__(self, connection: Connection) -> None:
        """It needs the connection only now."""
        self._request = _get(connection.pgconn_ptr)

    def cancel(self) -> None:
        """Ask the server, and wait a second at most: the request goes on by itself. From any thread.

        What cannot be asked has ended by itself, or will when the network notices.
        """
        thread = threading.Thread(target=self._ask, name="cancel", daemon=True)
        thread.start()
        thread.join(PATIENCE_S)

    def _ask(self) -> None:
        _cancel(self._request, ctypes.create_string_buffer(_ERROR_BYTES), _ERROR_BYTES)

    def __del__(self) -> None:
        """Free it."""
        _free(self._request)
