"""Reads calls from files. A window is a file; its position is the number of records that are read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from supersync_core.connectors.call_files.config import AGENCY, Config
from supersync_core.connectors.call_files.records import CsvRecords, JsonRecords, Records
from supersync_core.connectors.call_records import BadRecord, CallParser, failed_record
from supersync_core.connectors.calls import CallPage
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.domain.historical_sync import Call, FailedRecord, Span, Window
from supersync_core.errors import NotFound, Unavailable

PAGE = 20_000
"""Records in a page: so many are written in one transaction."""
SUFFIXES = (".csv", ".jsonl", ".ndjson")


class CallFiles:
    """The calls of an agency in its files."""

    def __init__(self, config: Config, agency: str) -> None:
        """Nothing is read yet."""
        self._root = Path(config.path.replace(AGENCY, agency))
        self._parser = CallParser(config.provider, config.columns)
        self._interrupt = Interrupt()

    def windows(self, span: Span, size: timedelta) -> Sequence[Window]:
        """The files, by name. Raises NotFound for a folder that is not there."""
        if self._root.is_file():
            return [Window(self._root.name, span)]
        if not self._root.is_dir():
            raise NotFound(f"there is no folder {str(self._root)!r} with files of calls")
        files = (path for path in self._root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        return [Window(path.relative_to(self._root).as_posix(), span) for path in sorted(files)]

    def count(self, span: Span) -> int | None:
        """Every record of the span; one whose time cannot be read counts, because it may be of it."""
        return sum(self._count(window) for window in self.windows(span, timedelta.max))

    def read(self, window: Window, position: str | None) -> Iterator[CallPage]:
        """The calls of the file that began in the span. Raises Unavailable for a file that cannot be read."""
        done, number = int(position or 0), 0
        calls, failed = list[Call](), list[FailedRecord]()
        with self._opened(window.name) as records:
            for number, record in enumerate(records, 1):
                if number > done:
                    try:
                        call = records.parse(record)
                        if window.span.holds(call.started_at):
                            calls.append(call)
                    except BadRecord as error:
                        failed += _failed(records, number, record, window.span, error)
                if number % PAGE == 0:
                    self._interrupt.raise_if_set()
                    if calls or failed:
                        yield CallPage(calls, failed, str(number))
                    calls, failed = [], []
        if calls or failed:
            yield CallPage(calls, failed, str(number))

    def cancel(self) -> None:
        """End at the next page."""
        self._interrupt.set()

    def close(self) -> None:
        """Nothing is open between two pages."""

    def _count(self, window: Window) -> int:
        count = 0
        with self._opened(window.name) as records:
            for number, record in enumerate(records, 1):
                count += _may_be_of(records, record, window.span)
                if number % PAGE == 0:
                    self._interrupt.raise_if_set()
        return count

    @contextmanager
    def _opened(self, name: str) -> Iterator[Records]:
        path = self._root if self._root.is_file() else self._root / name
        read = CsvRecords if path.suffix.lower() == ".csv" else JsonRecords
        try:
            # What is no UTF-8 is kept as such, and then fails by itself.
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                yield read(file, self._parser)
        except OSError as error:
            raise Unavailable(f"{path.name} cannot be read: {error.strerror}") from error


def _failed(records: Records, number: int, record: Any, span: Span, error: BadRecord) -> tuple[FailedRecord, ...]:
    """What failed, where it may be of the span."""
    if not _may_be_of(records, record, span):
        return ()
    return (failed_record(str(number), records.shown(record), error),)


def _may_be_of(records: Records, record: Any, span: Span) -> bool:
    try:
        return span.holds(records.moment(record))
    except BadRecord:
        return True
