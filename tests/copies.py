"""Many pipelines at once: to register a thousand one by one takes ten seconds."""

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.tables import Pipeline, Schedule


def copy_pipeline(session: Session, pipeline: Pipeline, *names: str) -> None:
    """Add pipelines that differ from this one in their names alone, with its schedule if it has one."""
    like = _values(session, Pipeline, Pipeline.id == pipeline.id)
    del like["id"]
    rows = [{**like, "name": name, "name_key": fold_name(name)} for name in names]
    ids = session.scalars(insert(Pipeline).returning(Pipeline.id), rows).all()
    if pipeline.schedule is not None:
        like = _values(session, Schedule, Schedule.pipeline_id == pipeline.id)
        session.execute(insert(Schedule), [{**like, "pipeline_id": id_} for id_ in ids])


def _values(session: Session, model: Any, where: Any) -> dict[str, Any]:
    """A row, by the names of the model's attributes."""
    columns = {one.key: getattr(model, one.key) for one in model.__mapper__.column_attrs}
    row = session.execute(select(*(column.label(name) for name, column in columns.items())).where(where)).one()
    return dict(row._mapping)
