"""A password that is in every DSN, and the tokens, are nowhere to be seen: not in an answer, a page, a log, an event, a
metric, a run's configuration, the audit or any table."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg2
import pytest
from psycopg2 import sql
from sqlalchemy import make_url

from supersync_core.domain.access import Role
from tests.acceptance.console import SECRET, rows, supersync
from tests.conformance.api.routes import our_endpoints
from tests.conformance.api.site import TOKENS, Site

CANARIES = (SECRET, "static-canary-token")
HOW = [
    pytest.param(name, id=name)
    for name in ("application/json", "text/html,*/*", "text/plain", "application/openmetrics-text; version=1.0.0")
]

RUNS = """{ runsOrError { ... on Runs { results { runId runConfigYaml status tags { key value } stats { __typename }
 assetMaterializations { metadataEntries { label description ... on TextMetadataEntry { text }
 ... on UrlMetadataEntry { url } ... on JsonMetadataEntry { jsonString } ... on TableMetadataEntry { table { records } }
 ... on MarkdownMetadataEntry { mdStr } ... on PathMetadataEntry { path } } } } } } }"""
EVENTS = """query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events { __typename
 ... on MessageEvent { message } ... on ErrorEvent { error { message stack causes { message stack }
 errorChain { error { message stack } } } } } } } }"""
INSTANCE = "{ instance { info daemonHealth { allDaemonStatuses { daemonType lastHeartbeatErrors { message } } } } }"
ASSETS = """{ assetNodes { description jobNames kinds opNames metadataEntries { label ... on TextMetadataEntry { text }
 ... on UrlMetadataEntry { url } ... on JsonMetadataEntry { jsonString } } configField { configType { key } }
 requiredResources { resourceKey } } }"""
RESOURCES = """{ repositoriesOrError { ... on RepositoryConnection { nodes {
 allTopLevelResourceDetails { name description resourceType configuredValues { key value } configFields { name
 defaultValueAsJson } } schedules { name scheduleState { status ticks(limit: 5) { error { message stack } } } }
 sensors { name sensorState { ticks(limit: 5) { error { message stack } logKey } } } } } } }"""
WORKSPACE = """{ workspaceOrError { ... on Workspace { locationEntries { name displayMetadata { key value }
 locationOrLoadError { ... on PythonError { message stack } } } } } }"""


@pytest.fixture(scope="module")
def used_site(closed_site: Site) -> Site:
    """A site on which things went well, and badly."""
    assert closed_site.run("table_stats_sync")["status"] == "success"
    assert closed_site.run("broken")["status"] == "failed"
    with closed_site.client() as client:
        client.post("/api/v1/sync/jobs/slow/pause")
        client.get("/health")
        client.get("/nowhere", headers={"Authorization": f"Bearer {TOKENS['viewer']}x"})
        client.post("/supersync/login", data={"token": TOKENS["viewer"]}, headers={"Origin": closed_site.url})
        client.post("/api/v1/sync/trigger", content=f'{{"job_id": "{SECRET[:4]}"', headers={"Idempotency-Key": "k"})
        report(client)
    return closed_site


def report(client: httpx.Client) -> None:
    """A pipeline of somebody else, with all that belongs to one; and mistakes."""
    made = client.post("/pipeline", json={"name": "reported", "pipeline_type_name": "t"}).json()["id"]
    begun = client.post("/start_pipeline_execution", json={"pipeline_id": made}).json()["id"]
    client.post("/end_pipeline_execution", json={"id": begun, "end_date": "2020-01-01", "inserts": TOKENS["admin"]})
    client.post("/anomaly_detection_rule", json={"pipeline_id": made, "metric_field": "inserts"})
    place = {"name": "a.b.c", "address_type_name": "t", "address_type_group_name": "g"}
    sides = {"source_addresses": [place], "target_addresses": [{**place, "name": SECRET[:4]}]}
    client.post("/address_lineage", json={"pipeline_id": made, **sides})
    client.post("/pipeline", json={"name": "x", "pipeline_type_name": {"password": TOKENS["admin"]}})


def addresses(site: Site) -> Iterator[str]:
    """Every path that a GET may ask for, with the ids of what there is."""
    entries = site.get("/api/v1/sync/history", limit=500)["history"]
    names = [job["job_id"] for job in site.get("/api/v1/sync/jobs")["jobs"]]
    runs = [run["runId"] for run in site.graphql(RUNS)["runsOrError"]["results"]]
    values = {"log_id": [str(entry["log_id"]) for entry in entries], "key": names, "job_id": names, "digest": ["0"]}
    for noun in (
        "pipeline",
        "pipeline_execution",
        "pipeline_type",
        "address",
        "address_type",
        "anomaly_detection_rule",
    ):
        values[f"{noun}_id"] = [str(one["id"]) for one in site.get(f"/{noun}")]
    values["incident_id"] = [str(one["id"]) for one in site.get("/api/v1/incidents")["incidents"]]
    for endpoint in our_endpoints():
        if endpoint.method != "GET":
            continue
        fields = re.findall(r"\{(\w+)(?::path)?\}", endpoint.path)
        chosen = values.get(fields[0], ["app.js"]) if fields else [""]
        for value in chosen:
            yield re.sub(r"\{(\w+)(:path)?\}", lambda match, value=value: quote(value), endpoint.path)
    yield "/address_lineage?address=a.b.c"
    yield from ("/server_info", "/", *(f"/download_debug/{run}" for run in runs))


def test_there_is_a_secret_to_be_found(used_site: Site) -> None:
    assert SECRET in used_site.database_url
    assert Role.ADMIN.word in TOKENS


@pytest.mark.parametrize("accept", HOW)
def test_no_answer_shows_a_secret(used_site: Site, accept: str) -> None:
    shown, paths = [], list(addresses(used_site))
    assert len(paths) > 60
    with used_site.client() as client:
        for path in paths:
            with client.stream("GET", path, headers={"Accept": accept}) as response:
                # An event stream never ends: what comes first is everything, once.
                read = response.iter_bytes() if "stream" in response.headers.get("content-type", "") else None
                body = next(read, b"") if read else response.read()
                assert response.status_code < 500, path
                shown += [path for canary in CANARIES if canary.encode() in body + str(response.headers).encode()]
    assert shown == []


@pytest.mark.parametrize("query", [RUNS, INSTANCE, ASSETS, RESOURCES, WORKSPACE])
def test_dagster_shows_no_secret(used_site: Site, query: str) -> None:
    with used_site.client() as client:
        answer = client.post("/graphql", json={"query": query})
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json()
    assert not [canary for canary in CANARIES if canary in answer.text]


def test_no_event_of_a_run_shows_a_secret(used_site: Site) -> None:
    for run in used_site.graphql(RUNS)["runsOrError"]["results"]:
        events = used_site.graphql(EVENTS, run=run["runId"])["logsForRun"]["events"]
        assert events
        assert not [canary for canary in CANARIES if canary in str(events)]


def test_no_log_or_other_file_holds_a_secret(used_site: Site) -> None:
    files = [path for path in used_site.directory.rglob("*") if path.is_file()]
    assert any(path.name == "err" for path in files)
    assert _holding(files) == []


def _holding(files: list[Path]) -> list[str]:
    return [str(path) for path in files if any(canary.encode() in path.read_bytes() for canary in CANARIES)]


def test_no_table_holds_a_secret(used_site: Site) -> None:
    dsn = make_url(used_site.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    tables = rows(dsn, "select schemaname, tablename from pg_tables where schemaname in ('public', 'supersync')")
    assert {("supersync", "audit"), ("supersync", "executions"), ("public", "event_logs")} <= set(tables)
    holding = [table for table in tables if any(canary in _dump(dsn, table) for canary in CANARIES)]
    assert holding == []


def _dump(dsn: str, table: tuple[Any, ...]) -> str:
    text = io.StringIO()
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.copy_expert(sql.SQL("copy {} to stdout").format(sql.Identifier(*table)), text)
    connection.close()
    return text.getvalue()


@pytest.mark.parametrize("command", [("status",), ("token", "list"), ("config", "show"), ("doctor",)], ids=" ".join)
def test_no_command_prints_a_secret(used_site: Site, command: tuple[str, ...]) -> None:
    variables = {**used_site.settings, "SUPERSYNC_TOKENS": f"ci:admin:{TOKENS['admin']}"}
    result = supersync(*command, "--json", cwd=used_site.directory, env=variables)
    assert result.out
    assert not [canary for canary in CANARIES if canary in result.out + result.err]
