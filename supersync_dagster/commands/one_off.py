"""Running a one-off sync: its tables one after the other, with progress, ended by a signal within two seconds."""

import signal
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType
from typing import Generic, Protocol, TypeVar

import click

from supersync_core.connectors.base import TableSink, TableSource
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Deletes, Reading, Relation, Stage, TableSync
from supersync_core.engines.table_sync import TableSyncer
from supersync_core.errors import Cancelled, ConfigError, NotFound, RetryError, SupersyncError
from supersync_dagster.commands.output import one_line, print_json, rate_text
from supersync_dagster.commands.progress import NoProgress, ProgressView, TerminalProgress
from supersync_dagster.commands.table_report import TableReport

Session = TypeVar("Session", covariant=True)


class Opens(Protocol[Session]):
    """What sources and sinks have in common."""

    def open(self) -> Session:
        """Connect."""


CANCEL_WITHIN_S = 1.6
"""After a signal: a server that does not even answer a cancel request is left to find out that we have gone."""


@dataclass(frozen=True)
class OneOff:
    """What to sync. `to` names the target table, or with the name `*` a schema that takes each by its own name."""

    source: TableSource
    sink: TableSink
    patterns: tuple[str, ...]
    to: TableName | None
    primary_key: tuple[str, ...]
    reading: Reading
    deletes: Deletes


class Announced(Generic[Session]):
    """A source or sink that says why it cannot be opened: the engine tries for a minute, and somebody may wait."""

    def __init__(self, system: Opens[Session], side: str) -> None:
        """Wrap `system`, the `side` of the sync."""
        self._system, self._side = system, side

    def open(self) -> Session:
        """Open it."""
        try:
            return self._system.open()
        except RetryError as error:
            click.echo(f"supersync: the {self._side} is not there yet: {one_line(str(error))}", err=True)
            raise


class OneOffRun:
    """The run itself: `work` in a thread of its own, all else from the main thread."""

    def __init__(self, one_off: OneOff, *, quiet: bool) -> None:
        """Nothing is connected yet. Unless `quiet`, it is told when a connection has to be tried again."""
        self._one_off = one_off
        self._stage = Stage.OPEN
        self._started = time.monotonic()
        source, sink = one_off.source, one_off.sink
        if not quiet:
            source, sink = Announced(source, "source"), Announced(sink, "target")
        self.syncer = TableSyncer(source, sink, self._on_stage)
        self.reports: list[TableReport] = []
        self.current: TableReport | None = None
        self.error: BaseException | None = None
        self.finished = threading.Event()

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._started

    def work(self) -> None:
        """Sync every table; a failure of one leaves the others alone."""
        try:
            with self.syncer:
                self.reports = self._tables()
                for report in self.reports:
                    self.current = report
                    if not self._sync(report):
                        break
        except BaseException as error:  # carried to the main thread, whatever it is
            self.error = error
        finally:
            self.finished.set()

    def _tables(self) -> list[TableReport]:
        """Expand the patterns. Raises NotFound for one that matches nothing, ConfigError for two into one."""
        names: dict[TableName, None] = {}
        for pattern in self._one_off.patterns:
            found = [TableName.parse(pattern)] if _is_exact(pattern) else self.syncer.tables(pattern)
            if not found:
                raise NotFound(f"the source has no table that matches {pattern!r}")
            names.update(dict.fromkeys(found))
        reports = [TableReport(name, self._target(name)) for name in names]
        if len({report.target for report in reports}) < len(reports):
            raise ConfigError("--to: several tables would go into one; write --to 'schema.*' to keep their names")
        return reports

    def _target(self, source: TableName) -> TableName:
        to = self._one_off.to
        if to is None:
            return source
        return TableName(to.schema, source.name) if to.name == "*" else to

    def _sync(self, report: TableReport) -> bool:
        """Sync one table; return whether it makes sense to go on with the next."""
        one_off = self._one_off
        sync = TableSync(
            key=f"supersync sync {report.source}",
            source=Relation(table=report.source),
            target=report.target,
            primary_key=one_off.primary_key,
            reading=one_off.reading,
            deletes=one_off.deletes,
        )
        try:
            report.result = self.syncer.sync(sync)
        except SupersyncError as error:
            report.error = error
            # What cannot be reached for one table cannot be for the next.
            return self._stage is not Stage.CONNECT and not isinstance(error, Cancelled)
        return True

    def _on_stage(self, stage: Stage) -> None:
        self._stage = stage


def _is_exact(pattern: str) -> bool:
    """Whether it names one table: no wildcard, or quoted, for a name may hold a star."""
    return '"' in pattern or not any(character in pattern for character in "*?[")


def run_one_off(one_off: OneOff, *, as_json: bool) -> int:
    """Run it with progress on a terminal, print what became of each table, and return the exit code."""
    view: ProgressView = TerminalProgress() if sys.stderr.isatty() and not as_json else NoProgress()
    run = OneOffRun(one_off, quiet=as_json)
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        run.syncer.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    threading.Thread(target=run.work, name="sync", daemon=True).start()
    with view:
        _watch(run, view, received, echo=not as_json)
    if run.error is not None and not received:
        raise run.error
    if as_json:
        print_json({"state": _state(run, received), "tables": [report.as_json() for report in run.reports]})
    else:
        _print_summary(run)
    return 128 + received[0] if received else int(_state(run, received) != "succeeded")


def _watch(run: OneOffRun, view: ProgressView, received: list[int], *, echo: bool) -> None:
    """Show how it goes until the run has ended, or has had its time after a signal."""
    shown, give_up_at = 0, float("inf")
    while not (ended := run.finished.wait(view.interval_s)) and time.monotonic() < give_up_at:
        if received and give_up_at == float("inf"):
            give_up_at = time.monotonic() + CANCEL_WITHIN_S
        shown = _print_finished(run, shown, echo=echo)
        if run.current is not None:
            view.show(str(run.current.source), run.syncer.progress(), done=shown, of=len(run.reports))
    if not ended and run.current is not None:
        run.current.error = Cancelled("cancelled on request")
    _print_finished(run, shown, echo=echo)


def _print_finished(run: OneOffRun, shown: int, *, echo: bool) -> int:
    """Print the tables that have ended since the last look; return how many have by now."""
    for report in run.reports[shown:]:
        if report.state == "skipped":
            break
        shown += 1
        if echo:
            click.echo(report.as_text(), err=report.error is not None)
    return shown


def _state(run: OneOffRun, received: list[int]) -> str:
    if received:
        return "cancelled"
    return "succeeded" if all(report.result for report in run.reports) else "failed"


def _print_summary(run: OneOffRun) -> None:
    """One line over all tables, where there are several."""
    if len(run.reports) < 2:
        return
    results = [report.result for report in run.reports if report.result]
    rows, size = sum(r.counts.extracted for r in results), sum(r.bytes for r in results)
    line = f"{len(results)} of {len(run.reports)} tables: {rate_text(rows, size, run.seconds)}"
    click.echo(line)
