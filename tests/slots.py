"""Replication slots of the tests' server."""

from contextlib import suppress

from psycopg2.errors import ObjectInUse

from tests.kept import transaction
from tests.servers import until


def drop_slot(dsn: str, slot: str) -> None:
    """Drop a slot, if it is there, as soon as nobody reads from it."""
    _when_free(dsn, "pg_drop_replication_slot(slot_name)", slot)


def advance_slot(dsn: str, slot: str) -> None:
    """Read from a slot all that there is, as somebody else would, as soon as nobody reads from it."""
    _when_free(dsn, "pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn())", slot)


def _when_free(dsn: str, action: str, slot: str) -> None:
    def done() -> bool:
        # The server's process for a connection ends a moment after the connection.
        with suppress(ObjectInUse), transaction(dsn) as cursor:
            cursor.execute(f"select {action} from pg_replication_slots where slot_name = %s", [slot])
            return True
        return False

    until(done)
