"""The checks of `supersync doctor`, one function each. They look, and change nothing."""

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.errors import SupersyncError
from supersync_core.services.configuration.problems import did_you_mean
from supersync_core.services.health import ledger_health
from supersync_core.services.settings import PREFIX, Settings, ledger_url

PROBE_S = 5.0
"""How long a connection may take to answer."""
OLDEST, NEWEST = 13, 18
"""The versions of PostgreSQL that a ledger is tested with."""


@dataclass(frozen=True)
class Finding:
    """What a check found; for anything but `ok` the message says what to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def check_python() -> Finding:
    """The versions that the packages allow."""
    now = ".".join(map(str, sys.version_info[:3]))
    if (3, 10) <= sys.version_info < (3, 14):
        return Finding("python", "ok", now)
    return Finding("python", "fail", f"{now} is not one of 3.10 to 3.13: make a virtual environment with one of those")


def check_packages() -> Finding:
    """Whether what is installed is what supersync asks for."""
    wrong = []
    for requirement in map(Requirement, requires("supersync") or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            installed = "missing"
        if installed == "missing" or not requirement.specifier.contains(installed, prereleases=True):
            wrong.append(f"{requirement.name} is {installed}, not {requirement.specifier}")
    if wrong:
        return Finding("packages", "fail", f"{'; '.join(wrong)}: install supersync again, or run pip check")
    return Finding("packages", "ok", f"supersync {version('supersync')}, dagster {version('dagster')}")


def check_environment() -> Finding:
    """A variable with a typo is a setting that silently does nothing."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}DATABASE_URL_FILE"}
    given = {name for name in os.environ if name.startswith(PREFIX)}
    unknown = sorted(given - known)
    if unknown:
        return Finding("environment", "warn", f"{unknown[0]} is no setting" + did_you_mean(unknown[0], known))
    return Finding("environment", "ok", ", ".join(sorted(given)) or "no SUPERSYNC_ variable is set")


def check_data_dir(data_dir: Path) -> Finding:
    """Whether it can be written, or made."""
    place = data_dir.absolute()
    nearest = next(path for path in (place, *place.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("data directory", "ok", f"{place}" + ("" if nearest == place else ", not made yet"))
    what = "cannot be written" if nearest.is_dir() else "is no directory"
    return Finding("data directory", "fail", f"{nearest} {what}: name another with SUPERSYNC_DATA_DIR")


def check_ledger(settings: Settings) -> list[Finding]:
    """Whether it answers, in a version that we know, with our schema."""
    embedded = settings.database_url is None
    if embedded and not (settings.data_dir / "postgres").exists():
        return [Finding("ledger", "ok", "an embedded PostgreSQL, made at the first start")]
    try:
        with ledger_url(settings) as url:
            health = ledger_health(url)
    except SupersyncError as error:
        return [Finding("ledger", "fail", str(error))]
    if health.server_version is None:
        return [Finding("ledger", "fail", f"{health.problem}; check SUPERSYNC_DATABASE_URL")]
    where = "embedded " if embedded else ""
    findings = [_check_version(health.server_version, f"{where}PostgreSQL {health.server_version}")]
    if health.problem:
        # An embedded ledger is migrated by whichever command uses it next.
        findings.append(Finding("ledger schema", "warn" if embedded else "fail", health.problem))
    else:
        findings.append(Finding("ledger schema", "ok", "current"))
    if health.wal_level != "logical":
        message = f"wal_level is {health.wal_level}: change data capture from this server would need logical"
        findings.append(Finding("ledger wal_level", "warn", message))
    return findings


def _check_version(server_version: str, text: str) -> Finding:
    major = int(server_version.partition(".")[0].strip("abcdefghijklmnopqrstuvwxyz ") or 0)
    if OLDEST <= major <= NEWEST:
        return Finding("ledger", "ok", text)
    if major < OLDEST:
        return Finding("ledger", "fail", f"{text} is too old: use {OLDEST} to {NEWEST}")
    return Finding("ledger", "warn", f"{text} is newer than what supersync is tested with: {OLDEST} to {NEWEST}")


def check_connections(connections: Mapping[str, ConnectorConfig]) -> list[Finding]:
    """Open each, all at once, with a limit of time."""
    probes = {name: _Probe(connection) for name, connection in connections.items()}
    return [probe.finding(f"connection {name}") for name, probe in probes.items()]


class _Probe:
    """Opening a connection in a thread of its own, which may hang for longer than anybody waits."""

    def __init__(self, connection: ConnectorConfig) -> None:
        self._connection = connection
        self._error: Exception | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        connector = load_connector(self._connection.type)
        make = getattr(connector, "table_source", None) or getattr(connector, "table_sink", None)
        try:
            if make is None:
                list(connector.build_channel_source(self._connection).channels())
            else:
                with make(self._connection).open():
                    pass
        except Exception as error:  # whatever it is, it is the finding
            self._error = error
        self._done.set()

    def finding(self, name: str) -> Finding:
        """What came of it."""
        if not self._done.wait(PROBE_S):
            return Finding(name, "fail", f"no answer within {PROBE_S:.0f} s: check host, port and firewall")
        if self._error is not None:
            return Finding(name, "fail", f"{type(self._error).__name__}: {self._error}")
        return Finding(name, "ok", f"{self._connection.type}, answers")


def check_dagster_home(data_dir: Path) -> Finding:
    """Only `supersync dev` makes one of its own."""
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        return Finding("dagster home", "ok", f"supersync dev makes its own in {data_dir / 'dagster'}")
    if not Path(home).is_absolute() or not Path(home).is_dir():
        return Finding("dagster home", "fail", f"DAGSTER_HOME={home} is not the absolute path of a directory: make it")
    if not (Path(home) / "dagster.yaml").exists():
        return Finding("dagster home", "warn", f"{home} has no dagster.yaml: Dagster would keep runs in SQLite there")
    return Finding("dagster home", "ok", home)
