"""Ledgers that tests use one after the other: to empty one takes half of the time of making one, and it stays warm.

Its connection knows the tables already, and its engine has compiled the statements. A test gets it as if it were new:
no row, no number that was given out, nobody connected. Where that is not certain, it is dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker

from supersync_core.ledger.database import Ledger, open_ledger

USES = 50
"""Then it is dropped: rows that are gone take up room until somebody vacuums."""
ROWS = 2_000
"""After so many of them in one table, too."""

OTHERS = text(
    "SELECT coalesce(bool_or(state <> 'idle'), false), count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'"
)
"""Ends all other connections; whether one of them is at work."""
_OWN = 16384  # objects with smaller numbers are PostgreSQL's
_NUMBERS = {name: "oid" for name in ("class", "constraint", "trigger", "proc", "namespace")} | {"attribute": "attrelid"}
_ALTERED = " OR ".join(
    f"EXISTS (SELECT FROM pg_{name} WHERE {number} >= {_OWN} AND age(xmin) < age(%3$L::xid))"
    for name, number in _NUMBERS.items()
)
_PRISTINE = text(f"""
    SELECT format(
      'PREPARE differences AS SELECT NULL AS name, true AS is_much WHERE'
      '    (SELECT count(*) FROM pg_class) <> %s'
      ' OR (SELECT version_num FROM supersync.alembic_version) IS DISTINCT FROM %L'
      ' OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase ='
      '    (SELECT oid FROM pg_database WHERE datname = current_database()))'
      ' OR {_ALTERED}',
      (SELECT count(*) FROM pg_class), (SELECT version_num FROM supersync.alembic_version), pg_current_xact_id()::xid
    ) || string_agg(
      format(
        ' UNION ALL SELECT %L, EXISTS (SELECT FROM %1$s OFFSET {ROWS}) WHERE EXISTS (SELECT FROM %1$s)', oid::regclass
      ), ''
    )
    FROM pg_class WHERE relnamespace = 'supersync'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
""")
"""What prepares the question for all that a test has left: a table that has rows by its name, and what is too much."""
_EMPTY = """
    SET session_replication_role = replica; {deletes} SET session_replication_role = DEFAULT;
    SELECT pg_advisory_unlock_all();
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""
"""Foreign keys are not looked after."""


@dataclass
class Ledgers:
    """Those of one worker. `make`: a new database's URL; `drop`: away with one."""

    make: Callable[[], str]
    drop: Callable[[str], None]
    _idle: list[str] = field(default_factory=list)
    _engines: dict[str, Engine] = field(default_factory=dict)
    _uses: dict[str, int] = field(default_factory=dict)
    _prepare: str = ""

    def take(self) -> str:
        """The URL of one that is as if it were new."""
        if self._idle:
            return self._idle.pop()
        url = self.make()
        self._engines[url], self._uses[url] = open_ledger(url).engine, 0
        if not self._prepare:
            with self._engines[url].connect() as connection:
                self._prepare = connection.execute(_PRISTINE).scalar_one()
        return url

    def open(self, url: str) -> Ledger:
        """What a test has of it: an engine of its own, over connections that others had before."""
        ledger = open_ledger(url)
        ledger.engine = self._engines[url].execution_options()
        ledger._sessions = sessionmaker(ledger.engine, expire_on_commit=False)
        return ledger

    def give_back(self, url: str) -> None:
        """Empty it for the next test, or drop it."""
        self._uses[url] += 1
        if self._uses[url] < USES and self._empty(self._engines[url]):
            self._idle.append(url)
        else:
            self._drop(url)

    def close(self) -> None:
        """Drop all."""
        for url in list(self._engines):
            self._drop(url)

    def _empty(self, engine: Engine) -> bool:
        """Whether it is as it was when it was new."""
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                engine.pool.dispose()
                is_busy, _ = connection.execute(OTHERS).one()
                if self._prepare not in connection.info:
                    connection.exec_driver_sql(self._prepare)
                    connection.info[self._prepare] = True
                differs = connection.exec_driver_sql("EXECUTE differences").all()
                if is_busy or any(is_much for _, is_much in differs):
                    return False
                deletes = " ".join(f"DELETE FROM {name};" for name, _ in differs)
                connection.exec_driver_sql(_EMPTY.format(deletes=deletes))
        except DBAPIError:
            return False
        return True

    def _drop(self, url: str) -> None:
        del self._uses[url]
        self._engines.pop(url).dispose()
        self.drop(url)
