"""Fixtures for all tests: one embedded PostgreSQL per run, and databases of its own for each test that asks."""

import atexit
import fcntl
import gc
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.orm import Session

from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.ledger.embedded import embedded_server
from supersync_core.ledger.executions import RESTART_GRACE
from tests.empties import Empties
from tests.ledgers import Ledgers
from tests.scratch import Scratch

# Databases make an example's time uneven; the whole test has its own limit.
settings.register_profile("supersync", deadline=None, print_blob=True)
settings.load_profile("supersync")

# Commands that tests run keep what they have compiled: else each of hundreds would compile both packages anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

TEMPLATE = "ledger_template"
SHARED = ("site", "closed_site", "browser", "filled", "loaded")
"""Fixtures that take long to make: the tests that ask for one of them go to one worker, which makes it once."""


SCRATCH = pytest.StashKey[Scratch]()
SERVER = pytest.StashKey[Callable[[], None]]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give this run a directory of its own. A run that is told to end leaves no process behind."""
    # In the background a shell has the first one ignored: then Dagster ignores the other, and so do its children.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" not in os.environ and config.option.basetemp is None:
        config.stash[SCRATCH] = Scratch()
        config.option.basetemp = str(config.stash[SCRATCH].path / "run")


@pytest.hookimpl(trylast=True)  # fixtures of a run that was cut short are torn down in the same hook
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the directory, with the logs of the servers, only when something failed."""
    session.config.stash.get(SERVER, lambda: None)()
    scratch = session.config.stash.get(SCRATCH, None)
    if scratch is not None and exitstatus != pytest.ExitCode.OK:
        print(f"\nThe files of this run are in {scratch.keep()}")


def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: tests wait for servers, on two cores with three workers a seventh of the time."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(tryfirst=True)  # xdist reads the mark in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share what takes long go to one worker. Long ones begin first."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if shared := next((name for name in SHARED if name in asked), None):
            item.add_marker(pytest.mark.xdist_group(shared))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What has been loaded stays to the end: the garbage collector need not look through it again and again.

    While the workers load, the server starts.
    """
    options = session.config.option
    if options.tx and "PYTEST_XDIST_WORKER" not in os.environ:  # else the tests are run by this process
        session.config.stash[SERVER] = _in_background(partial(_server, Path(options.basetemp)))
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def no_stream_goes_on() -> Iterator[None]:
    """A thread that a test leaves behind takes processor time from all that follow."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith(("reader", "watch", "sink-"))]
    assert left == []


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def server_url(run_directory: Path) -> Iterator[str]:
    """The run's server, by the URL of its database `supersync`. Who comes first starts it, the last one stops it."""
    with _server(run_directory) as url:
        yield url


@pytest.fixture(scope="session")
def administrator(server_url: str) -> Iterator[Connection]:
    """The connection of this worker that makes and drops databases: a new one costs half as much as a database."""
    with _administrator(server_url) as admin:
        yield admin


@pytest.fixture
def new_database(server_url: str, administrator: Connection) -> Iterator[Callable[[str], str]]:
    """Make a database as a copy of the one that is named; its URL. It is dropped after the test."""
    with _databases(server_url, administrator) as make:
        yield make


@pytest.fixture(scope="session")
def empties(server_url: str, administrator: Connection) -> Iterator[Empties]:
    """This worker's empty databases."""
    empties = Empties(partial(_make, server_url, administrator, "template0"), partial(_drop, administrator))
    yield empties
    empties.close()


@pytest.fixture
def empty_database(empties: Empties) -> Iterator[Callable[[], str]]:
    """Take an empty database; its URL. It is given back after the test."""
    taken: list[str] = []

    def take() -> str:
        taken.append(empties.take())
        return taken[-1]

    yield take
    for url in taken:
        empties.give_back(url)


@contextmanager
def _server(run_directory: Path) -> Iterator[str]:
    with embedded_server(run_directory / "server") as url:
        with _alone(run_directory / "template.lock"), _administrator(url) as admin:
            if not admin.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": TEMPLATE}):
                _prepare(url, admin)
        yield url


def _in_background(context: Callable[[], AbstractContextManager[object]]) -> Callable[[], None]:
    """Enter a context in a thread of its own; what is returned leaves it, and so does the end of the process."""
    end = threading.Event()

    def work() -> None:
        with context():
            end.wait()

    def leave() -> None:
        end.set()
        thread.join()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    atexit.register(leave)
    return leave


@contextmanager
def _databases(server_url: str, administrator: Connection) -> Iterator[Callable[[str], str]]:
    made: list[str] = []

    def make(template: str) -> str:
        made.append(_make(server_url, administrator, template))
        return made[-1]

    yield make
    for url in made:
        _drop(administrator, url)


def _make(server_url: str, administrator: Connection, template: str) -> str:
    name = f"test_{uuid.uuid4().hex}"
    # Without fsync a copy of files costs less than one through the log (measured: 30 ms and 45 ms).
    administrator.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _drop(administrator: Connection, url: str) -> None:
    administrator.execute(text(f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))


@pytest.fixture(scope="session")
def ledgers(server_url: str, administrator: Connection) -> Iterator[Ledgers]:
    """This worker's ledgers."""
    ledgers = Ledgers(partial(_make, server_url, administrator, TEMPLATE), partial(_drop, administrator))
    yield ledgers
    ledgers.close()


@pytest.fixture
def database_url(ledgers: Ledgers) -> Iterator[str]:
    """A database with the ledger's schema and nothing in it, as an SQLAlchemy URL."""
    url = ledgers.take()
    yield url
    ledgers.give_back(url)


@pytest.fixture
def empty_database_url(empty_database: Callable[[], str]) -> str:
    """A fresh database without the ledger's schema, as an SQLAlchemy URL."""
    return empty_database()


@pytest.fixture
def ledger(ledgers: Ledgers, database_url: str) -> Ledger:
    """An open, empty ledger."""
    return ledgers.open(database_url)


@pytest.fixture(scope="session")
def lasting_database(server_url: str, administrator: Connection) -> Iterator[Callable[[], str]]:
    """Make a database with the ledger's schema; its URL. It is dropped at the end of the run."""
    with _databases(server_url, administrator) as make:
        yield partial(make, TEMPLATE)


@pytest.fixture(scope="module")
def shared_ledger(server_url: str, administrator: Connection) -> Iterator[Ledger]:
    """An open ledger for those tests of a module that only read what a fixture has written."""
    with _databases(server_url, administrator) as make:
        ledger = open_ledger(make(TEMPLATE))
        yield ledger
        ledger.dispose()


@pytest.fixture
def session(ledger: Ledger) -> Iterator[Session]:
    """One transaction on an empty ledger, committed at the end of the test."""
    with ledger.begin() as session:
        yield session


@pytest.fixture
def source_dsn(empty_database: Callable[[], str]) -> str:
    """A fresh empty database to sync from, as a DSN for libpq."""
    return _dsn(empty_database())


@pytest.fixture
def target_dsn(empty_database: Callable[[], str]) -> str:
    """A fresh empty database to sync to, as a DSN for libpq."""
    return _dsn(empty_database())


def _dsn(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _prepare(url: str, admin: Connection) -> None:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):  # a test's database need not survive a power cut
        admin.execute(text(f"ALTER SYSTEM SET {name} = off"))
    # No signal ends a test that waits for itself within libpq.
    admin.execute(text("ALTER SYSTEM SET lock_timeout = '60s'"))
    admin.execute(text("SELECT pg_reload_conf()"))
    admin.execute(text(f"CREATE DATABASE {TEMPLATE}_new"))
    migrate(make_url(url).set(database=f"{TEMPLATE}_new").render_as_string(hide_password=False))
    # On a server that has just started no lease is reaped yet, which is for tests of a restart to find.
    age = text("SELECT now() - pg_postmaster_start_time()")
    while admin.scalar(age) <= RESTART_GRACE:
        time.sleep(0.05)
    admin.execute(text(f"ALTER DATABASE {TEMPLATE}_new RENAME TO {TEMPLATE}"))


@contextmanager
def _administrator(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
