"""Pipelines and their types: reported, read, changed, deleted."""

from datetime import timedelta
from typing import Any

import pytest

from tests.dagster.api.watcher.apis import NOON, Api

LATER = NOON + timedelta(hours=1)
REPORT = {
    "pipeline_metadata": {"Description": "Daily"},
    "freshness_number": 24,
    "freshness_datepart": "hour",
    "timeliness_number": 2,
    "timeliness_datepart": "minute",
}


def test_a_pipeline_is_reported_and_read(api: Api) -> None:
    answer = api.post(
        "/pipeline", name=" My Data Pipeline ", pipeline_type_name="Extraction", next_watermark=5, **REPORT
    )
    assert (answer.status_code, answer.json()) == (
        201,
        {"id": 1, "active": True, "load_lineage": True, "watermark": None},
    )
    found = api.get("/pipeline/1")
    assert len(found.pop("input_hash")) == 64
    assert found == {
        "id": 1,
        "name": "my data pipeline",
        "pipeline_type_id": 1,
        "watermark": None,
        "next_watermark": "5",
        "pipeline_metadata": {"Description": "Daily"},
        "last_target_insert": None,
        "last_target_update": None,
        "last_target_soft_delete": None,
        "freshness_number": 24,
        "freshness_datepart": "hour",
        "mute_freshness_check": False,
        "timeliness_number": 2,
        "timeliness_datepart": "minute",
        "mute_timeliness_check": False,
        "load_lineage": True,
        "active": True,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": None,
    }


def test_the_same_report_changes_nothing_and_another_what_it_names(api: Api) -> None:
    pipeline = api.pipeline(**REPORT)
    api.patch("/pipeline", id=pipeline, freshness_number=9)
    changed = api.get(f"/pipeline/{pipeline}")
    api.now = LATER
    assert api.pipeline("ORDERS", **REPORT) == pipeline
    assert api.get(f"/pipeline/{pipeline}") == changed
    api.pipeline(freshness_number=None, freshness_datepart=None)
    found = api.get(f"/pipeline/{pipeline}")
    assert (found["freshness_number"], found["timeliness_number"]) == (None, 2)
    assert found["updated_at"] == "2026-11-22T13:00:00Z"


def test_a_watermark_is_answered_where_it_was_there_and_the_next_one_is_given(api: Api) -> None:
    pipeline = api.pipeline(next_watermark="A")
    api.ended(api.started(pipeline))
    answers = [
        api.post("/pipeline", name="orders", pipeline_type_name="extraction", **given).json()["watermark"]
        for given in ({"next_watermark": "B"}, {}, {"next_watermark": None})
    ]
    assert answers == ["A", None, None]
    assert api.get(f"/pipeline/{pipeline}")["next_watermark"] == "B"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (5, "5"),
        ("0007", "0007"),
        (" A b ", " A b "),
        ("", ""),
        (True, "True"),
        (1.5, "1.5"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("x" * 50, "x" * 50),
        (10**49, str(10**49)),
    ],
)
def test_a_watermark_is_kept_to_the_letter(api: Api, given: Any, kept: str) -> None:
    assert api.get(f"/pipeline/{api.pipeline(next_watermark=given)}")["next_watermark"] == kept


@pytest.mark.parametrize("given", ["x" * 51, "a\0", {}, [], 10**50])
def test_what_is_no_watermark_is_refused(api: Api, given: Any) -> None:
    answer = api.post("/pipeline", name="orders", pipeline_type_name="extraction", next_watermark=given)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "next_watermark"]


@pytest.mark.parametrize("what", ["freshness", "timeliness"])
@pytest.mark.parametrize("given", [{"number": 1}, {"datepart": "hour"}, {"number": 1, "datepart": None}])
def test_a_number_and_its_datepart_belong_together(api: Api, what: str, given: dict[str, Any]) -> None:
    named = {f"{what}_{name}": value for name, value in given.items()}
    answer = api.post("/pipeline", name="orders", pipeline_type_name="extraction", **named)
    assert answer.status_code == 422
    assert f"{what}_number and {what}_datepart belong together" in answer.json()["message"]


@pytest.mark.parametrize("which", [{"id": 1}, {"pipeline_id": 1}, {"name": " ORDERS "}])
def test_a_pipeline_is_changed_by_its_id_or_its_name(api: Api, which: dict[str, Any]) -> None:
    api.pipeline()
    api.now = LATER
    answer = api.patch("/pipeline", **which, watermark="W", active=False, pipeline_metadata={"A": 1})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["name"], found["watermark"], found["active"], found["pipeline_metadata"]) == (
        "orders",
        "W",
        False,
        {"A": 1},
    )
    assert found["updated_at"] == "2026-11-22T13:00:00Z"
    assert found == api.get("/pipeline/1")


def test_null_clears_what_may_be_empty_and_the_time_of_change_is_that_of_the_last_patch(api: Api) -> None:
    pipeline = api.pipeline(next_watermark="A", **REPORT)
    api.now = LATER
    names = [name for name in REPORT if name != "name"]
    found = api.patch("/pipeline", id=pipeline, next_watermark=None, **dict.fromkeys(names)).json()
    assert [found[name] for name in ("next_watermark", *names)] == [None] * 6
    api.now = LATER + timedelta(hours=1)
    assert api.patch("/pipeline", id=pipeline).json()["updated_at"] == "2026-11-22T14:00:00Z"


@pytest.mark.parametrize(
    "name", ["mute_freshness_check", "mute_timeliness_check", "load_lineage", "active", "name", "pipeline_type_id"]
)
def test_null_for_what_may_not_be_empty_is_refused(api: Api, name: str) -> None:
    assert api.patch("/pipeline", **{"id": api.pipeline(), name: None}).status_code == 422


@pytest.mark.parametrize("path", ["/pipeline", "/pipeline_type", "/address", "/address_type"])
def test_a_change_says_of_what(api: Api, path: str) -> None:
    assert api.patch(path).status_code == 422
    assert api.patch(path, name="nothing").status_code == 404
    assert api.patch(path, id=7).status_code == 404


def test_a_new_name_must_be_free_and_a_new_type_there(api: Api) -> None:
    ids = [api.pipeline(name) for name in ("a", "b")]
    assert api.patch("/pipeline", id=ids[0], name="B").status_code == 409
    assert api.patch("/pipeline", id=ids[0], pipeline_type_id=7).status_code == 422
    assert api.patch("/pipeline", id=ids[0], name="C").json()["name"] == "c"


def test_a_type_is_reported_once_and_changed_by_patch(api: Api) -> None:
    report = {"name": "Extraction", "freshness_number": 24, "freshness_datepart": "HOUR", "mute_freshness_check": True}
    first, second = api.post("/pipeline_type", **report), api.post("/pipeline_type", name="extraction")
    assert (first.status_code, second.status_code, first.json(), second.json()) == (201, 200, {"id": 1}, {"id": 1})
    shown = {
        "id": 1,
        "name": "extraction",
        "freshness_number": 24,
        "freshness_datepart": "hour",
        "mute_freshness_check": True,
        "timeliness_number": None,
        "timeliness_datepart": None,
        "mute_timeliness_check": False,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": None,
    }
    assert api.get("/pipeline_type/1") == shown
    assert api.get("/pipeline_type") == [shown]
    api.now = LATER
    changed = api.patch("/pipeline_type", name="extraction", freshness_number=None, mute_freshness_check=False).json()
    assert changed == shown | {
        "freshness_number": None,
        "mute_freshness_check": False,
        "updated_at": "2026-11-22T13:00:00Z",
    }


def test_of_a_pipeline_that_supersync_runs_only_what_tunes_it_is_changed(api: Api) -> None:
    ours = api.declared("Ours")
    assert api.patch("/pipeline", id=ours, mute_freshness_check=True).json()["mute_freshness_check"] is True
    assert api.post("/pipeline", name="ours", pipeline_type_name="x", **REPORT).status_code == 200
    for answer in (
        api.patch("/pipeline", id=ours, active=False),
        api.post("/pipeline", name="ours", pipeline_type_name="x", next_watermark=1),
        api.post("/start_pipeline_execution", pipeline_id=ours),
        api.client.delete(f"/pipeline/{ours}"),
    ):
        assert answer.status_code == 409
        assert "Ours is a pipeline that supersync runs" in answer.json()["message"]
    found = api.get(f"/pipeline/{ours}")
    assert (found["name"], found["freshness_number"], found["active"]) == ("Ours", 24, True)


def test_what_is_deleted_is_gone_and_what_is_in_use_stays(api: Api) -> None:
    pipeline = api.pipeline()
    assert api.client.delete("/pipeline_type/1").status_code == 409
    assert api.client.delete(f"/pipeline/{pipeline}").status_code == 204
    assert api.client.delete("/pipeline_type/1").status_code == 204
    assert api.get("/pipeline") == api.get("/pipeline_type") == []
    assert api.client.delete(f"/pipeline/{pipeline}").status_code == 404


def test_dagster_is_told_of_what_it_shows(api: Api) -> None:
    def reloads(call: Any) -> int:
        before = api.launcher.reloads
        call()
        return api.launcher.reloads - before

    assert reloads(lambda: api.pipeline(**REPORT)) == 1
    assert reloads(lambda: api.pipeline(next_watermark=1, **REPORT)) == 0
    assert reloads(lambda: api.pipeline(freshness_number=1, freshness_datepart="day")) == 1
    assert reloads(lambda: api.patch("/pipeline", id=1, name="new")) == 1
    assert reloads(lambda: api.patch("/pipeline", id=1, next_watermark=2, load_lineage=True)) == 0
    assert reloads(lambda: api.patch("/pipeline", id=1, pipeline_type_id=7)) == 0
    assert reloads(lambda: api.client.delete("/pipeline/1")) == 1
