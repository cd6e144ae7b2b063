"""The OpenAPI documents: they show the document's answers, and no request gets an answer that they do not name."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from supersync_dagster.api.table_sync import examples, wire
from tests.dagster.api.table_sync.apis import NOON, SYNC, Api

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CASES = int(os.environ.get("SUPERSYNC_API_CASES", "8"))
"""At most so many requests are made up for each operation beside the examples and the edges; 300 make 2,000 in all."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("name", ["table_sync", "system"])
@pytest.mark.timeout(900)
def test_no_request_is_answered_with_something_undocumented(api: Api, name: str, tmp_path: Path) -> None:
    api.declare("table_stats_sync", "query_history_sync")
    for number in range(3):
        api.ran("table_stats_sync", at=NOON - timedelta(minutes=number))
    done = subprocess.run(
        [
            *(SCHEMATHESIS, "run", f"{api.url}/api/openapi/{name}.json", "--checks", CHECKS),
            # A stream never ends.
            *("--exclude-path", f"{SYNC}/stream", "--max-examples", str(CASES), "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    print(done.stdout[-3000:])  # how many there were
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize(
    ("method", "path", "model", "example"),
    [
        ("get", "/status", wire.SyncStatus, examples.STATUS),
        ("post", "/trigger", wire.TriggerResponse, examples.TRIGGERED),
    ],
)
def test_the_documents_answers_are_shown_and_are_as_we_write_them(
    api: Api, method: str, path: str, model: type[BaseModel], example: dict[str, object]
) -> None:
    operation = httpx.get(f"{api.url}/api/openapi/table_sync.json").json()["paths"][SYNC + path][method]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert json.dumps(shown) == json.dumps(example) == json.dumps(model.model_validate(example).model_dump(mode="json"))
