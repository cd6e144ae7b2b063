"""The OpenAPI document: it shows the document's bodies, and no request gets an answer that it does not name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from supersync_dagster.api.watcher import openapi
from tests.dagster.api.watcher.apis import Api

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CASES = int(os.environ.get("SUPERSYNC_API_CASES", "8"))
"""At most so many requests are made up for each operation beside the examples and the edges."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("name", ["watcher", "incidents"])
@pytest.mark.timeout(900)
def test_no_request_is_answered_with_something_undocumented(api: Api, name: str, tmp_path: Path) -> None:
    pipeline = api.pipeline(pipeline_metadata={"a": 1})
    api.ended(api.started(pipeline, parent_id=api.started(pipeline)), execution_metadata={"a": 1})
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", f"{api.client.base_url}/api/openapi/{name}.json", "--checks", CHECKS),
            *("--max-examples", str(CASES), "--seed", "1", "--phases", "examples,coverage,fuzzing"),
            *("--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]


def test_the_documents_bodies_are_shown(api: Api) -> None:
    paths = api.get("/api/openapi/watcher.json")["paths"]
    for (method, path), (sent, answered) in openapi.SHOWN.items():
        operation = paths[path][method]
        shown = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("examples", {})
        assert [one["value"] for one in shown.values()] == sent
        for status, answer in answered.items():
            assert operation["responses"][str(status)]["content"]["application/json"]["example"] == answer


@pytest.mark.parametrize(
    ("method", "path"),
    [pytest.param(*one, id=" ".join(one)) for one, (sent, _) in openapi.SHOWN.items() if sent],
)
def test_the_documents_requests_are_taken(api: Api, method: str, path: str) -> None:
    for number in (1, 2):
        api.pipeline(f"pipeline {number}", next_watermark=1)
        api.post("/pipeline_type", name=f"type {number}")
        api.post("/address", name=f"{number}", address_type_name=f"{number}", address_type_group_name="g")
    api.started(1, start_date="2024-01-01T10:00:00Z")
    api.post("/anomaly_detection_rule", pipeline_id=1, metric_field="inserts")
    with api.ledger.begin() as session:
        session.execute(text("UPDATE supersync.executions SET anomaly_flags = '{\"total_rows\": true}'"))
    sent, answered = openapi.SHOWN[method, path]
    for body in sent:
        answer = api.client.request(method, path, json=body)
        assert answer.status_code in (answered or {204: None}), answer.text
        if answered:
            shown: Any = answered[answer.status_code]
            assert set(shown) <= set(answer.json()) <= {*shown, "input_hash"}
