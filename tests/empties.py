"""Empty databases that tests use one after the other: to empty one costs a third of making and dropping one.

A test gets it as if it were new: nothing in it, nobody connected, nothing about it changed. Where that is not certain,
it is dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.ledgers import OTHERS

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


@dataclass
class Empties:
    """Those of one worker. `make`: a new database's URL; `drop`: away with one."""

    make: Callable[[], str]
    drop: Callable[[str], None]
    _idle: list[str] = field(default_factory=list)
    _connections: dict[str, Connection] = field(default_factory=dict)
    _pristine: object = None

    def take(self) -> str:
        """The URL of one that is as if it were new."""
        if self._idle:
            return self._idle.pop()
        url = self.make()
        self._connections[url] = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()
        if self._pristine is None:
            self._pristine = self._connections[url].execute(_STATE).one()
        return url

    def give_back(self, url: str) -> None:
        """Empty it for the next test, or drop it."""
        if self._empty(self._connections[url]):
            self._idle.append(url)
        else:
            self._drop(url)

    def close(self) -> None:
        """Drop all."""
        for url in list(self._connections):
            self._drop(url)

    def _empty(self, connection: Connection) -> bool:
        """Whether it is as it was when it was new."""
        try:
            is_busy, _ = connection.execute(OTHERS).one()
            if not is_busy:
                connection.exec_driver_sql(connection.execute(_EMPTY).scalar_one().replace("%", "%%"))
            return not is_busy and connection.execute(_STATE).one() == self._pristine
        except DBAPIError:
            return False

    def _drop(self, url: str) -> None:
        self._connections.pop(url).invalidate()
        self.drop(url)
