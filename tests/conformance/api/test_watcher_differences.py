"""Where the original Watcher did other than its document says: here the document wins."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conformance.api.site import Site
from tests.conformance.api.test_watcher import TABLE, end, fresh, pipeline, read, start


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with site.client() as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/pipeline", "/pipeline_type", "/address", "/address_type", "/anomaly_detection_rule", "/pipeline_execution"],
)
@pytest.mark.parametrize("id_", [999_999_999, 2**40, 2**70])
def test_what_is_unknown_is_404(client: httpx.Client, path: str, id_: int) -> None:
    assert client.get(f"{path}/{id_}").status_code == 404


def test_an_end_that_is_not_after_the_start_is_400(client: httpx.Client) -> None:
    execution = start(client, pipeline(client))
    body = {"id": execution, "end_date": "2024-01-01T10:00:00Z", "completed_successfully": True}
    answer = client.post("/end_pipeline_execution", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (400, "end_date must be greater than start_date")
    assert read(client, f"/pipeline_execution/{execution}")["end_date"] is None


def test_whether_it_was_a_success_may_be_left_out(client: httpx.Client) -> None:
    execution = start(client, pipeline(client))
    answer = client.post("/end_pipeline_execution", json={"id": execution, "end_date": "2024-01-01T10:05:00Z"})
    assert answer.status_code == 204
    found = read(client, f"/pipeline_execution/{execution}")
    assert (found["completed_successfully"], found["duration_seconds"]) == (None, 300)


def test_the_children_of_a_root_are_shown_at_every_level(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    root = start(client, pipeline_id)
    child = start(client, pipeline_id, parent_id=root)
    grandchild = start(client, pipeline_id, parent_id=child)
    (shown,) = read(client, f"/pipeline_execution/{root}")["child_executions"]
    assert (shown["id"], shown["child_executions"][0]["id"]) == (child, grandchild)


def test_lineage_is_201_also_when_its_addresses_are_known(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    names = [fresh("s"), fresh("t")]
    for _ in range(2):
        sides = {
            f"{side}_addresses": [{"name": name, **TABLE}]
            for side, name in zip(("source", "target"), names, strict=True)
        }
        answer = client.post("/address_lineage", json={"pipeline_id": pipeline_id, **sides})
        assert (answer.status_code, answer.json()) == (
            201,
            {
                "pipeline_id": pipeline_id,
                "lineage_relationships_created": 1,
                "message": f"Lineage relationships created for pipeline {pipeline_id}",
            },
        )


def test_lineage_that_is_not_taken_is_200_and_says_so(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    end(client, start(client, pipeline_id))
    sides = {f"{side}_addresses": [{"name": fresh(), **TABLE}] for side in ("source", "target")}
    answer = client.post("/address_lineage", json={"pipeline_id": pipeline_id, **sides})
    assert (answer.status_code, answer.json()["lineage_relationships_created"]) == (200, 0)
    assert "load_lineage=True" in answer.json()["message"]


def test_a_threshold_is_a_number_and_a_patch_says_when(client: httpx.Client) -> None:
    rule = {"pipeline_id": pipeline(client), "metric_field": "total_rows", "z_threshold": 2.0}
    id_ = client.post("/anomaly_detection_rule", json=rule).json()["id"]
    found = read(client, f"/anomaly_detection_rule/{id_}")
    assert (found["z_threshold"], found["updated_at"]) == (2.0, None)
    assert client.patch("/anomaly_detection_rule", json={"id": id_, "active": False}).json()["updated_at"] is not None


def test_a_watermark_has_at_most_50_characters(client: httpx.Client) -> None:
    body = {"name": fresh(), "pipeline_type_name": "extraction"}
    assert client.post("/pipeline", json={**body, "next_watermark": "x" * 51}).status_code == 422
    assert client.post("/pipeline", json={**body, "next_watermark": "x" * 50}).status_code == 201


@pytest.mark.parametrize(("given", "kept"), [(5, "5"), ("0007", "0007"), ("2024-01-01", "2024-01-01"), (True, "True")])
def test_a_watermark_is_a_text_a_number_or_a_date(client: httpx.Client, given: Any, kept: str) -> None:
    assert read(client, f"/pipeline/{pipeline(client, next_watermark=given)}")["next_watermark"] == kept


@pytest.mark.parametrize("datepart", ["minute", "hour", "day", "week", "month", "year", "Hour "])
def test_dateparts(client: httpx.Client, datepart: str) -> None:
    id_ = pipeline(client, timeliness_number=5, timeliness_datepart=datepart)
    assert read(client, f"/pipeline/{id_}")["timeliness_datepart"] == datepart.strip().lower()


def test_a_patch_goes_by_id_or_by_name_and_may_switch_off(client: httpx.Client) -> None:
    name = fresh()
    id_ = pipeline(client, name=name)
    assert client.patch("/pipeline", json={"name": name.upper(), "active": False}).json()["id"] == id_
    assert client.post("/pipeline", json={"name": name, "pipeline_type_name": "extraction"}).json()["active"] is False


@pytest.mark.parametrize(
    ("seconds", "rows", "throughput"), [(300, 1000, 3.33), (120, 500, 4.17), (3, 10, 3.33), (60, None, None)]
)
def test_throughput_has_two_decimals(
    client: httpx.Client, seconds: int, rows: int | None, throughput: float | None
) -> None:
    execution = start(client, pipeline(client), start_date="2024-01-01T00:00:00Z")
    end(client, execution, end_date=1704067200 + seconds, total_rows=rows)
    assert read(client, f"/pipeline_execution/{execution}")["throughput"] == throughput


def test_cleaning_up_deletes(client: httpx.Client) -> None:
    pipeline_id = pipeline(client)
    parent = start(client, pipeline_id, start_date="2019-01-01")
    child = start(client, pipeline_id, start_date="2019-01-02", parent_id=parent)
    young = start(client, pipeline_id, start_date=None, parent_id=child)
    for deleted in (True, False):
        answer = client.post("/log_cleanup", json={"retention_days": 2000})
        assert answer.status_code == 200
        assert (answer.json()["total_pipeline_executions_deleted"] >= 2) == deleted
    assert client.get(f"/pipeline_execution/{child}").status_code == 404
    assert read(client, f"/pipeline_execution/{young}")["parent_id"] is None
