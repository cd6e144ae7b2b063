"""A CDC pipeline at a glance, for people: how it goes, sink by sink, and what its tables have been through."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.ledger.cdc_tables import SchemaVersion
from supersync_core.ledger.pipeline_status import select_statuses
from supersync_core.services.cdc.metrics import lag_s
from supersync_core.services.cdc.pipelines import Pipeline
from supersync_core.services.cdc.schemas import list_schemas, schema_versions
from supersync_core.services.cdc.views import SinkPosition, operations, view_pipelines


@dataclass(frozen=True)
class SinkView:
    """A sink. `position` None: it has nothing yet. `error`: what went wrong and has not gone right since."""

    id: str
    type: str
    required: bool
    position: SinkPosition | None
    error: str | None


@dataclass(frozen=True)
class Overview:
    """`state`: running, paused, stopped or failed. `trouble`: why it does not stream at the moment, and tries again.

    `events`, `bytes`, `refused`: of all its runs. `blocked`: the queue of dead letters is full and holds it up.
    """

    name: str
    state: str
    error: str | None
    trouble: str | None
    blocked: bool
    uptime_s: float
    lag_s: float
    events: int
    bytes: int
    refused: int
    dead_letters: int
    retained_bytes: int | None
    retained_at: datetime | None
    sinks: Sequence[SinkView]


@dataclass(frozen=True)
class Change:
    """What a form of a table has that the one before had not, column by column. `before`, `after`: None where not."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Form:
    """A form that a table has had, and how it differs from the one before."""

    version: SchemaVersion
    is_present: bool
    changes: Sequence[Change]


def overview(session: Session, pipeline: Pipeline, *, at: datetime) -> Overview:
    """How it goes now."""
    (view,) = view_pipelines(session, [pipeline])
    found = operations(session, pipeline, at=at)
    status = select_statuses(session, [pipeline.id]).get(pipeline.id)
    counters: Mapping[str, Any] = status.counters if status is not None else {}
    positions = {one.sink_id: one for one in found.positions}
    return Overview(
        name=pipeline.name,
        state=view.state,
        error=view.error,
        trouble=found.status.get("trouble"),
        blocked=bool(found.status.get("blocked_by_dead_letters")),
        uptime_s=found.uptime_s,
        lag_s=lag_s(view, status, at=at),
        events=counters.get("events", 0),
        bytes=counters.get("bytes", 0),
        refused=counters.get("dead_letters", 0),
        dead_letters=found.dead_letters,
        retained_bytes=status.retained_bytes if status is not None else None,
        retained_at=status.retained_at if status is not None else None,
        sinks=[
            SinkView(
                id=str(sink["config"]["id"]),
                type=sink["type"],
                required=sink["config"].get("required", True),
                position=positions.get(str(sink["config"]["id"])),
                error=found.sink_errors.get(str(sink["config"]["id"])),
            )
            for sink in pipeline.spec["spec"]["sinks"]
        ],
    )


def table_histories(session: Session, pipeline: Pipeline) -> Mapping[str, Sequence[Form]]:
    """The forms of each table, the newest first, by its full name."""
    found = {}
    for present in list_schemas(session, pipeline):
        database = present.schema_name or present.database_name
        versions = schema_versions(session, pipeline, database, present.table_name)
        before = [None, *versions[:-1]]
        forms = [
            Form(version, version.id == present.id, list(_changes(old, version)))
            for old, version in zip(before, versions, strict=True)
        ]
        found[f"{database}.{present.table_name}"] = forms[::-1]
    return found


def _changes(before: SchemaVersion | None, after: SchemaVersion) -> Iterator[Change]:
    if before is None:
        return
    old, new = _columns(before), _columns(after)
    for name in [*new, *(name for name in old if name not in new)]:
        if old.get(name) != new.get(name):
            yield Change(name, old.get(name), new.get(name))
    if list(before.primary_key) != list(after.primary_key):
        yield Change("primary key", ", ".join(before.primary_key), ", ".join(after.primary_key))


def _columns(version: SchemaVersion) -> dict[str, str]:
    """Each column in words."""
    columns: Sequence[Any] = version.columns
    return {one["name"]: _words(one) for one in columns}


def _words(column: Mapping[str, Any]) -> str:
    parts = [column["type"], "" if column["nullable"] else "not null"]
    parts += [f"default {column['default']}" if column.get("default") is not None else "", column.get("extra") or ""]
    return " ".join(part for part in parts if part)
