"""Executions: started, ended, read with all below them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from supersync_core.domain.execution import Trigger
from supersync_core.services.executions import open_execution
from supersync_core.services.pipelines import get_pipeline
from tests.dagster.api.watcher.apis import NOON, Api


def test_an_execution_is_started_ended_and_read(api: Api) -> None:
    pipeline = api.pipeline()
    execution = api.started(pipeline, start_date="2024-01-01T10:00:00Z", watermark=1, next_watermark="0002")
    answer = api.post(
        "/end_pipeline_execution",
        id=execution,
        end_date="2024-01-01T10:05:00Z",
        completed_successfully=True,
        total_rows=1000,
        inserts=800,
        updates=200,
        soft_deletes=0,
        execution_metadata={"Partition": "2025-01-05"},
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"/pipeline_execution/{execution}") == {
        "id": execution,
        "parent_id": None,
        "pipeline_id": pipeline,
        "start_date": "2024-01-01T10:00:00Z",
        "end_date": "2024-01-01T10:05:00Z",
        "duration_seconds": 300,
        "completed_successfully": True,
        "inserts": 800,
        "updates": 200,
        "soft_deletes": 0,
        "total_rows": 1000,
        "watermark": "1",
        "next_watermark": "0002",
        "execution_metadata": {"Partition": "2025-01-05"},
        "anomaly_flags": None,
        "throughput": 3.33,
        "child_executions": [],
    }


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("2024-01-01T10:00:00+05:30", "2024-01-01T04:30:00Z", id="an offset"),
        pytest.param("2024-01-01T10:00:00", "2024-01-01T10:00:00Z", id="without a zone it is UTC"),
        pytest.param(
            " 2024-01-01t10:00:00.5z ", "2024-01-01T10:00:00.500000Z", id="microseconds, small letters, blanks"
        ),
        pytest.param("2024-01-01", "2024-01-01T00:00:00Z", id="a date"),
        pytest.param(1704103200, "2024-01-01T10:00:00Z", id="Unix seconds"),
        pytest.param("1704103200.25", "2024-01-01T10:00:00.250000Z", id="Unix seconds as text"),
        pytest.param(None, "2026-11-22T12:00:00Z", id="null is now"),
    ],
)
def test_a_time_may_come_in_many_ways_and_is_answered_in_utc(api: Api, given: Any, shown: str) -> None:
    execution = api.started(api.pipeline(), start_date=given)
    assert api.get(f"/pipeline_execution/{execution}")["start_date"] == shown


@pytest.mark.parametrize(
    ("seconds", "rows", "duration", "throughput"),
    [
        pytest.param(0.3, 7, 0, 0, id="no time at all"),
        pytest.param(0.3, None, 0, 0, id="no time and no rows"),
        pytest.param(0.5, 7, 1, 7, id="halves are rounded up"),
        pytest.param(1.5, 7, 2, 3.5, id="also after an odd number"),
        pytest.param(120, 500, 120, 4.17, id="the document's child"),
        pytest.param(8, 1, 8, 0.13, id="half a hundredth is rounded up"),
        pytest.param(60, None, 60, None, id="rows are not known"),
        pytest.param(1, 2**63 - 1, 1, float(2**63 - 1), id="very many rows"),
    ],
)
def test_duration_and_throughput(
    api: Api, seconds: float, rows: int | None, duration: int, throughput: float | None
) -> None:
    execution = api.started(api.pipeline())
    api.ended(execution, seconds=seconds, total_rows=rows)
    found = api.get(f"/pipeline_execution/{execution}")
    assert (found["duration_seconds"], found["throughput"]) == (duration, throughput)


@pytest.mark.parametrize("succeeded", [True, False, None])
def test_whether_it_was_a_success_may_be_left_open(api: Api, succeeded: bool | None) -> None:
    execution = api.started(api.pipeline())
    given = {} if succeeded is None else {"completed_successfully": succeeded}
    body = {"id": execution, "end_date": (NOON + timedelta(minutes=1)).isoformat(), **given}
    assert api.post("/end_pipeline_execution", **body).status_code == 204
    found = api.get(f"/pipeline_execution/{execution}")
    assert (found["completed_successfully"], found["end_date"]) == (succeeded, "2026-11-22T12:01:00Z")


def test_the_whole_tree_is_nested_below_its_root(api: Api) -> None:
    pipeline = api.pipeline()
    root = api.started(pipeline)
    children = [api.started(pipeline, parent_id=root) for _ in range(2)]
    grandchild = api.started(pipeline, parent_id=children[0])

    def shape(node: dict[str, Any]) -> dict[int, Any]:
        return {node["id"]: [shape(child) for child in node["child_executions"]]}

    assert shape(api.get(f"/pipeline_execution/{root}")) == {
        root: [{children[0]: [{grandchild: []}]}, {children[1]: []}]
    }
    assert shape(api.get(f"/pipeline_execution/{children[0]}")) == {children[0]: [{grandchild: []}]}


def test_a_chain_of_ten_thousand_is_answered_whole(api: Api) -> None:
    root = api.started(api.pipeline())
    with api.ledger.begin() as session:
        session.execute(text(CHAIN), {"root": root, "length": 10_000})
    answer = api.client.get(f"/pipeline_execution/{root}")
    assert answer.status_code == 200
    assert answer.text.count('"id":') == 10_000
    assert answer.text.endswith("]}" * 10_000)
    assert answer.text.count(',"child_executions":[{"id":') == 9_999


CHAIN = """
INSERT INTO supersync.executions (id, pipeline_id, parent_id, managed, state, queued_at, started_at)
OVERRIDING SYSTEM VALUE
SELECT id + n, pipeline_id, id + n - 1, false, 'running', queued_at, started_at
FROM supersync.executions, generate_series(1, :length - 1) n WHERE id = :root
"""


@pytest.mark.parametrize("name", ["parent_id", "parent_execution_id"])
def test_a_parent_goes_by_either_name(api: Api, name: str) -> None:
    pipeline = api.pipeline()
    root = api.started(pipeline)
    child = api.started(pipeline, **{name: root})
    assert api.get(f"/pipeline_execution/{child}")["parent_id"] == root


@pytest.mark.parametrize("parent_id", [0, -1, 7, 2**63 - 1])
def test_a_parent_that_is_not_there_is_no_parent(api: Api, parent_id: int) -> None:
    execution = api.started(api.pipeline(), parent_id=parent_id)
    assert api.get(f"/pipeline_execution/{execution}")["parent_id"] is None


def test_an_inactive_pipeline_may_run(api: Api) -> None:
    pipeline = api.pipeline()
    api.patch("/pipeline", id=pipeline, active=False)
    assert api.started(pipeline)


def test_a_success_moves_the_pipeline_on_and_a_failure_does_not(api: Api) -> None:
    pipeline = api.pipeline(next_watermark="W")
    first, second = api.started(pipeline), api.started(pipeline)
    api.ended(first, completed_successfully=False, inserts=1)
    assert api.get(f"/pipeline/{pipeline}")["watermark"] is None
    api.now += timedelta(hours=1)
    api.ended(second, inserts=1, soft_deletes=0)
    found = api.get(f"/pipeline/{pipeline}")
    assert (found["watermark"], found["next_watermark"], found["load_lineage"]) == ("W", "W", False)
    assert (found["last_target_insert"], found["last_target_update"]) == ("2026-11-22T13:01:00Z", None)
    assert (found["last_target_soft_delete"], found["updated_at"]) == (None, None)


def test_ended_again_it_keeps_what_is_not_said_again(api: Api) -> None:
    execution = api.started(api.pipeline())
    api.ended(execution, total_rows=10, inserts=3, execution_metadata={"a": 1})
    api.ended(execution, seconds=120, completed_successfully=False, inserts=4, total_rows=None)
    found = api.get(f"/pipeline_execution/{execution}")
    assert (found["completed_successfully"], found["duration_seconds"], found["inserts"]) == (False, 120, 4)
    assert (found["total_rows"], found["execution_metadata"]) == (10, {"a": 1})


def test_a_run_of_ours_is_shown_as_any_other(api: Api) -> None:
    api.declared("Ours")
    with api.ledger.begin() as session:
        queued = open_execution(session, get_pipeline(session, "ours"), trigger=Trigger.MANUAL, at=NOON)
        execution = queued.id
    found = api.get(f"/pipeline_execution/{execution}")
    assert (found["start_date"], found["end_date"], found["completed_successfully"]) == (
        "2026-11-22T12:00:00Z",
        None,
        None,
    )
    answer = api.post("/end_pipeline_execution", id=execution, end_date="2026-11-23")
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_executions_are_listed_the_last_first_and_page_by_page(api: Api) -> None:
    pipelines = [api.pipeline(name) for name in ("a", "b")]
    made = [api.started(pipelines[n % 2], start_date=NOON.timestamp() + 60 * (n // 3)) for n in range(10)]
    assert [one["id"] for one in api.get("/pipeline_execution")] == made[::-1]
    assert "child_executions" not in api.get("/pipeline_execution")[0]
    found, path = list[int](), f"/pipeline_execution?limit=3&pipeline_id={pipelines[0]}&order=start_date"
    while path:
        answer = api.client.get(path)
        found += [one["id"] for one in answer.json()]
        path = answer.links.get("next", {}).get("url", "")
    assert found == made[::2]


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"completed_successfully": "true"}, [0]),
        ({"completed_successfully": "false"}, [1]),
        ({"state": ["running", "failed"]}, [1, 2, 3]),
        ({"parent_id": 0}, [0, 1, 2]),
        ({"since": "2026-11-23"}, [1, 2, 3]),
        ({"until": "2026-11-22"}, [0]),
        ({"since": "2026-11-23T12:00:00Z", "until": "2026-11-23T14:00:00+02:00"}, [1]),
        ({"pipeline_id": 7}, []),
        ({"pipeline_id": 2**63 - 1}, []),
    ],
)
def test_executions_are_listed_as_they_are_asked_for(api: Api, asked: dict[str, Any], numbers: list[int]) -> None:
    pipeline = api.pipeline()
    days = [(NOON + timedelta(days=n)).isoformat() for n in range(3)]
    made = [api.started(pipeline, start_date=day) for day in days]
    made.append(api.started(pipeline, parent_id=made[2], start_date=days[2]))
    api.ended(made[0])
    api.ended(made[1], seconds=10**6, completed_successfully=False)
    assert [one["id"] for one in api.get("/pipeline_execution", order="start_date", **asked)] == [
        made[number] for number in numbers
    ]


@pytest.mark.parametrize(
    "asked",
    [
        *({"limit": 0}, {"limit": 1001}, {"order": "id"}, {"state": "success"}, {"since": "soon"}, {"cursor": "x"}),
        {"state": "failed", "completed_successfully": True},
        {"pipeline_id": 2**63},
    ],
)
def test_a_list_is_asked_for_in_its_words(api: Api, asked: dict[str, Any]) -> None:
    assert api.client.get("/pipeline_execution", params=asked).status_code == 422
