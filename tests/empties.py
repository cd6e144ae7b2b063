"""Empty databases that tests use one after the other: to empty one costs a third of making and dropping one.

A test gets it with nothing in it, no connection but ours, and nothing about it changed.
"""

from collections.abc import Callable

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.reused import OTHERS, Reused

_EMPTY = text(r"""
    SELECT coalesce(string_agg(format('DROP SCHEMA %I CASCADE;', nspname), ' '), '') ||
      ' CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO public;'
    FROM pg_namespace WHERE (oid >= 16384 OR nspname = 'public') AND nspname NOT LIKE 'pg\_%'
""")
"""What empties it: all that is in schemas, which is nearly everything."""
_COUNTED = ("class", "proc", "type", "cast", "language", "extension", "event_trigger", "foreign_data_wrapper")
_COUNTED += ("foreign_server", "publication", "default_acl", "largeobject_metadata", "am", "transform")
_COUNTS = ", ".join(f"(SELECT count(*) FROM pg_{name})" for name in _COUNTED)
_STATE = text(f"""
    SELECT {_COUNTS}, datacl, datallowconn, datconnlimit, datdba,
      (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = pg_database.oid),
      (SELECT count(*) FROM pg_replication_slots WHERE database = datname),
      (SELECT count(*) FROM pg_subscription WHERE subdbid = pg_database.oid),
      (SELECT sum(length(proacl::text)) FROM pg_proc), (SELECT sum(length(relacl::text)) FROM pg_class)
    FROM pg_database WHERE datname = current_database()
""")
"""What is counted the same in all that are as new."""


class Empties(Reused):
    """Without a ledger's schema, or any other."""

    def __init__(self, make: Callable[[], str], drop: Callable[[str], None]) -> None:
        """See `Reused`."""
        super().__init__(make, drop)
        self._connections: dict[str, Connection] = {}
        self._pristine: object = None

    def _connect(self, url: str) -> None:
        self._connections[url] = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
        if self._pristine is None:
            self._pristine = self._connections[url].execute(_STATE).one()

    def _empty(self, url: str) -> bool:
        connection = self._connections[url]
        try:
            is_busy, _ = connection.execute(OTHERS).one()
            if not is_busy:
                connection.exec_driver_sql(connection.execute(_EMPTY).scalar_one().replace("%", "%%"))
            return not is_busy and connection.execute(_STATE).one() == self._pristine
        except DBAPIError:
            return False

    def _disconnect(self, url: str) -> None:
        self._connections.pop(url).invalidate()
