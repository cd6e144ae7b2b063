"""Read and write what OpenLineage events have said of runs."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, lazyload

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.openlineage import Dataset
from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.addresses import put_address_types, put_addresses
from supersync_core.ledger.lineage_tables import LineageEdge
from supersync_core.ledger.openlineage_tables import OpenLineageRun
from supersync_core.ledger.tables import Execution, Pipeline


def lock_pipeline(session: Session, pipeline_id: int) -> Pipeline:
    """The pipeline, locked for this transaction: events of one job take turns."""
    locked = select(Pipeline).where(Pipeline.id == pipeline_id).with_for_update(key_share=True).options(lazyload("*"))
    return session.scalars(locked.execution_options(populate_existing=True)).one()


def lock_runs(session: Session, run_ids: Collection[uuid.UUID]) -> None:
    """Let nobody else make or look for these runs before this transaction ends."""
    for run_id in sorted(run_ids):
        name = f"supersync.openlineage:{run_id}"
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def find_run(session: Session, run_id: uuid.UUID) -> OpenLineageRun | None:
    """What was said of a run."""
    return session.scalar(select(OpenLineageRun).filter_by(run_id=run_id))


def find_job(session: Session, pipeline_id: int) -> OpenLineageRun | None:
    """What was said of a job as such."""
    return session.scalar(select(OpenLineageRun).filter_by(pipeline_id=pipeline_id, execution_id=None))


def find_execution(session: Session, run_id: uuid.UUID) -> Execution | None:
    """The execution that has this public id, whoever runs it."""
    return session.scalar(select(Execution).filter_by(public_id=run_id))


def insert_execution(session: Session, pipeline_id: int, run_id: uuid.UUID, *, at: datetime) -> Execution | None:
    """A running execution of a pipeline that others run; None where one of this public id is there."""
    values = {"pipeline_id": pipeline_id, "public_id": run_id, "managed": False, "state": ExecutionState.RUNNING}
    counts = dict.fromkeys(("rows_extracted", "rows_inserted", "rows_updated", "rows_deleted"))
    new = insert(Execution).values(**values, **counts, queued_at=at, started_at=at)
    return session.scalar(new.on_conflict_do_nothing(index_elements=[Execution.public_id]).returning(Execution))


def newest_flows(session: Session, pipeline_id: int) -> OpenLineageRun | None:
    """Of the pipeline's runs through which data flows, the one that began last."""
    newest = (OpenLineageRun.began_at.desc(), OpenLineageRun.run_id.desc().nulls_last())
    flowing = select(OpenLineageRun).where(OpenLineageRun.pipeline_id == pipeline_id, OpenLineageRun.flows)
    return session.scalar(flowing.order_by(*newest).limit(1))


def put_datasets(session: Session, datasets: Collection[Dataset], *, at: datetime) -> dict[Dataset, int]:
    """The ids of the datasets' addresses, made where they are missing; what is known of those that are there stays."""
    if not datasets:
        return {}
    types = put_address_types(session, dict(dataset.type for dataset in datasets), at=at)
    rows = [
        {
            "name": dataset.address,
            "type_id": types[fold_name(dataset.type[0])][0],
            **dict.fromkeys(("database_name", "schema_name", "table_name")),
            **dataset.parts,
            "reported_hash": None,
        }
        for dataset in datasets
    ]
    found = put_addresses(session, rows, at=at)
    return {dataset: found[fold_name(dataset.address)][0] for dataset in datasets}


def count_edges(session: Session, pipeline_id: int) -> int:
    """How many edges were reported of the pipeline."""
    reported = select(func.count()).select_from(LineageEdge).filter_by(pipeline_id=pipeline_id, reported=True)
    return session.scalar(reported) or 0


def link_parent(session: Session, execution: Execution, parent_run_id: uuid.UUID) -> None:
    """Let an execution have this parent; none while that is not there, or where it is below the execution itself."""
    parent = find_execution(session, parent_run_id)
    circle = parent is not None and execution.id in _ancestors(session, parent.id)
    execution.parent_id = parent.id if parent is not None and not circle else None


def children_of(session: Session, run_id: uuid.UUID) -> Sequence[Execution]:
    """Executions whose events name this run as their parent, and that have no parent yet."""
    named = select(Execution).join(OpenLineageRun, OpenLineageRun.execution_id == Execution.id)
    waiting = and_(OpenLineageRun.parent_run_id == run_id, Execution.parent_id.is_(None))
    return session.scalars(named.where(waiting).order_by(Execution.id)).all()


def _ancestors(session: Session, execution_id: int) -> set[int]:
    """The execution itself and all above it."""
    above = select(Execution.id, Execution.parent_id).where(Execution.id == execution_id).cte("above", recursive=True)
    # UNION, not UNION ALL: it ends in any case.
    above = above.union(select(Execution.id, Execution.parent_id).join(above, Execution.id == above.c.parent_id))
    return set(session.scalars(select(above.c.id)))


def newest_insert(session: Session, pipeline_id: int) -> datetime | None:
    """The end of the pipeline's last success that inserted rows."""
    inserting = and_(Execution.state == ExecutionState.SUCCEEDED, Execution.rows_inserted > 0)
    ends = select(Execution.ended_at).where(Execution.pipeline_id == pipeline_id, inserting)
    return session.scalar(ends.order_by(Execution.ended_at.desc()).limit(1))
