"""A real MariaDB for the tests: Debian's server as a process without rights, shared by all workers of a run."""

import fcntl
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pymysql
import pytest

from supersync_core.ledger.account import account_for
from tests.installed import missing

START_S = 60
BINLOG = ("--log-bin=log", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL")
"""What a server is started with so that its log can be read."""
# The supervisor waits until nobody holds the users' lock (the kernel drops it however a worker dies), then stops the
# server by its pid, and keeps the lock until it has gone. Debian keeps the server in sbin, which is not on every path.
SUPERVISE = (
    'PATH="$PATH:/usr/sbin"; users=$1; shift; "$@" & server=$!;'
    ' exec 9<"$users"; flock --exclusive 9; kill "$server"; wait "$server"'
)
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


@contextmanager
def mariadb(directory: Path, *options: str) -> Iterator[str]:
    """Join the server in `directory`, starting it first with `options` if need be; its URL without a database. The last
    one out waits until it has stopped."""  # noqa: D205
    if not all(shutil.which(program, path=PATH) for program in ("mariadbd", "mariadb-install-db", "flock")):
        missing("MariaDB")
    directory.mkdir(exist_ok=True)
    users = os.open(directory / "users.lock", os.O_RDWR | os.O_CREAT)
    try:
        with _alone(directory / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            port_file = directory / "port"
            if not port_file.exists():
                port_file.write_text(str(_start(directory, options)))
            url = f"mysql://root@127.0.0.1:{port_file.read_text()}"
        yield url
        with _alone(directory / "start.lock"):
            _leave(users, url, port_file)
    finally:
        os.close(users)


def _leave(users: int, url: str, port_file: Path) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass  # others still use it, or the supervisor has it already
    else:
        port_file.unlink()  # a worker that comes later starts the server again
        fcntl.flock(users, fcntl.LOCK_UN)
        while _answers(url):
            time.sleep(0.02)
    fcntl.flock(users, fcntl.LOCK_SH)


def _answers(url: str) -> bool:
    try:
        connect(url).close()
    except pymysql.OperationalError:
        return False
    return True


def connect(url: str, **options: Any) -> pymysql.Connection:
    """A connection with autocommit, apart from the connector under test."""
    port, _, database = url.rpartition(":")[2].partition("/")
    settings: dict[str, Any] = {"autocommit": True, "ssl_disabled": True, **options}  # what TLS needs takes longest
    return pymysql.connect(host="127.0.0.1", port=int(port), user="root", database=database or None, **settings)


def _start(directory: Path, more: tuple[str, ...]) -> int:
    account = account_for(directory / "data")
    data = account.own(directory / "data")
    account.let_through(data)
    # A server that starts removes the temporary tables of any other in the same directory, which may then crash.
    options = ["--no-defaults", f"--datadir={data}", f"--tmpdir={account.own(directory / 'tmp')}"]
    with (directory / "log").open("ab") as log:
        if not (data / "mysql").exists():
            subprocess.run(
                ["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
                check=True,
                stdout=log,
                stderr=log,
                **account.process_options,
            )
        port = _free_port()
        server = ["mariadbd", *options, "--bind-address=127.0.0.1", f"--port={port}", f"--socket={data}/socket"]
        server += ["--innodb-flush-log-at-trx-commit=0", "--character-set-server=utf8mb4", "--skip-name-resolve", *more]
        os.chmod(directory / "users.lock", 0o666)
        account.let_through(directory / "users.lock")
        subprocess.Popen(
            ["sh", "-c", SUPERVISE, "sh", str(directory / "users.lock"), *server],
            stdout=log,
            stderr=log,
            start_new_session=True,
            **account.process_options,
        )
    _wait(port, directory / "log")
    return port


def _wait(port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(f"mysql://root@127.0.0.1:{port}"):
        if time.monotonic() > deadline:
            pytest.fail(f"MariaDB did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def mariadb_server(run_directory: Path) -> Iterator[str]:
    """The run's server, by a URL without a database."""
    with mariadb(run_directory / "mariadb") as url:
        yield url


@pytest.fixture
def mysql_url(mariadb_server: str) -> Iterator[str]:
    """A fresh database, dropped after the test."""
    with new_database(mariadb_server) as url:
        yield url


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Make a database; its URL. It is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with closing(connect(server)) as connection, connection.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
        yield f"{server}/{name}"
        cursor.execute(f"drop database {name}")


@pytest.fixture(scope="session")
def binlog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The worker's server with a binary log, by a URL without a database: others would lose theirs with it."""
    with mariadb(tmp_path_factory.mktemp("binlog"), *BINLOG) as url:
        yield url
