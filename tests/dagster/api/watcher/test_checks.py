"""Checks that are asked for, the queue of those that wait, and the clean-up of what is old."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from supersync_core.domain.check import CheckKind
from supersync_core.ledger.check_tables import CheckRequest
from supersync_core.ledger.database import Ledger
from supersync_core.services import authentication
from tests.dagster.api.table_sync.apis import take_away
from tests.dagster.api.watcher.apis import NOON, Api, running_api


@pytest.fixture
def with_rules(ledger: Ledger) -> Iterator[Api]:
    """A server that gives each new pipeline the usual rules."""
    with running_api(ledger, auto_anomaly_rules=True) as api:
        yield api


@pytest.mark.parametrize(
    ("path", "body", "settings"),
    [
        ("/timeliness", {"lookback_minutes": 30}, {"lookback_minutes": 30}),
        ("/timeliness", {}, {"lookback_minutes": 60}),
        ("/freshness", None, {}),
        ("/freshness", {}, {}),
    ],
)
def test_queued_means_that_the_ledger_has_it(api: Api, path: str, body: Any, settings: dict[str, int]) -> None:
    answer = api.client.post(path, json=body) if body is not None else api.client.post(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "queued"})
    with api.ledger.begin() as session:
        (request,) = session.query(CheckRequest).all()
    assert (request.kind, request.settings) == (CheckKind(path[1:]), settings)
    assert (request.requested_by, request.requested_at, request.done_at) == ("local", NOON, None)


@pytest.mark.parametrize(("waiting", "level"), [(49, None), (50, "warning"), (99, "warning"), (100, "critical")])
def test_a_long_queue_is_an_incident(api: Api, waiting: int, level: str | None) -> None:
    request = "INSERT INTO supersync.check_requests (kind, requested_by, requested_at) SELECT 'freshness', 'me', now()"
    with api.ledger.begin() as session:
        session.execute(text(f"{request} FROM generate_series(1, {waiting})"))
    answer = api.client.post("/celery/monitor-queue")
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    found = api.get("/api/v1/incidents")["incidents"]
    assert [one["level"] for one in found] == ([level] if level else [])


def test_a_queue_that_nobody_can_look_at_is_an_error(
    api: Api, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "FRESH_S", 60.0)  # for so long it is known who may ask
    assert api.client.post("/celery/monitor-queue").json() == {"status": "success"}
    take_away(api.ledger, server_url)
    answer = api.client.post("/celery/monitor-queue")
    assert (answer.status_code, answer.json()) == (200, {"status": "error"})


def test_what_is_old_is_deleted_and_counted(api: Api) -> None:
    pipeline = api.pipeline()
    old = (NOON - timedelta(days=91)).isoformat()
    root = api.started(pipeline, start_date=old)
    for _ in range(4):
        api.started(pipeline, start_date=old, parent_id=root)
    kept = api.started(pipeline, parent_id=root)
    answer = api.post("/log_cleanup", retention_days=90, batch_size=2)
    assert answer.status_code == 200
    counts = answer.json()
    assert counts.pop("total_pipeline_execution_closure_parent_deleted") >= 1
    assert counts.pop("total_pipeline_execution_closure_child_deleted") >= 0
    assert counts == {
        "total_pipeline_executions_deleted": 5,
        "total_timeliness_pipeline_execution_logs_deleted": 0,
        "total_anomaly_detection_results_deleted": 0,
        "total_freshness_pipeline_logs_deleted": 0,
    }
    assert [one["id"] for one in api.get("/pipeline_execution")] == [kept]
    assert api.post("/log_cleanup", retention_days=36_500).json()["total_pipeline_executions_deleted"] == 0


def test_a_new_pipeline_gets_a_rule_for_each_metric_where_that_is_wanted(with_rules: Api) -> None:
    for _ in range(2):
        with_rules.pipeline()
    rules = with_rules.get("/anomaly_detection_rule")
    assert {rule["metric_field"] for rule in rules} == {
        *("duration_seconds", "inserts", "updates", "soft_deletes", "total_rows", "throughput")
    }
    assert len(rules) == 6
    assert {(rule["z_threshold"], rule["lookback_days"], rule["minimum_executions"]) for rule in rules} == {(3, 30, 30)}


def test_else_a_new_pipeline_has_none(api: Api) -> None:
    api.pipeline()
    assert api.get("/anomaly_detection_rule") == []
