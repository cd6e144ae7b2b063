"""Files of changes in S3 or in a directory. It lags behind: a checkpoint covers what is in complete files only.

Events grow in a spool on this machine, one for each table, version of its columns and day; a spool that is full or old
enough becomes a file. After a death the events that were in spools are read again, into new files.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.interrupt import Interrupt
from supersync_core.connectors.messages import build_filter, in_order
from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.connectors.s3.formats import Format, Lines, Parquet, pieces
from supersync_core.connectors.s3.names import Ulids
from supersync_core.connectors.s3.spool import Spool
from supersync_core.connectors.s3.store import Store, build_store, of_os
from supersync_core.domain.change import Change, Position, SourceTable

T = TypeVar("T")
MAX_SPOOLS = 200
"""So many files grow at once; then the oldest one is completed."""
_DAY_MS = 86_400_000


class _Part(NamedTuple):
    """What goes into one file: a table as it is at one time, and a day since 1970."""

    table: str
    fingerprint: str
    day: int


class S3ChangeSink:
    """One bucket or directory."""

    def __init__(self, config: ChangeSinkConfig, context: SinkContext) -> None:
        """Nothing is connected yet."""
        self.id, self.required = config.id, config.required
        self._config, self._context = config, context
        self._wanted = build_filter(config.filter)
        self._interrupt = Interrupt()
        self._store: Store | None = None
        self._spools: dict[_Part, tuple[Spool, Format, str]] = {}
        self._formats: dict[tuple[str, str], Format] = {}
        self._taken: Position | None = None
        self._names = Ulids()

    def open(self, tables: Sequence[SourceTable]) -> Position | None:
        """Look whether the bucket or directory is there."""
        self._interrupt.raise_if_set()
        self._discard()
        self._taken = None
        self._store = self._interrupt.run(self._checked)
        return None

    def write(self, batch: Sequence[Change], position: Position) -> Sequence[Refused]:
        """Take the batch into spools: all of it, or nothing. Completes files first if there are too many."""
        self._interrupt.raise_if_set()
        if len(self._spools) > MAX_SPOOLS:
            self._complete(lambda spool: spool.begun <= min(spool.begun for spool, _, _ in self._spools.values()))
        wanted = batch if self._wanted is None else [change for change in batch if self._wanted(change)]
        refused: list[Refused] = []
        before = [(spool, spool.bytes, spool.events) for spool, _, _ in self._spools.values()]
        known = set(self._spools)
        try:
            for part, changes in _parts(wanted).items():
                refused += self._append(part, changes)
        except OSError as error:
            for part in set(self._spools) - known:
                self._spools.pop(part)[0].close()
            for spool, size, events in before:
                spool.cut(size, events)
            raise of_os(error) from error
        self._taken = position
        return in_order(batch, refused)

    def stored(self, finish: bool) -> Position | None:
        """Complete the files that are due, or all."""
        self._interrupt.raise_if_set()
        self._complete(lambda spool: finish or self._is_due(spool))
        begun = [spool.since for spool, _, _ in self._spools.values()]
        positions = [position for position in begun if position is not None]
        if not begun:
            return self._taken
        return min(positions) if len(positions) == len(begun) else None

    def cancel(self) -> None:
        """Refuse further calls and leave a running one behind."""
        self._interrupt.set()

    def close(self) -> None:
        """Let go of what is in no file yet: no checkpoint covers it, so it is read again."""
        self._discard()

    def _append(self, part: _Part, changes: Sequence[Change]) -> list[Refused]:
        table = changes[0].table
        form = self._format(table)
        ready, refused = pieces(form, changes)
        if ready and part not in self._spools:
            day = datetime.fromtimestamp(part.day * 86400, timezone.utc)
            where = f"table={quote(table.name, safe='')}/year={day:%Y}/month={day:%m}/day={day:%d}"
            self._spools[part] = Spool(self._config.spool_directory, self._taken), form, where
        for piece, events in ready:
            self._spools[part][0].append(piece, events)
        return refused

    def _complete(self, due: Callable[[Spool], bool]) -> None:
        """Make files of those spools. One whose file cannot be made is kept, and tried again by the next call."""
        for part, (spool, form, where) in list(self._spools.items()):
            if not due(spool):
                continue
            path = "/".join(
                filter(None, (self._config.prefix.strip("/"), where, f"{self._names.next()}.{form.extension}"))
            )
            self._interrupt.run(partial(self._put, spool, form, path))
            del self._spools[part]
            spool.close()

    def _put(self, spool: Spool, form: Format, path: str) -> None:
        assert self._store is not None, "open comes first"
        self._store.put(path, lambda out: form.write(spool, out))

    def _is_due(self, spool: Spool) -> bool:
        roll, now = self._config.file_roll, time.monotonic()
        return (
            spool.bytes >= roll.max_bytes
            or spool.events >= roll.max_events
            or now - spool.begun >= roll.max_age_secs
            or now - spool.touched >= roll.idle_age_secs
        )

    def _format(self, table: SourceTable) -> Format:
        key = (table.full_name, table.fingerprint)
        if key not in self._formats:
            kind = Parquet if self._config.format == "parquet" else Lines
            self._formats[key] = kind(self._config, self._context, table)
        return self._formats[key]

    def _checked(self) -> Store:
        store = build_store(self._config)
        store.check()
        return store

    def _discard(self) -> None:
        for spool, _, _ in self._spools.values():
            spool.close()
        self._spools.clear()


def _parts(changes: Sequence[Change]) -> dict[_Part, list[Change]]:
    """The changes by the file they go into, each in order."""
    parts: dict[_Part, list[Change]] = {}
    for change in changes:
        table = change.table
        part = _Part(table.full_name, table.fingerprint, change.tx.ts_ms // _DAY_MS)
        parts.setdefault(part, []).append(change)
    return parts
