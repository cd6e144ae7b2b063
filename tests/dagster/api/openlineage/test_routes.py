"""Events over HTTP: what is answered, and what is written."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.services.pipelines import register_pipeline
from supersync_dagster.api.openlineage import COMPLETE, FAIL, START
from tests.acceptance.console import until
from tests.core.services.openlineage.events import OTHER_RUN, execution, run_event
from tests.core.services.reports import NOON
from tests.dagster.api.openlineage.conftest import Intake

TOKENS = "ci:operator:a-token-of-an-operator,eye:viewer:a-token-of-some-viewer"
PIPELINE = "airflow/daily.load_orders"


def written(intake: Intake) -> int:
    """How many pipelines, executions and addresses there are."""
    tables = ("pipelines", "executions", "addresses")
    counts = [f"(SELECT count(*) FROM supersync.{table})" for table in tables]
    return int(intake.read(lambda session: session.scalar(text(f"SELECT {' + '.join(counts)}"))))


def test_an_event_is_answered_with_what_it_was_about(intake: Intake) -> None:
    answer = intake.post(START)
    found = intake.read(lambda session: execution(session, START["run"]["runId"]))
    assert (answer.status_code, answer.json()) == (201, {"pipeline": PIPELINE, "execution_id": found.id})
    assert intake.post(COMPLETE).json()["execution_id"] == found.id


def test_an_event_leaves_an_entry_in_the_audit(intake: Intake) -> None:
    intake.post(START)
    intake.post([COMPLETE, run_event(run=OTHER_RUN)], "/batch")
    assert intake.audit() == [
        ("lineage.events", PIPELINE, 201),
        ("lineage.events", f"airflow/daily, {PIPELINE}", 200),
    ]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"run": {"runId": "42"}}, "body.RunEvent.run.runId"),
        ({"eventTime": "soon"}, "body.RunEvent.eventTime"),
        ({"job": {"namespace": "a"}}, "body.RunEvent.job.name"),
    ],
)
def test_what_is_wrong_with_an_event_is_said_and_nothing_is_written(
    intake: Intake, change: dict[str, Any], where: str
) -> None:
    answer = intake.post({**START, **change})
    assert (answer.status_code, [one["where"] for one in answer.json()["errors"]]) == (422, [where])
    assert written(intake) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[]", 422), (b"", 422), (b"[" * 100_000, 422), (b'{"run": {"runId": "\\ud800"}}', 422)],
)
def test_what_is_no_event_is_refused(intake: Intake, body: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{intake.url}/api/v1/lineage", content=body, headers=headers)
    assert (answer.status_code, written(intake)) == (status, 0)


def test_a_pipeline_that_supersync_runs_is_refused_in_plain_words(intake: Intake) -> None:
    declared = PipelineDeclaration(PIPELINE, PipelineKind.TABLE_SYNC)
    intake.read(lambda session: register_pipeline(session, declared, at=NOON))
    answer = intake.post(START)
    assert answer.status_code == 409
    assert answer.json()["detail"] == f"{PIPELINE} is a pipeline that supersync runs: nobody else may report runs of it"
    assert written(intake) == 1


def test_a_batch_is_taken_as_a_whole(intake: Intake) -> None:
    answer = intake.post(
        [COMPLETE, START, {"eventTime": START["eventTime"], "dataset": COMPLETE["outputs"][0]}], "/batch"
    )
    id_ = intake.read(lambda session: execution(session, START["run"]["runId"]).id)
    one = {"pipeline": PIPELINE, "execution_id": id_}
    nothing = {"pipeline": None, "execution_id": None}
    assert (answer.status_code, answer.json()) == (200, {"events": [one, one, nothing]})


@pytest.mark.parametrize("bad", [{**FAIL, "eventTime": "soon"}, {**FAIL, "job": {"namespace": "ours", "name": "x"}}])
def test_a_batch_with_an_event_that_is_refused_writes_nothing(intake: Intake, bad: dict[str, Any]) -> None:
    declared = PipelineDeclaration("ours/x", PipelineKind.TABLE_SYNC)
    intake.read(lambda session: register_pipeline(session, declared, at=NOON))
    assert intake.post([START, bad], "/batch").status_code in (409, 422)
    assert written(intake) == 1


def test_a_new_pipeline_becomes_an_asset_of_dagsters(intake: Intake) -> None:
    intake.post(START)
    intake.post(COMPLETE)
    until(lambda: intake.launcher.reloads == 1)


def test_a_body_may_be_packed(intake: Intake) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    url = f"{intake.url}/api/v1/lineage"
    assert httpx.post(url, content=gzip.compress(json.dumps(START).encode()), headers=headers).status_code == 201
    assert httpx.post(url, content=json.dumps(START).encode(), headers=headers).status_code == 400
    bomb = gzip.compress(json.dumps({**START, "more": "x" * 20_000_000}).encode())
    assert httpx.post(url, content=bomb, headers=headers, timeout=30).status_code == 413


def test_an_event_may_be_large(intake: Intake) -> None:
    plan = {"spark.logicalPlan": {"plan": "x" * 5_000_000}}
    assert intake.post({**START, "run": {**START["run"], "facets": plan}}).status_code == 201


@pytest.mark.parametrize(
    ("token", "status"),
    [("a-token-of-an-operator", 201), ("a-token-of-some-viewer", 403), (None, 401), ("another", 401)],
)
def test_events_need_an_operator(opened: Callable[..., Intake], token: str | None, status: int) -> None:
    intake = opened(auth="token", tokens=TOKENS)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    assert intake.post(START, headers=headers).status_code == status
    assert (written(intake) > 0) == (status == 201)


def test_the_page_of_the_api_shows_events(intake: Intake) -> None:
    paths = httpx.get(f"{intake.url}/api/openapi/openlineage.json").json()["paths"]
    body = paths["/api/v1/lineage"]["post"]["requestBody"]["content"]["application/json"]
    for example in body["examples"].values():
        assert intake.post(example["value"]).status_code == 201
    many = paths["/api/v1/lineage/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]["examples"]
    assert intake.post(many[0], "/batch").status_code == 200
