"""The promises of the Watcher document, over HTTP, against `supersync dev`."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from supersync_dagster.api.watcher import examples
from tests.acceptance.console import until
from tests.conformance.api.site import Site

TABLE = {"address_type_name": "postgres", "address_type_group_name": "database"}


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


def fresh(word: str = "pipeline") -> str:
    """A name that nothing has."""
    return f"{word} {uuid.uuid4().hex[:12]}"


def pipeline(client: httpx.Client, **given: Any) -> int:
    """A new pipeline; its id."""
    body = {**examples.PIPELINE_REPORT, "name": fresh(), **given}
    answer = client.post("/pipeline", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def start(client: httpx.Client, pipeline_id: int, **given: Any) -> int:
    answer = client.post("/start_pipeline_execution", json={**examples.START, "pipeline_id": pipeline_id, **given})
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"id"}
    return int(answer.json()["id"])


def end(client: httpx.Client, execution_id: int, **given: Any) -> None:
    answer = client.post("/end_pipeline_execution", json={**examples.END, "id": execution_id, **given})
    assert (answer.status_code, answer.content) == (204, b"")


def read(client: httpx.Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_pipeline_is_created_once_and_then_found(client: httpx.Client) -> None:
    body = {**examples.PIPELINE_REPORT, "name": fresh()}
    first, second = (client.post("/pipeline", json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json() == examples.PIPELINE_FOUND | {"id": first.json()["id"], "watermark": None}


def test_the_watermark_moves_with_each_success(client: httpx.Client) -> None:
    name = fresh()
    pipeline_id = pipeline(client, name=name, next_watermark="2024-01-01T00:00:00Z")
    end(client, start(client, pipeline_id))
    answer = client.post("/pipeline", json={**examples.PIPELINE_REPORT, "name": name})
    assert answer.json() == {
        "id": pipeline_id,
        "active": True,
        "load_lineage": False,
        "watermark": "2024-01-01T00:00:00Z",
    }


def test_a_pipeline_is_listed_and_read_with_the_documents_fields(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    found = read(client, f"/pipeline/{pipeline_id}")
    assert set(found) == {*examples.PIPELINE, "input_hash"}
    assert found in read(client, "/pipeline")
    assert (found["created_at"][-1], found["updated_at"]) == ("Z", None)
    sent = {name: value for name, value in examples.PIPELINE_REPORT.items() if name in found and name != "name"}
    assert {name: found[name] for name in sent} == sent


def test_a_pipeline_is_patched_as_the_document_has_it(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    type_id = client.post("/pipeline_type", json={**examples.TYPE_REPORT, "name": fresh()}).json()["id"]
    body = {**examples.PIPELINE_PATCH, "id": pipeline_id, "name": fresh(), "pipeline_type_id": type_id}
    answer = client.patch("/pipeline", json=body)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in body} == body
    assert answer.json()["updated_at"] is not None
    assert answer.json() == read(client, f"/pipeline/{pipeline_id}")


def test_an_execution_and_its_child_are_the_documents_samples(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    root = start(client, pipeline_id)
    sample, child_sample = examples.EXECUTION, examples.CHILD_EXECUTION
    child = start(client, pipeline_id, start_date="2024-01-01T10:01:00Z", parent_id=root)
    counts = {name: child_sample[name] for name in ("total_rows", "inserts", "updates", "soft_deletes")}
    end(client, child, end_date="2024-01-01T10:03:00Z", **counts, execution_metadata=None)
    end(client, root)
    common = {"pipeline_id": pipeline_id, "anomaly_flags": None}
    assert read(client, f"/pipeline_execution/{root}") == sample | common | {
        "id": root,
        "child_executions": [child_sample | common | {"id": child, "parent_id": root}],
    }


def test_the_shortest_start_begins_now(client: httpx.Client) -> None:
    before = datetime.now(timezone.utc)
    answer = client.post("/start_pipeline_execution", json={"pipeline_id": pipeline(client)})
    found = read(client, f"/pipeline_execution/{answer.json()['id']}")
    begun = datetime.fromisoformat(found["start_date"].replace("Z", "+00:00"))
    assert before <= begun <= datetime.now(timezone.utc)
    assert [found[name] for name in ("end_date", "duration_seconds", "completed_successfully", "throughput")] == [
        None
    ] * 4


def test_a_tree_is_nested_as_deep_as_it_is(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    ids = [start(client, pipeline_id)]
    for _ in range(5):
        ids.append(start(client, pipeline_id, parent_id=ids[-1]))
    node, seen = read(client, f"/pipeline_execution/{ids[0]}"), list[int]()
    while True:
        seen.append(node["id"])
        if not node["child_executions"]:
            break
        (node,) = node["child_executions"]
    assert seen == ids


def test_types_are_created_listed_and_read(client: httpx.Client) -> None:
    body = {**examples.TYPE_REPORT, "name": fresh("type")}
    first, second = (client.post("/pipeline_type", json=body) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 200, second.json())
    found = read(client, f"/pipeline_type/{first.json()['id']}")
    assert found == body | {"id": first.json()["id"], "created_at": found["created_at"], "updated_at": None}
    assert found in read(client, "/pipeline_type")


def test_addresses_and_their_types_are_created_listed_read_and_patched(client: httpx.Client) -> None:
    kind = fresh("type")
    made = client.post("/address_type", json={"name": kind, "group_name": "database"})
    again = client.post("/address_type", json={"name": kind, "group_name": "database"})
    assert (made.status_code, again.status_code, made.json()) == (201, 200, again.json())
    shown = read(client, f"/address_type/{made.json()['id']}")
    assert set(shown) == set(examples.ADDRESS_TYPE)
    assert shown in read(client, "/address_type")
    body = {**examples.ADDRESS_REPORT, "name": f"{fresh('d')}.s.t", "address_type_name": kind}
    first, second = (client.post("/address", json=body) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 200, second.json())
    found = read(client, f"/address/{first.json()['id']}")
    assert set(found) == {*examples.ADDRESS, "input_hash"}
    assert (found["address_type_id"], found["schema_name"]) == (made.json()["id"], "s")
    assert found in read(client, "/address")
    patch = {**examples.ADDRESS_PATCH, "id": found["id"], "name": fresh("a"), "address_type_id": made.json()["id"]}
    changed = client.patch("/address", json=patch)
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in patch} == patch


def test_rules_are_created_listed_read_and_patched(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    body = {**examples.RULE_REPORT, "pipeline_id": pipeline_id}
    first, second = (client.post("/anomaly_detection_rule", json=body) for _ in range(2))
    assert (first.status_code, second.status_code, first.json()) == (201, 200, second.json())
    id_ = first.json()["id"]
    found = read(client, f"/anomaly_detection_rule/{id_}")
    assert found == body | {"id": id_, "created_at": found["created_at"], "updated_at": None}
    assert found in read(client, "/anomaly_detection_rule")
    changed = client.patch(
        "/anomaly_detection_rule", json={**examples.RULE_PATCH, "id": id_, "pipeline_id": pipeline_id}
    )
    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in ("metric_field", "z_threshold", "minimum_executions")} == {
        "metric_field": "updates",
        "z_threshold": 2.5,
        "minimum_executions": 20,
    }


def test_freshness_and_timeliness_are_queued_and_then_looked_at(client: httpx.Client) -> None:
    late = {"timeliness_number": 1, "timeliness_datepart": "minute"}
    pipeline_id = pipeline(client, freshness_number=1, freshness_datepart="hour", **late)
    begun = datetime.now(timezone.utc) - timedelta(minutes=10)
    end(client, start(client, pipeline_id))
    start(client, pipeline_id, start_date=begun.isoformat())
    for path, body in (("/timeliness", {"lookback_minutes": 60}), ("/freshness", None)):
        answer = client.post(path, json=body) if body else client.post(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "queued"})

    def found() -> bool:
        page = client.get("/api/v1/incidents", params={"pipeline_id": pipeline_id}).json()
        return {one["kind"] for one in page["incidents"]} == {"freshness", "timeliness"}

    assert until(found, 60)


def test_what_is_old_is_cleaned_up(client: httpx.Client) -> None:
    execution = start(client, pipeline(client), start_date="2020-01-01")
    answer = client.post("/log_cleanup", json=examples.CLEAN_UP)
    assert answer.status_code == 200
    assert set(answer.json()) == set(examples.CLEANED_UP)
    assert answer.json()["total_pipeline_executions_deleted"] >= 1
    assert client.get(f"/pipeline_execution/{execution}").status_code == 404


def test_the_queue_is_looked_at(client: httpx.Client) -> None:
    answer = client.post("/celery/monitor-queue")
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
