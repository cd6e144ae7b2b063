"""From an execution of ours to OpenLineage events: its start, and its end with what it did."""

import re
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Any

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    documentation_job,
    error_message_run,
    input_statistics_input_dataset,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    sql_job,
)
from openlineage.client.naming.dataset import MySQL, Postgres, Redshift

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.lineage import Place
from supersync_core.domain.openlineage import Dataset
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.services.openlineage.own_runs import Flow, OwnRun, Side

PRODUCER = f"supersync://{version('supersync')}"

_ENDS = {
    ExecutionState.SUCCEEDED: RunState.COMPLETE,
    ExecutionState.FAILED: RunState.FAIL,
    ExecutionState.CANCELLED: RunState.ABORT,
}
# cluster.id.region.redshift.amazonaws.com, or workgroup.account.region.redshift-serverless.amazonaws.com
_CLUSTER = re.compile(r"(?P<name>[^.]+)\.[^.]+\.(?P<region>[^.]+)\.redshift(-serverless)?\.amazonaws\.com(\.cn)?")


def start_event(run: OwnRun, flow: Flow, namespace: str) -> RunEvent:
    """That the execution began, with what it reads and writes as far as that is known."""
    inputs = [InputDataset(*one) for one in datasets(flow.sources)]
    outputs = [OutputDataset(*one) for one in datasets(flow.targets)]
    return _event(run, namespace, RunState.START, _began(run), inputs, outputs)


def end_event(run: OwnRun, flow: Flow, namespace: str) -> RunEvent:
    """How the execution ended, with the rows and bytes that it moved."""
    execution = run.execution
    assert execution.ended_at is not None
    counts, size = execution.counts, execution.bytes
    done = execution.state is ExecutionState.SUCCEEDED or counts.upserted
    read = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(counts.extracted, size, producer=PRODUCER)
    written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        counts.upserted, size, producer=PRODUCER
    )
    inputs, outputs = datasets(flow.sources), datasets(flow.targets)
    # The counts are those of all together: with several sides nobody knows whose they are.
    input_facets: dict[str, Any] = {"inputStatistics": read} if done and len(inputs) == 1 else {}
    output_facets: dict[str, Any] = {"outputStatistics": written} if done and len(outputs) == 1 else {}
    return _event(
        run,
        namespace,
        _ENDS[execution.state],
        execution.ended_at,
        [InputDataset(*one, inputFacets=input_facets) for one in inputs],
        [OutputDataset(*one, outputFacets=output_facets) for one in outputs],
    )


def _event(  # noqa: PLR0913  # what an event is made of
    run: OwnRun,
    namespace: str,
    kind: RunState,
    at: datetime,
    inputs: list[InputDataset],
    outputs: list[OutputDataset],
) -> RunEvent:
    return RunEvent(
        eventType=kind,
        eventTime=at.isoformat(),
        run=Run(str(run.execution.public_id), _run_facets(run, namespace)),
        job=Job(namespace, run.pipeline.name, _job_facets(run)),
        inputs=inputs,
        outputs=outputs,
        producer=PRODUCER,
    )


def _began(run: OwnRun) -> datetime:
    return run.execution.started_at or run.execution.queued_at


def _run_facets(run: OwnRun, namespace: str) -> dict[str, Any]:
    engine = processing_engine_run.ProcessingEngineRunFacet(version("supersync"), "supersync", producer=PRODUCER)
    facets: dict[str, Any] = {"processing_engine": engine}
    if run.parent is not None and run.parent_pipeline is not None:
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(str(run.parent.public_id)),
            job=parent_run.Job(namespace, run.parent_pipeline.name),
            producer=PRODUCER,
        )
    error = run.execution.error
    if error is not None:
        message = f"{error.get('type', 'Error')}: {error.get('message', '')}"
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "PYTHON", producer=PRODUCER)
    return facets


def _job_facets(run: OwnRun) -> dict[str, Any]:
    pipeline = run.pipeline
    facets: dict[str, Any] = {
        "jobType": job_type_job.JobTypeJobFacet(
            processingType="STREAMING" if pipeline.kind is PipelineKind.CDC else "BATCH",
            integration="SUPERSYNC",
            jobType=pipeline.kind.value.upper(),
            producer=PRODUCER,
        )
    }
    if pipeline.title:
        facets["documentation"] = documentation_job.DocumentationJobFacet(pipeline.title, producer=PRODUCER)
    source = pipeline.spec.get("source")
    if isinstance(source, dict) and source.get("sql"):
        facets["sql"] = sql_job.SQLJobFacet(str(source["sql"]), producer=PRODUCER)
    return facets


def datasets(sides: Sequence[Side | Place]) -> list[Dataset]:
    """The sides as OpenLineage names datasets, so that other tools' lineage meets ours. SQL is no dataset."""
    return [found for side in sides if (found := _dataset(side)) is not None]


def _dataset(side: Side | Place) -> Dataset | None:
    if isinstance(side, Place):
        return Dataset(side.type_name, side.name)
    if side.relation.sql is not None:
        return None
    table = side.relation.table
    schema, name = (table.schema, table.name) if table is not None else ("", side.relation.query or "")
    if side.location is None:
        return Dataset(f"{side.type_name}://{side.connection}", _joined(schema, name))
    named = _named(side.type_name, *side.location, schema, name)
    if not schema:
        return Dataset(named.get_namespace(), _joined(side.location.database, name))
    return Dataset(named.get_namespace(), named.get_name())


def _joined(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _named(type_name: str, host: str, port: int, database: str, schema: str, name: str) -> Any:  # noqa: PLR0913
    cluster = _CLUSTER.fullmatch(host)
    if type_name == "redshift" and cluster is not None:
        return Redshift(cluster["name"], cluster["region"], str(port), database, schema or "public", name)
    if type_name == "mysql":
        # What PostgreSQL calls a schema is a database there; `public` stands for the connection's own.
        return MySQL(host, str(port), database if schema in ("", "public") else schema, name)
    return Postgres(host, str(port), database, schema or "public", name)
