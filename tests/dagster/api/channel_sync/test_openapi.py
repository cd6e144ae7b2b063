"""The OpenAPI document: it shows the document's bodies, and no request gets an answer that it does not name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supersync_dagster.api.channel_sync import openapi
from tests.core.services.channel_sync.conftest import said
from tests.dagster.api.channel_sync.apis import Api

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CASES = int(os.environ.get("SUPERSYNC_API_CASES", "8"))
"""At most so many requests are made up for each operation beside the examples and the edges."""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(900)
def test_no_request_is_answered_with_something_undocumented(api: Api, tmp_path: Path) -> None:
    api.chat.messages += [said(n, "The BillingService depends on PostgreSQL since March.") for n in range(3)]
    api.sync()
    done = subprocess.run(
        [
            *(
                SCHEMATHESIS,
                "run",
                f"{str(api.client.base_url).rstrip('/')}/api/openapi/channel_sync.json",
                "--checks",
                CHECKS,
            ),
            *("--max-examples", str(CASES), "--seed", "1", "--phases", "examples,coverage,fuzzing"),
            *("--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.parametrize(("method", "path"), openapi.SHOWN, ids=str)
def test_the_documents_bodies_are_shown(api: Api, method: str, path: str) -> None:
    operation: Any = api.get("/api/openapi/channel_sync.json")["paths"][path][method]
    sent, answered = openapi.SHOWN[method, path]
    assert operation["responses"]["200"]["content"]["application/json"]["example"] == answered
    if sent is not None:
        assert operation["requestBody"]["content"]["application/json"]["example"] == sent
