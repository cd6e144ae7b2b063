"""One owner per pipeline: a lock of PostgreSQL that the server frees when its connection ends, however it ends."""

from contextlib import suppress
from types import TracebackType

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from supersync_core.errors import Unavailable
from supersync_core.ledger.database import Ledger, translated_errors

CLASS = 0x53594E43
"""First half of the lock's key, which tells it from the advisory locks of others; the second is the pipeline's id."""

_TAKE = text("SELECT pg_try_advisory_lock(:class, :pipeline)")
_FREE = text("SELECT pg_advisory_unlock(:class, :pipeline)")
_ALIVE = text("SELECT 1")
_SIGN = text("SELECT set_config('application_name', :owner, false)")
_END = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = :owner AND datname = current_database() AND usename = current_user"
)


def end_connection(session: Session, owner: str) -> None:
    """End the connection by which `owner` holds its lock: the owner may be frozen, or its machine gone."""
    session.execute(_END, {"owner": owner})


class PipelineLock:
    """The lock on one pipeline, on a connection of its own that bears the owner's name. Leaving the context frees it.

    `owner`: at most 63 ASCII characters, which is what PostgreSQL keeps of a connection's name.
    """

    def __init__(self, ledger: Ledger, pipeline_id: int, owner: str) -> None:
        """Nothing is connected yet."""
        self._ledger, self._pipeline_id, self._owner = ledger, pipeline_id, owner
        self._connection: Connection | None = None

    def __enter__(self) -> "PipelineLock":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Free the lock, and end the connection: a server that is busy notices that only after a while."""
        if self._connection is not None:
            with suppress(Unavailable), translated_errors():
                self._connection.execute(_FREE, {"class": CLASS, "pipeline": self._pipeline_id})
        self._disconnect()

    def hold(self) -> bool:
        """Take the lock, or take it again if the connection was lost. False: somebody else has it.

        Raises Unavailable when the ledger does not answer.
        """
        with translated_errors():
            if self._connection is not None and self._is_alive(self._connection):
                return True
            self._disconnect()
            self._connection = self._ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._connection.execute(_SIGN, {"owner": self._owner})
            key = {"class": CLASS, "pipeline": self._pipeline_id}
            if self._connection.scalar(_TAKE, key):
                return True
        self._disconnect()
        return False

    @staticmethod
    def _is_alive(connection: Connection) -> bool:
        try:
            with translated_errors():
                connection.execute(_ALIVE)
        except Unavailable:
            return False
        return True

    def _disconnect(self) -> None:
        if self._connection is not None:
            # Not back to the pool: the lock would live on with it.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
