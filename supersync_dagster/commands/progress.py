"""Progress of a run, drawn on a terminal or not at all."""

from types import TracebackType
from typing import Any, Protocol

from supersync_core.domain.execution import Progress
from supersync_dagster.commands.output import bytes_text


class ProgressView(Protocol):
    """Somewhere to show progress; `interval_s`: how often it wants to hear of it."""

    interval_s: float

    def show(self, name: str, progress: Progress, *, done: int = 0, of: int = 1) -> None:
        """What is being synced, how far it is, and how many of how many are done."""

    def __enter__(self) -> "ProgressView":
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""


class NoProgress:
    """For programs, files and pipes."""

    interval_s = 0.2

    def show(self, name: str, progress: Progress, *, done: int = 0, of: int = 1) -> None:
        """Nothing."""

    def __enter__(self) -> "NoProgress":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to undo."""


class TerminalProgress:
    """One line per running table, and one over all of them where there are several; on stderr."""

    interval_s = 0.25

    def __init__(self) -> None:
        """Import rich, which only a terminal needs."""
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
            BarColumn(bar_width=10),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._rows = self._bytes = 0
        self._now = ("", Progress(""))

    def show(self, name: str, progress: Progress, *, done: int = 0, of: int = 1) -> None:
        """Redraw."""
        before, last = self._now
        if name != before:
            self._rows, self._bytes = self._rows + last.rows, self._bytes + last.bytes
        self._now = (name, progress)
        detail = f"{progress.rows:,} rows  {bytes_text(progress.bytes)}  {progress.rows_per_s:,.0f} rows/s"
        self._line("table", f"{name} ({progress.stage})", detail, completed=0, total=None)
        if of > 1:
            rows, size = self._rows + progress.rows, self._bytes + progress.bytes
            self._line("all", f"{done} of {of} tables", self._overall(rows, size), completed=done, total=of)

    def _overall(self, rows: int, size: int) -> str:
        seconds = self._bars.tasks[0].elapsed or 0.001
        return f"{rows:,} rows  {bytes_text(size)}  {rows / seconds:,.0f} rows/s"

    def _line(self, key: str, text: str, detail: str, *, completed: int, total: int | None) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(text, total=total, detail=detail)
        self._bars.update(self._tasks[key], description=text, detail=detail, completed=completed, total=total)

    def __enter__(self) -> "TerminalProgress":
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing and clear the lines."""
        self._bars.stop()
