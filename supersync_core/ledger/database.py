"""The connection to the ledger: engine, transactions, and the state of its schema."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from supersync_core.errors import ConfigError, Contention, SupersyncError, Unavailable
from supersync_core.ledger.base import SCHEMA

if TYPE_CHECKING:
    from alembic.config import Config

DRIVER = "postgresql+psycopg2"
# A ledger behind a dead route must not hold a heartbeat for minutes: connecting and silence are both bounded.
_CONNECT = {
    "application_name": "supersync",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
_MIGRATION_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('supersync.migrate', 0))")


class SchemaState(str, Enum):
    """The ledger's schema against this code. `ahead`: a newer supersync has migrated it, so this one must not write."""

    EMPTY = "empty"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"


class Ledger:
    """An open ledger. Threads share it; each transaction has a connection of its own."""

    def __init__(self, url: str) -> None:
        """Prepare to connect to `url`; the first transaction does."""
        self.url = driver_url(url).render_as_string(hide_password=False)
        self.engine = _engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    def __repr__(self) -> str:
        """With the password masked."""
        return f"Ledger({self.engine.url!r})"

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error. Objects stay readable afterwards.

        Raises Unavailable or Contention where the database may answer later.
        """
        with translated_errors(), self._sessions.begin() as session:
            yield session

    def dispose(self) -> None:
        """Close the pool's connections."""
        self.engine.dispose()


def open_ledger(url: str) -> Ledger:
    """A ledger at a PostgreSQL URL. Raises ConfigError for any other."""
    return Ledger(url)


def driver_url(url: str) -> URL:
    """The URL with the driver named: without it SQLAlchemy 2.1 looks for another one. Raises ConfigError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not repeated.
        raise ConfigError("the ledger's URL cannot be read; write postgresql://user:password@host/database") from None
    if "@" in f"{parsed.host}{parsed.database}":
        raise ConfigError("the ledger's URL is cut in the wrong place: in its password write @ as %40, / as %2F")
    if parsed.drivername not in ("postgresql", "postgres", DRIVER):
        raise ConfigError(f"the ledger is a PostgreSQL database, not {parsed.drivername}")
    return parsed.set(drivername=DRIVER)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what the database may get over into RetryErrors; let all else through."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the ledger is busy: every connection is in use") from error
    except DBAPIError as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error


def _translate(error: DBAPIError) -> SupersyncError | None:
    # https://www.postgresql.org/docs/current/errcodes-appendix.html
    code: str | None = getattr(error.orig, "pgcode", None)
    message = str(error.orig).strip()
    if code is None:
        return Unavailable(f"the ledger cannot be reached: {message}") if _is_connection_error(error) else None
    # A reference that is gone was there a moment ago: what asks again sees that it is not.
    if code.startswith(("40", "55P03", "23503")):
        return Contention(f"the ledger is contended: {message}")
    if code.startswith(("08", "53", "57P")):
        return Unavailable(f"the ledger is not ready: {message}")
    return None


def _is_connection_error(error: DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))


def _engine(url: str) -> Engine:
    # The ledger has no hstore; to look for it is a question for each connection.
    engine = create_engine(driver_url(url), use_native_hstore=False, connect_args=_CONNECT, hide_parameters=True)
    replace_lost_connections(engine)
    return engine


def replace_lost_connections(pool: Engine | Pool) -> None:
    """Let no connection that the server has ended come out of a pool, without asking the server.

    To an idle connection a server says nothing but its end, so it is lost when there is something to read. A question,
    as SQLAlchemy's `pool_pre_ping` asks, would be one of the four that a short transaction takes.
    """
    event.listen(pool, "checkout", _refuse_lost)


def _refuse_lost(connection: Any, *_: object) -> None:
    if not connection.closed:
        waiting = select.poll()
        waiting.register(connection, select.POLLIN)
        if not waiting.poll(0):
            return
    raise InvalidatePoolError("the server has ended this connection")


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = _engine(url)
    try:
        with translated_errors(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def migrate(url: str) -> None:
    """Bring the schema to this code's newest revision, in one transaction; two processes at once take turns.

    Raises ConfigError when a newer supersync has been there.
    """
    with _connection(url) as connection:
        connection.execute(_MIGRATION_LOCK)
        state = _state(connection)
        if state is SchemaState.CURRENT:
            return
        if state is SchemaState.AHEAD:
            raise ConfigError("the ledger's schema is newer than this supersync: upgrade supersync")
        from alembic import command  # here, because most processes open a ledger and few migrate one

        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_state(url: str) -> SchemaState:
    """How the schema at `url` stands against this code. Raises Unavailable when nobody answers."""
    with _connection(url) as connection:
        return _state(connection)


def _state(connection: Connection) -> SchemaState:
    if connection.scalar(text(f"SELECT to_regclass('{SCHEMA}.alembic_version')")) is None:
        return SchemaState.EMPTY
    revision = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))
    if revision is None:
        return SchemaState.EMPTY
    known = known_revisions()
    if revision == known[-1]:
        return SchemaState.CURRENT
    return SchemaState.BEHIND if revision in known else SchemaState.AHEAD


def known_revisions() -> list[str]:
    """This code's revisions, the newest last, by the numbers that begin the names of their files.

    Alembic would say the same, and importing it takes as long as all that most commands do.
    """
    versions = files("supersync_core.ledger") / "migrations" / "versions"
    return sorted(file.name[:4] for file in versions.iterdir() if file.name[:4].isdigit())


def _alembic() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "supersync_core.ledger:migrations")
    return config
