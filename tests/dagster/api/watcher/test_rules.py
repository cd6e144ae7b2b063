"""Anomaly detection rules."""

from datetime import timedelta
from typing import Any

import pytest

from tests.dagster.api.watcher.apis import NOON, Api

PATH = "/anomaly_detection_rule"


def test_a_rule_is_made_once_and_left_as_it_is(api: Api) -> None:
    pipeline = api.pipeline()
    first = api.post(PATH, pipeline_id=pipeline, metric_field="Total_Rows", z_threshold=2)
    again = api.post(PATH, pipeline_id=pipeline, metric_field="total_rows", z_threshold=5)
    assert (first.status_code, again.status_code, first.json(), again.json()) == (201, 200, {"id": 1}, {"id": 1})
    shown = {
        "id": 1,
        "pipeline_id": pipeline,
        "metric_field": "total_rows",
        "z_threshold": 2.0,
        "lookback_days": 30,
        "minimum_executions": 30,
        "active": True,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": None,
    }
    assert api.get(f"{PATH}/1") == shown
    assert api.get(PATH) == [shown]


def test_a_patch_changes_what_it_names_and_says_when(api: Api) -> None:
    pipeline = api.pipeline()
    api.post(PATH, pipeline_id=pipeline, metric_field="total_rows")
    api.now = NOON + timedelta(minutes=5)
    changes = {"metric_field": "Updates", "z_threshold": 2.5, "minimum_executions": 20, "active": False}
    found = api.patch(PATH, id=1, **changes).json()
    assert (found["metric_field"], found["z_threshold"], found["minimum_executions"]) == ("updates", 2.5, 20)
    assert (found["active"], found["lookback_days"], found["updated_at"]) == (False, 30, "2026-11-22T12:05:00Z")
    assert found == api.get(f"{PATH}/1")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("z_threshold", [1, 10, 1.5], [0.99, 10.01, None, "x"]),
        ("lookback_days", [1, 365], [0, 366, None]),
        ("minimum_executions", [5, 1000], [4, 1001, None]),
        ("metric_field", ["duration_seconds", "inserts", "soft_deletes", "throughput"], ["rows", "", None]),
        ("active", [False], [None]),
    ],
)
def test_the_bounds_of_a_rule(api: Api, name: str, good: list[Any], bad: list[Any]) -> None:
    pipeline = api.pipeline()
    rule = {"pipeline_id": pipeline, "metric_field": "total_rows"}
    for value in bad:
        assert api.post(PATH, **{**rule, name: value}).status_code == 422
    assert api.post(PATH, **rule).status_code == 201
    for value in bad:
        assert api.patch(PATH, **{"id": 1, name: value}).status_code == 422
    for value in good:
        assert api.patch(PATH, **{"id": 1, name: value}).json()[name] == value


def test_a_rule_belongs_to_a_pipeline_that_is_there_and_a_pipeline_has_one_on_a_metric(api: Api) -> None:
    pipeline = api.pipeline()
    assert api.post(PATH, pipeline_id=7, metric_field="inserts").status_code == 404
    for metric in ("inserts", "updates"):
        api.post(PATH, pipeline_id=pipeline, metric_field=metric)
    assert api.patch(PATH, id=1, metric_field="updates").status_code == 409
    assert api.patch(PATH, id=1, pipeline_id=7).status_code == 422
    assert api.patch(PATH, id=9, active=True).status_code == 404


def test_beyond_the_document_a_rule_may_go_by_medians(api: Api) -> None:
    pipeline = api.pipeline()
    api.post(PATH, pipeline_id=pipeline, metric_field="inserts", method="mad", zero_deviation="flag")
    found = api.get(f"{PATH}/1")
    assert (found["method"], found["zero_deviation"]) == ("mad", "flag")
    assert "method" not in api.patch(PATH, id=1, method="zscore").json()


def test_a_deleted_rule_is_gone(api: Api) -> None:
    api.post(PATH, pipeline_id=api.pipeline(), metric_field="inserts")
    assert [api.client.delete(f"{PATH}/1").status_code for _ in range(2)] == [204, 404]
    assert api.client.get(f"{PATH}/1").status_code == 404
