"""`supersync dev`: everything in one terminal."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click
import yaml

from supersync_core.clock import utcnow
from supersync_core.errors import AbortError, Conflict
from supersync_core.ledger.database import migrate, open_ledger
from supersync_core.services.authentication import Authenticator, refuse_open_bind
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.configuration import Configuration, apply_configuration, load_configuration
from supersync_core.services.settings import Settings, ledger_url
from supersync_dagster.commands.address import Address
from supersync_dagster.commands.after import answers
from supersync_dagster.commands.options import settings_from, settings_options
from supersync_dagster.commands.output import common_options
from supersync_dagster.commands.processes import Processes

START_S = 120.0
"""So long may a machine under load take; usually it is ten seconds."""
ENDING_S = 15.0
"""A `supersync dev` that was killed is cleaned up after within this time."""
DAEMON_S, CODE_SERVER_S = 1.0, 0.0
"""They would wait for the ticks of sensors, which may be ended at any moment. A run is the code server's only when the
runner did not take it: it is killed then, and closed like one that has died."""
LOOK_S = 0.1
_AFTER = "supersync_dagster.commands.after"
_NOISE = "ignore:Parameter `owners` of initializer `SensorDefinition.__init__` is currently in beta"
"""Dagster warns of itself: it copies each sensor in this way when it loads a code location."""
RUNNER = "SUPERSYNC_RUNNER"
"""Where the launcher of Dagster's instance finds the runner: `supersync_dagster.warm`."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@settings_options
@common_options
def command(host: str, port: int, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Run everything in one terminal: database, migrations, code server, web UI, daemon.

    Prints one line when the first request can be served. Ctrl-C or SIGTERM ends it, with everything that it started.
    Dagster's home is in the data directory; a DAGSTER_HOME of yours is not used. Without SUPERSYNC_DATABASE_URL the
    database is an embedded PostgreSQL in the data directory.
    """
    settings = settings_from(config, data_dir)
    configuration = load_configuration(settings.config)
    address = Address.free(host, port)
    stop = _Stop()
    try:
        with _alone(settings.data_dir) as lock, ledger_url(settings) as url:
            _prepare(url, settings, configuration, host)
            stop.wait_for_check()
            _serve(_Site(settings, address, url), stop, lock, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("supersync has stopped", err=True)


class _Stop:
    """SIGINT, SIGTERM and SIGHUP: an interrupt at once while we prepare, and later one where we look for it."""

    def __init__(self) -> None:
        self._received = False
        self._at_once = True
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup: its user wants us to outlive the terminal
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: FrameType | None) -> None:
        first, self._received = not self._received, True
        # A second signal must not cut the cleaning up short.
        if first and self._at_once:
            raise KeyboardInterrupt

    def wait_for_check(self) -> None:
        """From now on `check` raises, and nothing else: a child that has started is then always known."""
        self._at_once = False

    def check(self) -> None:
        """Raise KeyboardInterrupt once a signal has come."""
        if self._received:
            raise KeyboardInterrupt


class _Site:
    """Where the processes of one `supersync dev` find everything."""

    def __init__(self, settings: Settings, address: Address, database_url: str) -> None:
        self.address = address
        self.data_dir = settings.data_dir.absolute()
        self.home = self.data_dir / "dagster"
        self.embedded = settings.database_url is None
        self.environment = {
            **os.environ,
            "SUPERSYNC_DATABASE_URL": database_url,
            "SUPERSYNC_CONFIG": str(settings.config.absolute()),
            "SUPERSYNC_DATA_DIR": str(self.data_dir),
            "SUPERSYNC_BASE_URL": settings.base_url if "base_url" in settings.model_fields_set else address.url,
            "DAGSTER_HOME": str(self.home),
            "PYTHONWARNINGS": ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), _NOISE))),
        }

    def write_home(self, code_socket: str) -> Path:
        """Write Dagster's home; return the workspace file."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "dagster.yaml").write_bytes(files("supersync_dagster").joinpath("dagster.yaml").read_bytes())
        # Dagster's UI asks for an address to write to, unless it was asked before.
        (self.home / ".nux").mkdir(exist_ok=True)
        (self.home / ".nux" / "nux.yaml").write_text("seen: 1\n")
        workspace = self.home / "workspace.yaml"
        server = {"grpc_server": {"socket": code_socket, "location_name": "supersync"}}
        workspace.write_text(yaml.safe_dump({"load_from": [server]}))
        return workspace


def _prepare(url: str, settings: Settings, configuration: Configuration, host: str) -> None:
    migrate(url)
    ledger = open_ledger(url)
    try:
        refuse_open_bind(host, Authenticator(ledger, settings))
        applied = apply_configuration(ledger, configuration, utcnow(), lambda: open_vault(settings))
    finally:
        ledger.dispose()
    for name in applied.removed:
        click.echo(f"supersync: {name} has left the configuration: it is kept, and does not run any more", err=True)


def _serve(site: _Site, stop: _Stop, lock: int, *, as_json: bool) -> None:
    """Start the processes one after the other, say that they are ready, and return only by an exception."""
    guarded = [str(site.data_dir)] if site.embedded else []
    # A socket's path may have 107 bytes, and a data directory more. Nobody else may speak to the code server.
    with TemporaryDirectory(prefix="supersync-") as directory, Processes(guarded, lock) as processes:
        code_socket = str(Path(directory, "code"))
        site.environment[RUNNER] = runner = str(Path(directory, "runner"))
        workspace = str(site.write_home(code_socket))
        location = "--module-name", "supersync_dagster.definitions", "--location-name", "supersync"
        code_server = "dagster", "code-server", "start", *location, "--socket", code_socket, "--log-level", "warning"
        processes.start("code server", *code_server, environment=site.environment, stop_s=CODE_SERVER_S)
        listen = "--host", site.address.host, "--port", str(site.address.port)
        web = *listen, "--workspace", workspace, "--silent"
        processes.start("webserver", _AFTER, code_socket, *web, environment=site.environment)
        _until(lambda: answers(code_socket), processes, stop)
        # Only now, so that it does not take the processor from those that somebody waits for.
        daemon = "dagster._daemon", "run", "--workspace", workspace, "--log-level", "warning"
        processes.start("daemon", *daemon, environment=site.environment, stop_s=DAEMON_S)
        processes.start("runner", "supersync_dagster.runner", runner, environment=site.environment)
        _until(site.address.serves, processes, stop)
        # A trigger is refused while nobody would start its run.
        _until(site.address.has_daemon, processes, stop)
        click.echo(f'{{"ready": "{site.address.url}"}}' if as_json else f"supersync is ready at {site.address.url}")
        _until(lambda: False, processes, stop, limit_s=float("inf"))


def _until(condition: Callable[[], bool], processes: Processes, stop: _Stop, limit_s: float = START_S) -> None:
    """Wait for a condition. Raises AbortError when a child dies or time is up, KeyboardInterrupt after a signal."""
    deadline = time.monotonic() + limit_s
    while not condition():
        stop.check()
        processes.check()
        if time.monotonic() > deadline:
            raise AbortError(f"supersync was not ready within {limit_s:.0f} s; see the messages above")
        time.sleep(LOOK_S)


@contextmanager
def _alone(data_dir: Path) -> Iterator[int]:
    """A lock on the data directory: two daemons on one Dagster instance would run everything twice."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "dev.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(descriptor):
            click.echo(f"supersync: waiting {ENDING_S:.0f} s for the end of another one in {data_dir}", err=True)
            _wait_for(descriptor, data_dir)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, data_dir: Path) -> None:
    deadline = time.monotonic() + ENDING_S
    while not _locked(descriptor):
        if time.monotonic() > deadline:
            raise Conflict(f"another supersync dev runs in {data_dir}: stop it, or name another --data-dir")
        time.sleep(LOOK_S)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
