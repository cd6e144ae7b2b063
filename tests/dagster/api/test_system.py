"""Health, readiness and metrics."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from supersync_core.connectors.postgres.config import Config as PostgresConfig
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.database import Ledger
from supersync_core.services.configuration import Configuration, TableSyncConfig
from tests.acceptance.console import SECRET, with_password
from tests.dagster.api.table_sync.apis import NOON, Api, running_api, take_away

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def api(ledger: Ledger) -> Iterator[Api]:
    with running_api(ledger) as api:
        yield api


def one_sync(source: Any, target: Any) -> Configuration:
    """A configuration with one sync between two connections."""
    pipeline = TableSyncConfig.model_validate(
        {
            "name": "a",
            "kind": "table_sync",
            "source": {"connection": "from", "table": "t"},
            "target": {"connection": "to", "table": "t"},
        }
    )
    return Configuration(connections={"from": source, "to": target}, pipelines=(pipeline,))


def health(api: Api) -> httpx.Response:
    return httpx.get(f"{api.url}/health", timeout=30)


def sample(api: Api, name: str, **labels: str) -> float:
    """The value of a metric, as Prometheus would read it."""
    for family in parse_text(httpx.get(f"{api.url}/metrics").text):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    raise AssertionError(f"no {name} {labels}")


def test_health_is_both_documents_in_one(api: Api) -> None:
    api.declare("a", "b")
    answer = health(api)
    body = answer.json()
    assert (answer.status_code, body["status"], body["degraded"], body["pipelines"]) == (200, "healthy", False, 2)
    assert set(body["checks"]) == {"redshift", "postgresql", "database", "daemon", "configuration"}


def test_a_dead_daemon_degrades_and_does_not_kill(api: Api) -> None:
    api.launcher.alive = False
    answer = health(api)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["daemon"]["status"] == "unhealthy"


def test_a_ledger_that_is_away_degrades_and_does_not_kill(api: Api, server_url: str) -> None:
    take_away(api.ledger, server_url)
    answer = health(api)
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["database"] | {"latency_ms": 0} == {
        "status": "unhealthy",
        "latency_ms": 0,
        "message": "cannot be reached",
    }


def test_a_continuous_pipeline_that_failed_is_503_with_its_name(api: Api) -> None:
    api.declare("cdc", "fine", kind=PipelineKind.CDC, every_s=None)
    api.ran("cdc", error="boom", retryable=False)
    answer = health(api)
    assert (answer.status_code, answer.json()["status"], answer.json()["failed_pipelines"]) == (
        503,
        "unhealthy",
        ["cdc"],
    )


def test_a_table_sync_that_failed_is_no_reason_to_restart_anything(api: Api) -> None:
    api.declare("a")
    api.ran("a", error="boom")
    assert health(api).json()["status"] == "healthy"


def test_each_side_is_asked_and_says_nothing_of_hosts_or_secrets(api: Api, source_dsn: str) -> None:
    bad = PostgresConfig(type="postgres", dsn=f"postgresql://someone:{SECRET}@127.0.0.1:1/hidden")
    api.configuration = one_sync(PostgresConfig(type="postgres", dsn=with_password(source_dsn)), bad)
    text = health(api).text
    checks = health(api).json()["checks"]
    assert checks["redshift"]["connections"]["from"]["status"] == checks["redshift"]["status"] == "healthy"
    assert checks["postgresql"]["connections"]["to"]["message"] == "cannot be reached"
    assert not any(word in text for word in (SECRET, "someone", "hidden", "127.0.0.1"))


def test_a_storm_of_probes_costs_one_look(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supersync_dagster.api.context.WELLBEING_S", 60.0)  # however long the storm takes
    api.declare("a")
    health(api)
    api.statements.clear()
    with ThreadPoolExecutor(20) as pool:
        assert {answer.status_code for answer in pool.map(lambda _: health(api), range(100))} == {200}
    assert len(api.statements) <= 6


def test_ready(api: Api) -> None:
    answer = httpx.get(f"{api.url}/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "pipelines": []})


def test_not_ready_without_the_ledger(api: Api, server_url: str) -> None:
    take_away(api.ledger, server_url)
    answer = httpx.get(f"{api.url}/ready", timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json() == {"status": "not ready", "reason": "the ledger cannot be reached"}


@pytest.mark.parametrize(("accept", "parse"), [("text/plain", parse_text), (OPENMETRICS, parse_openmetrics)])
def test_metrics_are_read_by_prometheus(api: Api, accept: str, parse: Any) -> None:
    api.declare("a", 'b "quoted" \\ back')
    api.ran("a")
    answer = httpx.get(f"{api.url}/metrics", headers={"Accept": accept})
    names = {family.name for family in parse(answer.text) if not family.name.startswith("supersync_cdc_")}
    assert answer.headers["content-type"].startswith(accept.partition(";")[0])
    assert {
        "supersync_sync_job_duration_seconds",
        "supersync_sync_rows_extracted",
        "supersync_sync_rows_upserted",
        "supersync_sync_runs",
        "supersync_sync_errors",
        "supersync_sync_last_success_timestamp_seconds",
        "supersync_sync_job_paused",
        "supersync_sync_in_progress",
        "supersync_daemon_up",
    } == names


def test_every_series_is_there_from_the_start(api: Api) -> None:
    api.declare("a")
    for status in ("success", "failed", "cancelled"):
        assert sample(api, "supersync_sync_runs_total", job_id="a", status=status) == 0
    assert sample(api, "supersync_sync_job_duration_seconds_count", job_id="a") == 0
    assert sample(api, "supersync_sync_last_success_timestamp_seconds", job_id="a") == 0


def test_what_the_numbers_say(api: Api) -> None:
    api.declare("a")
    api.ran("a", ms=700)
    api.ran("a", ms=40_000)
    api.ran("a", ms=5_000_000, error="boom")
    api.started("a")
    job = {"job_id": "a"}
    assert sample(api, "supersync_sync_runs_total", job_id="a", status="success") == 2
    assert sample(api, "supersync_sync_errors_total", **job) == 1
    assert sample(api, "supersync_sync_rows_extracted_total", **job) == 30
    assert sample(api, "supersync_sync_rows_upserted_total", **job) == 21
    assert sample(api, "supersync_sync_job_duration_seconds_sum", **job) == 5040.7
    buckets = {"0.5": 0, "1.0": 1, "30.0": 1, "60.0": 2, "1800.0": 2, "+Inf": 3}
    found = {le: sample(api, "supersync_sync_job_duration_seconds_bucket", le=le, **job) for le in buckets}
    assert found == buckets
    ended = (NOON + timedelta(seconds=40)).timestamp()
    assert sample(api, "supersync_sync_last_success_timestamp_seconds", **job) == ended
    assert sample(api, "supersync_sync_in_progress", **job) == 1


def test_no_counter_goes_down_when_history_is_purged(api: Api) -> None:
    api.declare("a")
    api.ran("a", at=NOON - timedelta(days=3))
    api.delete("/history", older_than_days=1)
    assert sample(api, "supersync_sync_runs_total", job_id="a", status="success") == 1


def test_two_webservers_say_the_same(api: Api, ledger: Ledger) -> None:
    api.declare("a")
    api.ran("a")
    with running_api(ledger) as other:
        assert httpx.get(f"{other.url}/metrics").text == httpx.get(f"{api.url}/metrics").text


def test_a_paused_job_is_1(api: Api) -> None:
    api.declare("a")
    api.post("/jobs/a/pause")
    assert sample(api, "supersync_sync_job_paused", job_id="a") == 1


def test_metrics_without_the_ledger_are_503(api: Api, server_url: str) -> None:
    take_away(api.ledger, server_url)
    assert httpx.get(f"{api.url}/metrics", timeout=30).status_code == 503
