"""Read and write pipelines as those who report them see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Row, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState, PipelineKind, fold_name
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.ledger.tables import Pipeline


class Found(NamedTuple):
    """What is known of a pipeline of some name."""

    id: int
    name: str
    kind: PipelineKind
    desired_state: DesiredState
    load_lineage: bool
    watermark: str | None
    reported_hash: str | None


def find_reported(session: Session, name: str) -> Found | None:
    """The pipeline of that name, whatever its case and whoever runs it."""
    columns = [getattr(Pipeline, field) for field in Found._fields]
    row = session.execute(select(*columns).where(Pipeline.name_key == fold_name(name))).one_or_none()
    return Found(*row) if row is not None else None


def insert_reported(session: Session, values: Mapping[str, Any], *, at: datetime) -> int | None:
    """A new pipeline that others run; its id, or None where one of that name has just come to be."""
    times = {"created_at": at, "updated_at": at}
    new = insert(Pipeline).values(name_key=fold_name(values["name"]), kind=PipelineKind.EXTERNAL, **times, **values)
    return session.scalar(new.on_conflict_do_nothing(index_elements=[Pipeline.name_key]).returning(Pipeline.id))


def overwrite_reported(session: Session, pipeline_id: int, changes: Mapping[str, Any]) -> None:
    """Write columns of a pipeline."""
    session.execute(update(Pipeline).where(Pipeline.id == pipeline_id).values(dict(changes)))


_NAMES = (
    *(
        "id",
        "name",
        "name_key",
        "kind",
        "type_id",
        "watermark",
        "next_watermark",
        "extra",
        "desired_state",
        "load_lineage",
    ),
    *("last_inserted_at", "last_updated_at", "last_deleted_at", "created_at", "updated_at", "reported_hash"),
    *("freshness_number", "freshness_datepart", "mute_freshness"),
    *("timeliness_number", "timeliness_datepart", "mute_timeliness"),
)
_COLUMNS = [Pipeline.__table__.c[name] for name in _NAMES]

ReportedPipeline = Row[Any]
"""The columns of a pipeline that are reported, by their names in the ledger."""


@dataclass(frozen=True)
class PipelineFilter:
    """Which pipelines; None means any. `contains`: part of the name, whatever its case."""

    type_id: int | None = None
    kind: PipelineKind | None = None
    active: bool | None = None
    contains: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on pipelines; retired ones are left out."""
        found: list[ColumnElement[bool]] = [Pipeline.retired_at.is_(None)]
        if self.type_id is not None:
            found.append(Pipeline.type_id == self.type_id)
        if self.kind is not None:
            found.append(Pipeline.kind == self.kind)
        if self.active is not None:
            running = Pipeline.desired_state == DesiredState.RUNNING
            found.append(running if self.active else ~running)
        if self.contains:
            found.append(Pipeline.name_key.contains(fold_name(self.contains), autoescape=True))
        return found


EVERY_PIPELINE = PipelineFilter()


def select_reported_pipelines(
    session: Session, wanted: PipelineFilter = EVERY_PIPELINE, page: Page = ALL
) -> Sequence[ReportedPipeline]:
    """Pipelines that are not retired."""
    return session.execute(paged(select(*_COLUMNS).where(*wanted.conditions()), Pipeline, page)).all()


def find_reported_by_id(session: Session, pipeline_id: int) -> ReportedPipeline | None:
    """A pipeline, retired or not."""
    return session.execute(select(*_COLUMNS).where(Pipeline.id == pipeline_id)).one_or_none()


def pipelines_version(session: Session) -> tuple[int, int]:
    """Two numbers that differ whenever any column of any pipeline has changed: their count, and a sum over versions.

    Each version of a row has the number of the transaction that wrote it, so a look at these costs a fraction of a
    look at all columns, and sees what this transaction sees.
    """
    version = literal_column("hashint8extended(xmin::text::bigint, id)", BigInteger)
    both = select(func.count(), func.coalesce(func.sum(version), 0)).select_from(Pipeline)
    count, total = session.execute(both).one()
    return int(count), int(total)
