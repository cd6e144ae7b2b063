"""Events as others send them."""

import uuid
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.openlineage import AnyEvent, Taken, take_event
from supersync_core.services.pipelines import get_pipeline
from tests.core.services.reports import NOON

EVENTS: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)
RUN = "0176a8c2-fe01-7439-87e6-56a1a1b4029f"
OTHER_RUN = "0176a8c2-fe01-7439-87e6-56a1a1b4029a"
ORDERS = {"namespace": "postgres://db:5432", "name": "shop.public.orders"}
REPORT = {"namespace": "s3://lake", "name": "reports/orders"}
ORDERS_TO_REPORT = {("postgres://db:5432/shop.public.orders", "s3://lake/reports/orders")}


def time(minutes: float) -> str:
    """So many minutes after noon."""
    return (NOON + timedelta(minutes=minutes)).isoformat()


def run_event(kind: str | None = "START", minutes: float = 0, *, run: str = RUN, **more: Any) -> dict[str, Any]:
    """An event of a run of airflow/daily; `facets` are the run's, `job_facets` the job's."""
    return {
        "eventType": kind,
        "eventTime": time(minutes),
        "run": {"runId": run, "facets": more.pop("facets", {})},
        "job": {"namespace": "airflow", "name": more.pop("job", "daily"), "facets": more.pop("job_facets", {})},
        "producer": "https://example.com/airflow",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **more,
    }


def written(dataset: dict[str, str], rows: int | None = None, size: int | None = None) -> dict[str, Any]:
    """An output with statistics."""
    return {**dataset, "outputFacets": {"outputStatistics": {"rowCount": rows, "size": size}}}


def parent(run: str | uuid.UUID) -> dict[str, Any]:
    """Run facets that name the parent."""
    return {"parent": {"run": {"runId": str(run)}, "job": {"namespace": "airflow", "name": "parent"}}}


def take(session: Session, *events: dict[str, Any]) -> Taken:
    """Take events one after the other; what the last one was about."""
    return [take_event(session, EVENTS.validate_python(event), at=NOON) for event in events][-1]


def execution(session: Session, run: str = RUN) -> Execution:
    """The execution that a run is, as the ledger has it."""
    session.expire_all()
    return session.query(Execution).filter_by(public_id=uuid.UUID(run)).one()


def pipeline(session: Session, name: str = "airflow/daily") -> Pipeline:
    """The pipeline of that name, as the ledger has it."""
    session.expire_all()
    return get_pipeline(session, name)


def edges(session: Session) -> set[tuple[str, str]]:
    """The names of the addresses between which edges were reported."""
    found = session.execute(
        text(
            "SELECT s.name, t.name FROM supersync.lineage_edges e JOIN supersync.addresses s ON s.id = e.source_id"
            " JOIN supersync.addresses t ON t.id = e.target_id WHERE e.reported"
        )
    )
    return {(source, target) for source, target in found}
