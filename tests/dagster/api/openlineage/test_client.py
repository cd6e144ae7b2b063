"""The clients that others use, and requests that nobody has thought of."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    Dataset,
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)
from requests import HTTPError

from supersync_core.services.addresses import list_addresses
from supersync_core.services.pipeline_types import PipelineType
from tests.core.services.openlineage.events import edges, execution, pipeline
from tests.core.services.reports import MINUTE, NOON
from tests.dagster.api.openlineage.conftest import Intake

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CASES = os.environ.get("SUPERSYNC_API_CASES", "8")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
RUN, PARENT = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


def client(intake: Intake, **transport: Any) -> OpenLineageClient:
    """A client with its HTTP transport, as it is configured anywhere."""
    return OpenLineageClient(config={"transport": {"type": "http", "url": intake.url, **transport}})


def run_event(kind: RunState, minutes: int, **more: Any) -> RunEvent:
    job_type = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="AIRFLOW")
    parent = parent_run.ParentRunFacet(run=parent_run.Run(PARENT), job=parent_run.Job("airflow", "dag"))
    nominal = nominal_time_run.NominalTimeRunFacet(nominalStartTime="2026-11-22T12:00:00Z")
    facets = {"parent": parent, "nominalTime": nominal, **more.pop("facets", {})}
    return RunEvent(
        eventType=kind,
        eventTime=(NOON + timedelta(minutes=minutes)).isoformat(),
        run=Run(RUN, facets),
        job=Job("airflow", "daily", {"jobType": job_type}),
        producer="https://example.com/airflow",
        **more,
    )


@pytest.mark.parametrize("transport", [{}, {"compression": "gzip"}], ids=["plain", "packed"])
def test_the_runs_of_the_python_client_are_executions(intake: Intake, transport: dict[str, str]) -> None:
    sender = client(intake, **transport)
    schema = schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields("id", "INT")])
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=5, size=100)
    output = OutputDataset("s3://lake", "report", outputFacets={"outputStatistics": statistics})
    sender.emit(run_event(RunState.START, 0, inputs=[InputDataset("file", "/a.csv", facets={"schema": schema})]))
    sender.emit(run_event(RunState.COMPLETE, 1, outputs=[output]))
    with intake.ledger.begin() as session:
        found = execution(session, RUN)
        assert (found.state, found.started_at, found.ended_at) == ("succeeded", NOON, NOON + MINUTE)
        assert (found.rows_extracted, found.rows_inserted, found.bytes) == (5, 5, 100)
        assert session.get_one(PipelineType, pipeline(session).type_id).name == "airflow"
        assert edges(session) == {("file//a.csv", "s3://lake/report")}


def test_the_failures_of_the_python_client_have_their_errors(intake: Intake) -> None:
    error = error_message_run.ErrorMessageRunFacet("no such table", "PYTHON")
    client(intake).emit(run_event(RunState.FAIL, 1, facets={"errorMessage": error}))
    found = intake.read(lambda session: execution(session, RUN))
    assert (found.state, found.error) == ("failed", {"type": "PYTHON", "message": "no such table"})


def test_jobs_and_datasets_of_the_python_client_are_pipelines_and_addresses(intake: Intake) -> None:
    sender, base = client(intake), {"eventTime": NOON.isoformat(), "producer": "https://example.com"}
    datasets = {"inputs": [InputDataset("file", "/a")], "outputs": [OutputDataset("file", "/b")]}
    sender.emit(JobEvent(job=Job("dbt", "orders"), **datasets, **base))
    sender.emit(DatasetEvent(dataset=Dataset("file", "/c"), **base))  # type: ignore[arg-type]
    with intake.ledger.begin() as session:
        assert edges(session) == {("file//a", "file//b")}
        assert [one.name for one in list_addresses(session)] == ["file//a", "file//b", "file//c"]


def test_the_python_client_is_known_by_its_key_and_hears_when_it_is_not(opened: Callable[..., Intake]) -> None:
    intake = opened(auth="token", tokens="ci:operator:a-token-of-an-operator")
    auth = {"type": "api_key", "apiKey": "a-token-of-an-operator"}
    client(intake, auth=auth).emit(run_event(RunState.START, 0))
    assert intake.read(lambda session: execution(session, RUN).state) == "running"
    with pytest.raises(HTTPError, match="401"):
        client(intake).emit(run_event(RunState.COMPLETE, 1))


@pytest.mark.timeout(900)
def test_no_request_is_answered_with_something_undocumented(intake: Intake, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", f"{intake.url}/api/openapi/openlineage.json", "--checks", CHECKS),
            *("--max-examples", CASES, "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]
