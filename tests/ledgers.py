"""Ledgers that tests use one after the other: to empty one takes half of the time of making one, and it stays warm.

Its connection knows the tables already, and its engine has compiled the statements. A test gets it as if it were new:
no row, no number that was given out, nobody connected. Where that is not certain, it is dropped.
"""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import sessionmaker

from supersync_core.ledger.database import Ledger, open_ledger
from tests.reused import OTHERS, Reused

USES = 50
"""Then it is dropped: rows that are gone take up room until somebody vacuums."""
ROWS = 2_000
"""After so many of them in one table, too."""

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


class Ledgers(Reused):
    """With the ledger's schema and nothing in it."""

    def __init__(self, make: Callable[[], str], drop: Callable[[str], None]) -> None:
        """See `Reused`."""
        super().__init__(make, drop)
        self._engines: dict[str, Engine] = {}
        self._uses: Counter[str] = Counter()
        self._prepare = ""

    def open(self, url: str) -> Ledger:
        """What a test has of it: an engine of its own, over connections that others had before."""
        ledger = open_ledger(url)
        ledger.engine = self._engines[url].execution_options()
        ledger._sessions = sessionmaker(ledger.engine, expire_on_commit=False)
        return ledger

    def _connect(self, url: str) -> None:
        self._engines[url] = open_ledger(url).engine
        if not self._prepare:
            with self._engines[url].connect() as connection:
                self._prepare = connection.execute(_PRISTINE).scalar_one()

    def _empty(self, url: str) -> bool:
        self._uses[url] += 1
        engine = self._engines[url]
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
        return self._uses[url] < USES

    def _disconnect(self, url: str) -> None:
        self._engines.pop(url).dispose()
