"""How fresh every pipeline's data is, and how punctual its executions: what is expected, and what is so."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.check import DatePart
from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.ledger.freshness_board import select_freshness

LATE_FOR = timedelta(days=7)
"""How long a late execution is counted."""


class Standing(str, Enum):
    """How a pipeline stands to an expectation."""

    GOOD = "good"
    BAD = "bad"
    MUTED = "muted"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True)
class Expectation:
    """What is expected. `inherited`: it is the type's. `muted`: the pipeline's own switch; `type_muted`: its type's."""

    number: int | None
    datepart: DatePart | None
    inherited: bool
    muted: bool
    type_muted: bool

    @property
    def is_there(self) -> bool:
        """Whether anything is expected."""
        return self.number is not None

    def standing(self, since: datetime | None, limit: datetime | None, now: datetime) -> Standing:
        """`since`: the time that it is about, None: there is none yet. `limit`: until when all is well."""
        if self.muted or self.type_muted:
            return Standing.MUTED
        if not self.is_there:
            return Standing.NONE
        if since is None or limit is None:
            return Standing.UNKNOWN
        return Standing.BAD if now > limit else Standing.GOOD


@dataclass(frozen=True)
class Freshness:
    """A pipeline. `changed_at`: the newest change of its rows; `stale_from`: when that is too old.

    `late`: executions of the last week that were found late, `late_at` and `late_execution_id` the newest of them.
    `overdue`: one that runs has taken too long already, since `running_since`.
    """

    id: int
    name: str
    title: str
    kind: PipelineKind
    type_name: str | None
    freshness: Expectation
    timeliness: Expectation
    changed_at: datetime | None
    stale_from: datetime | None
    late: int
    late_at: datetime | None
    late_execution_id: int | None
    running_since: datetime | None
    overdue: bool
    fresh: Standing
    punctual: Standing

    @property
    def key(self) -> str:
        """Safe in addresses and ids."""
        return dagster_key(self.name)


def freshness_board(session: Session, *, at: datetime) -> list[Freshness]:
    """Every pipeline that is not retired: what is stale first, then what was late, then by name."""
    found = [_freshness(row, at) for row in select_freshness(session, late_since=at - LATE_FOR)]
    bad = Standing.BAD
    return sorted(found, key=lambda one: (one.fresh is not bad, one.punctual is not bad))


def freshness_of(session: Session, pipeline_id: int, *, at: datetime) -> Freshness | None:
    """One pipeline; None where it is not there or retired."""
    rows = select_freshness(session, late_since=at - LATE_FOR, pipeline_id=pipeline_id)
    return next((_freshness(row, at) for row in rows), None)


def _freshness(row: Any, at: datetime) -> Freshness:
    freshness, timeliness = (_expectation(row, check) for check in ("freshness", "timeliness"))
    overdue = row.overdue_from is not None and at > row.overdue_from
    punctual = timeliness.standing(at, at, at)
    if punctual is Standing.GOOD and (row.late or overdue):
        punctual = Standing.BAD
    return Freshness(
        id=row.id,
        name=row.name,
        title=row.title,
        kind=row.kind,
        type_name=row.type_name,
        freshness=freshness,
        timeliness=timeliness,
        changed_at=row.changed_at,
        stale_from=row.stale_from,
        late=row.late,
        late_at=row.late_at,
        late_execution_id=row.late_execution_id,
        running_since=row.running_since,
        overdue=overdue,
        fresh=freshness.standing(row.changed_at, row.stale_from, at),
        punctual=punctual,
    )


def _expectation(row: Any, check: str) -> Expectation:
    return Expectation(
        number=getattr(row, f"{check}_number"),
        datepart=getattr(row, f"{check}_datepart"),
        inherited=getattr(row, f"{check}_inherited"),
        muted=getattr(row, f"mute_{check}"),
        type_muted=getattr(row, f"type_mute_{check}"),
    )
