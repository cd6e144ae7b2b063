"""The promises of the table sync document, over HTTP, against `supersync dev`."""

import json
import re
import time
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from supersync_core.ledger.database import open_ledger
from supersync_core.services.executions import request_cancel
from tests.acceptance.console import SECRET, rows, until
from tests.conformance.api.site import DOCUMENTED, SYNC, Site

MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
GRID = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d[05]:00\.000Z")
WEEKLY = "%C3%9Cn%C3%AFcode%20%2F%20weekly"
SCHEDULES = """{ schedulesOrError(repositorySelector:
  {repositoryLocationName: "supersync", repositoryName: "__repository__"})
  { ... on Schedules { results { id name scheduleState { id selectorId status } } } } }"""


def job(site: Site, job_id: str) -> dict[str, Any]:
    """The job in the status."""
    (found,) = [one for one in site.get(f"{SYNC}/status")["jobs"] if one["job_id"] == job_id]
    return dict(found)


def dagster_schedule(site: Site, key: str) -> dict[str, Any]:
    """The schedule as the Dagster UI sees it."""
    results = site.graphql(SCHEDULES)["schedulesOrError"]["results"]
    return dict(next(one["scheduleState"] for one in results if one["name"] == f"sync__{key}__schedule"))


def cancel(site: Site, log_id: int) -> None:
    """Cancel a run, as the pages do."""
    ledger = open_ledger(site.database_url)
    with ledger.begin() as session:
        request_cancel(session, log_id, at=datetime.now(timezone.utc))
    ledger.dispose()


@pytest.fixture(scope="module")
def first_runs(site: Site) -> dict[str, dict[str, Any]]:
    """All jobs triggered at once by the document's empty object; the entries of their runs, by job."""
    for job_id in DOCUMENTED:
        site.rest(job_id)  # a schedule may just have ticked
    with site.client() as client:
        answer = client.post(f"{SYNC}/trigger", json={}).json()
    entries = {job_id: site.latest(job_id) for job_id in answer["triggered_jobs"]}
    cancel(site, entries["slow"])
    return {job_id: site.ended(log_id) for job_id, log_id in entries.items()}


def test_an_empty_object_triggers_all_jobs(first_runs: dict[str, dict[str, Any]]) -> None:
    states = {job_id: entry["status"] for job_id, entry in first_runs.items()}
    assert states == {
        "broken": "failed",
        "query_history_sync": "success",
        "slow": "cancelled",
        "table_stats_sync": "success",
        "Ünïcode / weekly": "success",
    }


@pytest.mark.parametrize("job_id", DOCUMENTED)
def test_rows_arrive_and_the_status_says_so(site: Site, job_id: str, first_runs: dict[str, dict[str, Any]]) -> None:
    (count,) = rows(site.analytics, f"select count(*) from redshift_{job_id.removesuffix('_sync')}")
    assert count[0] >= first_runs[job_id]["rows_extracted"] > 0
    found = job(site, job_id)
    assert set(found) == {"job_id", "name", "status", "last_run", "next_run", "interval_seconds", "last_result"}
    assert set(found["last_result"]) == {"rows_extracted", "rows_upserted", "duration_ms", "status"}
    assert (found["status"], found["interval_seconds"], found["last_result"]["status"]) == ("active", 300, "success")
    assert MILLISECONDS.fullmatch(found["last_run"]) and GRID.fullmatch(found["next_run"])


def test_the_status_has_the_fields_of_the_document_and_no_others(site: Site) -> None:
    status = site.get(f"{SYNC}/status")
    names = {one["job_id"]: one["name"] for one in status["jobs"]}
    assert (set(status), status["status"], status["scheduler_timezone"]) == (
        {"status", "scheduler_timezone", "jobs"},
        "running",
        "US/Pacific",
    )
    assert names["table_stats_sync"] == "Table Statistics Sync"
    assert names["query_history_sync"] == "Query History Sync (7d)"


def test_a_trigger_answers_as_the_document_has_it_within_300_ms(site: Site, client: httpx.Client) -> None:
    site.rest("table_stats_sync")
    client.get(f"{SYNC}/status")
    begun = time.perf_counter()
    answer = client.post(f"{SYNC}/trigger", json={"job_id": "table_stats_sync"})
    seconds = time.perf_counter() - begun
    assert answer.json() == {
        "success": True,
        "triggered_jobs": ["table_stats_sync"],
        "message": "Sync triggered successfully",
    }
    assert seconds < 0.3


def test_a_job_that_fails_says_why(first_runs: dict[str, dict[str, Any]]) -> None:
    entry = first_runs["broken"]
    assert (entry["status"], entry["error_details"]["type"]) == ("failed", "NotFound")
    assert "missing" in entry["error_message"]


def test_times_are_milliseconds_and_agree_with_the_duration(first_runs: dict[str, dict[str, Any]]) -> None:
    entry = first_runs["table_stats_sync"]
    started, completed = (datetime.fromisoformat(entry[name][:-1]) for name in ("started_at", "completed_at"))
    assert all(MILLISECONDS.fullmatch(entry[name]) for name in ("started_at", "completed_at", "queued_at"))
    assert round((completed - started).total_seconds() * 1000) == entry["duration_ms"]


def test_a_pause_is_the_switch_of_dagsters_ui(site: Site, client: httpx.Client) -> None:
    paused = client.post(f"{SYNC}/jobs/query_history_sync/pause")
    during = job(site, "query_history_sync"), dagster_schedule(site, "query_history_sync")["status"]
    resumed = client.post(f"{SYNC}/jobs/query_history_sync/resume")
    after = job(site, "query_history_sync"), dagster_schedule(site, "query_history_sync")["status"]
    assert paused.json() == {
        "success": True,
        "job_id": "query_history_sync",
        "status": "paused",
        "next_run": None,
    }
    assert (during[0]["status"], during[0]["next_run"], during[1]) == ("paused", None, "STOPPED")
    assert (resumed.json()["status"], after[0]["status"], after[1]) == ("active", "active", "RUNNING")
    assert GRID.fullmatch(resumed.json()["next_run"]) and GRID.fullmatch(after[0]["next_run"])


def test_the_switch_of_dagsters_ui_is_a_pause(site: Site) -> None:
    schedule = dagster_schedule(site, "_xfc_n_xef_code_x20__x2f__x20_weekly")
    stop = "mutation Stop($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
    site.graphql(stop, id=schedule["id"])
    try:
        until(lambda: job(site, "Ünïcode / weekly")["status"] == "paused", 10)
        assert job(site, "Ünïcode / weekly")["next_run"] is None
    finally:
        with site.client() as client:
            client.post(f"{SYNC}/jobs/{WEEKLY}/resume")
    assert job(site, "Ünïcode / weekly")["status"] == "active"


def test_a_weekly_job_runs_next_when_its_cron_says(site: Site) -> None:
    found = job(site, "Ünïcode / weekly")
    next_run = datetime.fromisoformat(found["next_run"][:-1])
    assert (found["interval_seconds"], next_run.isoweekday(), next_run.hour in (7, 8)) == (604800, 1, True)


def test_jobs_have_their_configuration_without_secrets(site: Site, client: httpx.Client) -> None:
    answer = client.get(f"{SYNC}/jobs")
    found = {one["job_id"]: one for one in answer.json()["jobs"]}
    assert found["query_history_sync"]["source"] == {
        "connection": "warehouse",
        "query": "query_history",
        "cursor": "start_time",
        "window": 604800,
    }
    assert found["table_stats_sync"]["schedule"] == {
        "cron": "*/5 * * * *",
        "every_seconds": 300,
        "timezone": "US/Pacific",
    }
    assert SECRET not in answer.text


def test_history_is_filtered_and_paged(site: Site, first_runs: dict[str, dict[str, Any]]) -> None:
    page = site.get(f"{SYNC}/history", job_id="broken", status="failed", start_date="2024-01-15", limit=1)
    assert (page["limit"], page["offset"], page["history"][0]["log_id"]) == (1, 0, first_runs["broken"]["log_id"])
    assert site.get(f"{SYNC}/history", end_date="2024-01-15")["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/history/999999999", 404),
        ("GET", "/history/99999999999999999999", 404),
        ("GET", "/history/-1", 404),
        ("GET", "/history/latest", 422),
        ("GET", "/history?start_date=99999-01-01", 422),
        ("GET", "/history?job_id=%00", 422),
        ("DELETE", "/history", 422),
        ("POST", "/jobs/nobody/pause", 404),
        ("POST", "/status", 405),
        ("GET", "/nothing", 404),
    ],
)
def test_a_mistake_is_answered_with_what_is_wrong(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, SYNC + path)
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert answer.json()["message"]


@pytest.mark.parametrize("path", [f"{SYNC}/status", f"{SYNC}/history/0", "/health", "/metrics"])
def test_every_answer_has_the_id_of_its_request(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["X-Request-ID"]
    assert client.get(path, headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"


def test_a_listener_sees_a_run_begin_and_end(site: Site, client: httpx.Client) -> None:
    site.rest("broken")
    with connect_sse(client, "GET", f"{SYNC}/stream") as source:
        events = source.iter_sse()
        first = next(events)
        before = next(one for one in json.loads(first.data)["jobs"] if one["job_id"] == "broken")
        site.trigger("broken")
        for event in events:
            now = next(one for one in json.loads(event.data)["jobs"] if one["job_id"] == "broken")
            if now["last_run"] != before["last_run"]:
                break
    assert (first.event, event.event) == ("sync_update", "sync_update")
    assert SECRET not in first.data


def test_health_checks_both_sides(site: Site) -> None:
    health = site.get("/health")
    checks = health["checks"]
    count = (
        "select count(*) from supersync.pipelines where retired_at is null and spec->>'agency' is distinct from 'any'"
    )
    registered = rows(site.database_url.replace("+psycopg2", ""), count)
    assert (health["status"], health["pipelines"]) == ("healthy", registered[0][0])
    assert [checks[name]["status"] for name in ("redshift", "postgresql", "database", "daemon")] == ["healthy"] * 4
    assert site.get("/ready")["status"] == "ready"


def test_metrics_are_read_by_both_parsers(client: httpx.Client) -> None:
    text = client.get("/metrics")
    openmetrics = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert {family.name for family in parse_text(text.text)} >= {"supersync_sync_job_duration_seconds"}
    assert {family.name for family in parse_openmetrics(openmetrics.text)} >= {"supersync_sync_runs"}
    assert SECRET not in text.text


def test_a_running_job_is_409_is_running_in_the_history_and_outlives_a_purge(site: Site, client: httpx.Client) -> None:
    log_id = site.trigger("slow")
    try:
        until(lambda: site.get(f"{SYNC}/history/{log_id}")["dagster_run_id"], 60)
        again = client.post(f"{SYNC}/trigger", json={"job_id": "slow"})
        client.delete(f"{SYNC}/history", params={"older_than_days": 0})
        entry = site.get(f"{SYNC}/history/{log_id}")
        assert (again.status_code, entry["status"], entry["completed_at"]) == (409, "running", None)
    finally:
        cancel(site, log_id)
    assert site.ended(log_id)["status"] == "cancelled"
