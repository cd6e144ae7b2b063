"""Schema sensing and drift of a pipeline: rows under their table's name, JSON columns as `table:column`.

It looks at every event of a table until `sampling.warmup_events` have come, then at each `sampling.sample_rate`-th one,
and at a tenth of these once a table with documents is stable; so it costs little. It counts all of them. Deletes have
nothing to be looked at.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from supersync_core.clock import Clock, utcnow
from supersync_core.domain.change import Change, SourceTable
from supersync_core.engines.cdc.sensing.config import Names, SensingConfig
from supersync_core.engines.cdc.sensing.drift import Drift
from supersync_core.engines.cdc.sensing.structure import is_untold
from supersync_core.engines.cdc.sensing.tracker import Tracker
from supersync_core.engines.cdc.steps.config import matches

logger = logging.getLogger(__name__)

STABLE_RATE = 10
"""A table with documents is looked at so many times less often once it is stable."""

Kept = Mapping[str, Mapping[str, Any]]
"""By table or `table:column`: its state under `sensed`, and under `drift` where there is one."""


class _Table:
    """A table in one form: its rows, its JSON columns, and its drift where the catalogue knows it."""

    def __init__(self, name: str, rows: Tracker, columns: Mapping[str, Tracker], drift: Drift | None) -> None:
        """`columns`: by their names."""
        self.name, self.rows, self.columns, self.drift = name, rows, columns, drift
        self.shallow = frozenset(columns)
        self._rested = 0
        self._before = {column: rows.events - tracker.events for column, tracker in columns.items()}

    def count(self) -> None:
        """Each event of the table is one of its columns."""
        for column, tracker in self.columns.items():
            tracker.events = self.rows.events - self._before[column]

    def rests(self) -> bool:
        """Whether it is known so well that this event need not be looked at. Documents take long to read."""
        if not self.columns or not all(tracker.is_stable for _, tracker in self.trackers()):
            return False
        self._rested = (self._rested + 1) % STABLE_RATE
        return self._rested != 0

    def trackers(self) -> Iterator[tuple[str, Tracker]]:
        """The table's and its columns', by the names under which they are shown."""
        yield self.name, self.rows
        for column, tracker in self.columns.items():
            yield f"{self.name}:{column}", tracker


class Sensor:
    """Looks at events on their way to the sinks. Used by one thread."""

    def __init__(self, config: SensingConfig, kept: Kept | None = None, clock: Clock = utcnow) -> None:
        """`kept`: what `state` has given, from before a restart."""
        self._config, self._kept, self._clock = config, kept or {}, clock
        self._warmup, self._rate = config.sampling.warmup_events, config.sampling.sample_rate
        # With the form itself, so that no other one gets its number.
        self._tables: dict[int, tuple[SourceTable, _Table | None]] = {}
        self._trackers: dict[str, Tracker] = {}
        self._touched: dict[str, _Table] = {}
        self.has_news = False
        """Whether something was found that should be kept soon; counts alone can wait."""

    def look(self, changes: Sequence[Change]) -> None:
        """Look at events, and note in each the version of its table's schema."""
        form, table, now = None, None, self._clock()
        for change in changes:
            if change.after is None:
                continue
            if change.table is not form:
                form, table = change.table, self._table(change.table)
            if table is None:
                continue
            rows = table.rows
            rows.events += 1
            if rows.events <= self._warmup or not (rows.events % self._rate or table.rests()):
                self._see(table, change.after.values(), now)
            if rows.sequence:
                change.schema_version, change.schema_sequence = rows.fingerprint, rows.sequence

    def state(self) -> Kept:
        """What has changed since `forget_changes`, to be kept."""
        kept: dict[str, dict[str, Any]] = {}
        for table in self._touched.values():
            table.count()
            for name, tracker in table.trackers():
                kept[name] = {"sensed": tracker.state(), "drift": None}
            if table.drift is not None:
                kept[table.name]["drift"] = table.drift.state()
        return kept

    def forget_changes(self) -> None:
        """What has changed so far is kept."""
        self._touched, self.has_news = {}, False

    def _see(self, table: _Table, row: Mapping[str, Any], at: datetime) -> None:
        table.count()
        if table.drift is not None:
            self.has_news = table.drift.look(row) or self.has_news
        self._learn(table.name, table.rows, row, table.shallow, at)
        for column, tracker in table.columns.items():
            if column in row and not is_untold(row[column]):
                self._learn(f"{table.name}:{column}", tracker, row[column], None, at)

    def _learn(self, name: str, tracker: Tracker, document: Any, shallow: frozenset[str] | None, at: datetime) -> None:
        if tracker.see(document, shallow, at=at):
            self.has_news = True
            if self._config.output.emit_events:
                logger.info("schema of %s: sequence %s, %s", name, tracker.sequence, tracker.fingerprint)

    def _table(self, form: SourceTable) -> _Table | None:
        known = self._tables.get(id(form))
        if known is None:
            known = self._tables[id(form)] = form, self._new(form)
        table = known[1]
        if table is not None:
            self._touched[table.name] = table
        return table

    def _new(self, form: SourceTable) -> _Table | None:
        if not _is_meant(self._config.tables, form.name, form.full_name):
            return None
        name = self._name(form)
        columns = {
            column.name: self._tracker(f"{name}:{column.name}", form)
            for column in form.columns
            if self._config.deep_inspect.enabled
            and column.type.lower().startswith("json")
            and not column.type.endswith("[]")
            and _is_meant(self._config.deep_inspect.columns, column.name, f"{form.name}.{column.name}")
        }
        drift = Drift(form, self._kept.get(name, {}).get("drift")) if form.columns else None
        return _Table(name, self._tracker(name, form), columns, drift)

    def _tracker(self, name: str, form: SourceTable) -> Tracker:
        if name not in self._trackers:
            self._trackers[name] = Tracker(self._config, self._kept.get(name, {}).get("sensed"), form.full_name)
        return self._trackers[name]

    def _name(self, form: SourceTable) -> str:
        """The table's own name, or the full one where another schema's table has that already."""
        known = self._trackers.get(form.name)
        owner = known.owner if known else self._kept.get(form.name, {}).get("sensed", {}).get("owner", form.full_name)
        return form.name if owner == form.full_name else form.full_name


def _is_meant(names: Names, name: str, full_name: str) -> bool:
    included = not names.include or matches(name, full_name, names.include)
    return included and not matches(name, full_name, names.exclude)
