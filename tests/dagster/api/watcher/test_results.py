"""What checks have found can be read, and anomalies can be taken back."""

from typing import Any

import pytest
from sqlalchemy import text

from supersync_core.domain.check import CheckKind
from supersync_core.ledger.check_tables import CheckResult
from tests.dagster.api.watcher.apis import NOON, Api

PATHS = {
    "/freshness": CheckKind.FRESHNESS,
    "/timeliness": CheckKind.TIMELINESS,
    "/anomaly_detection_result": CheckKind.ANOMALY,
}


def flagged(api: Api, *metrics: str) -> tuple[int, int]:
    """A pipeline and its execution that rules on these metrics have found unusual."""
    pipeline = api.pipeline()
    execution = api.started(pipeline)
    api.ended(execution)
    for metric in metrics:
        answer = api.post("/anomaly_detection_rule", pipeline_id=pipeline, metric_field=metric)
        result(api, CheckKind.ANOMALY, pipeline, execution_id=execution, rule_id=answer.json()["id"])
    flags = {metric: True for metric in metrics}
    with api.ledger.begin() as session:
        update = text("UPDATE supersync.executions SET anomaly_flags = CAST(:flags AS jsonb) WHERE id = :id")
        session.execute(update, {"flags": str(flags).replace("'", '"').replace("True", "true"), "id": execution})
    return pipeline, execution


def result(api: Api, kind: CheckKind, pipeline: int, **given: Any) -> int:
    values = {"kind": kind, "pipeline_id": pipeline, "passed": False, "details": {"a": 1}, "checked_at": NOON, **given}
    with api.ledger.begin() as session:
        found = CheckResult(**values)
        session.add(found)
        session.flush()
        return found.id


def unflag(api: Api, pipeline: int, execution: int, *metrics: str) -> int:
    body = {"pipeline_id": pipeline, "pipeline_execution_id": execution, "metric_field": metrics}
    return api.post("/unflag_anomaly", **body).status_code


def flags(api: Api, execution: int) -> Any:
    return api.get(f"/pipeline_execution/{execution}")["anomaly_flags"]


def test_what_is_taken_back_is_false_and_its_result_is_gone(api: Api) -> None:
    pipeline, execution = flagged(api, "total_rows", "duration_seconds", "inserts")
    assert unflag(api, pipeline, execution, "Total_Rows", "duration_seconds", "updates") == 204
    assert flags(api, execution) == {"total_rows": False, "duration_seconds": False, "inserts": True}
    (left,) = api.get("/anomaly_detection_result", pipeline_execution_id=execution)
    assert api.get(f"/anomaly_detection_rule/{left['anomaly_detection_rule_id']}")["metric_field"] == "inserts"
    assert unflag(api, pipeline, execution, "total_rows") == 404


def test_there_is_nothing_to_take_back_of_what_is_usual_or_unknown(api: Api) -> None:
    pipeline = api.pipeline()
    execution = api.started(pipeline)
    for id_ in (execution, 0, -1, 7, 2**63 - 1):
        assert unflag(api, pipeline, id_, "total_rows") == 404


@pytest.mark.parametrize("metrics", [["rows"], [5], [None], "total_rows", None, ["total_rows"] * 101])
def test_a_metric_is_one_of_six(api: Api, metrics: Any) -> None:
    pipeline, execution = flagged(api, "total_rows")
    body = {"pipeline_id": pipeline, "pipeline_execution_id": execution, "metric_field": metrics}
    assert api.post("/unflag_anomaly", **body).status_code == 422
    assert flags(api, execution) == {"total_rows": True}


@pytest.mark.parametrize("path", PATHS)
def test_results_are_listed_the_newest_first_and_page_by_page(api: Api, path: str) -> None:
    pipeline = api.pipeline()
    rule = api.post("/anomaly_detection_rule", pipeline_id=pipeline, metric_field="inserts").json()["id"]
    made = []
    for _ in range(3):
        execution = api.started(pipeline)
        more: dict[str, Any] = {"execution_id": execution}
        if path == "/anomaly_detection_result":
            more["rule_id"] = rule
        if path == "/freshness":
            more = {"data_at": api.now}
            api.now += NOON - NOON.replace(hour=11)
        made.append(result(api, PATHS[path], pipeline, **more))
    first = api.client.get(path, params={"limit": 2, "pipeline_id": pipeline})
    second = api.client.get(first.links["next"]["url"])
    assert [one["id"] for one in first.json() + second.json()] == made[::-1]
    assert "next" not in second.links
    shown = second.json()[0]
    assert (shown["pipeline_name"], shown["details"], shown["passed"]) == ("orders", {"a": 1}, False)
    assert shown["checked_at"] == "2026-11-22T12:00:00Z"
    for asked in ({"pipeline_id": 7}, {"passed": True}, {"since": "2026-11-23"}, {"pipeline_execution_id": 7}):
        assert api.get(path, **asked) == []
    assert [api.get(other) for other in PATHS if other != path] == [[], []]
