"""The promises of the DeltaForge document, over HTTP, against `supersync dev`: PostgreSQL to Redis."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.console import SECRET, execute, rows, until
from tests.conformance.api.cdc import Cdc
from tests.conformance.api.site import Site
from tests.slots import drop_slot

OPS = {"uptime_seconds", "dlq_entries", "sink_errors", "checkpoints", "lag_seconds"}


@pytest.fixture(scope="module")
def cdc(site: Site, redis_port: int) -> Iterator[Cdc]:
    """A pipeline that streams. Each test leaves it running."""
    cdc = Cdc(site, redis_port)
    answer = cdc.create()
    assert answer.status_code == 200, answer.text
    cdc.streams()
    yield cdc
    cdc.delete()


@pytest.fixture
def other(site: Site, redis_port: int) -> Iterator[Cdc]:
    """A pipeline that the test creates itself."""
    cdc = Cdc(site, redis_port)
    yield cdc
    cdc.delete()


def test_a_pipeline_is_shown_with_its_whole_specification_and_no_password(cdc: Cdc) -> None:
    found = cdc.get()
    assert set(found) == {"name", "status", "spec", "ops"}
    assert (found["name"], found["status"]) == (cdc.name, "running")
    assert found["spec"]["metadata"]["tenant"] == "acme"
    assert found["spec"]["spec"]["source"]["config"]["tables"] == [cdc.table]
    assert set(found["ops"]) <= OPS
    assert SECRET not in str(found)


def test_changes_arrive_in_order(cdc: Cdc) -> None:
    cdc.insert(1)
    cdc.insert(2, 3)
    assert until(lambda: (found := cdc.arrived())[-3:] == [1, 2, 3] and found)


def test_a_pipeline_streams_within_three_seconds_of_the_request(other: Cdc) -> None:
    other.create()
    other.streams(seconds=20)  # three on a machine that does nothing else
    other.insert(1)
    assert until(lambda: other.arrived() == [1])


def test_a_name_is_taken_once(cdc: Cdc) -> None:
    answer = cdc.create()
    assert answer.status_code == 409
    assert answer.json() == {"code": "PIPELINE_ALREADY_EXISTS", "message": f"pipeline {cdc.name} already exists"}


def test_pipelines_are_listed_by_all_of_their_labels(cdc: Cdc) -> None:
    def names(*labels: str) -> list[str]:
        return [one["name"] for one in cdc.site.get("/pipelines", label=list(labels))]

    assert names("env:test", f"team:{cdc.name}") == [cdc.name]
    assert names("env:prod", f"team:{cdc.name}") == []
    assert cdc.name in names("team")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/stop"),
        ("GET", "/schemas"),
        ("GET", "/schemas/public/orders"),
        ("GET", "/journal/dlq"),
        ("GET", "/journal/dlq/count"),
        ("POST", "/journal/dlq/ack"),
        ("POST", "/journal/dlq/replay"),
        ("DELETE", "/journal/dlq"),
        ("GET", "/checkpoints"),
    ],
)
def test_what_is_not_there_is_not_found(site: Site, method: str, path: str) -> None:
    with site.client() as client:
        answer = client.request(method, f"/pipelines/nobody{path}", json={"up_to_seq": 1} if "dlq/" in path else {})
    assert answer.status_code == 404, answer.text
    assert answer.json() == {"code": "PIPELINE_NOT_FOUND", "message": "pipeline nobody not found"}


def _without(spec: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = spec
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return spec


@pytest.mark.parametrize(
    "mistake",
    [
        lambda spec: _without(spec, "metadata"),
        lambda spec: _without(spec, "metadata", "name"),
        lambda spec: _without(spec, "spec", "processors"),
        lambda spec: _without(spec, "spec", "sinks"),
        lambda spec: spec["spec"].update(sinks=[]) or spec,
        lambda spec: spec["spec"]["source"].update(type="oracle") or spec,
        lambda spec: spec["spec"]["batch"].update(max_ms=-1) or spec,
        lambda spec: spec["spec"]["batch"].update(max_events="many") or spec,
        lambda spec: spec["spec"]["batch"].update(max_events=2**70) or spec,
        lambda spec: spec["metadata"].update(name="a\0b") or spec,
        lambda spec: spec["metadata"].update(name="") or spec,
        lambda spec: spec["metadata"].update(name="x" * 10_000) or spec,
        lambda spec: [spec],
        lambda spec: "text",
        lambda spec: None,
    ],
)
def test_a_wrong_specification_is_refused_and_said_to_be_invalid(other: Cdc, mistake: Any) -> None:
    body = mistake(other.spec())
    created = other.client.post("/pipelines", json=body)
    assert created.status_code == 400, created.text
    assert set(created.json()) == {"code", "message"}
    validated = other.client.post("/validate", json=body)
    assert validated.status_code == 400
    assert set(validated.json()) == {"valid", "error"} and validated.json()["valid"] is False
    assert other.client.get(f"/pipelines/{other.name}").status_code == 404


def test_a_right_specification_is_valid_and_nothing_is_created(other: Cdc) -> None:
    answer = other.client.post("/validate", json=other.spec())
    assert answer.json() == {"valid": True, "pipeline": other.name, "source_type": "postgres", "sink_count": 1}
    assert other.client.get(f"/pipelines/{other.name}").status_code == 404


def test_what_is_paused_takes_nothing_and_goes_on_where_it_was(cdc: Cdc) -> None:
    before = len(cdc.arrived())
    assert cdc.post("pause").json()["status"] == "paused"
    uptime = cdc.get()["ops"]["uptime_seconds"]
    until(lambda: cdc.get()["ops"]["uptime_seconds"] > uptime + 0.5)  # it is obeyed within 0.2 s
    cdc.insert(11)
    until(lambda: cdc.get()["ops"]["uptime_seconds"] > uptime + 1.5)
    assert len(cdc.arrived()) == before
    assert cdc.post("resume").json()["status"] == "running"
    assert until(lambda: cdc.arrived()[before:] == [11])


def test_what_is_stopped_disconnects_and_catches_up_when_it_is_resumed(cdc: Cdc) -> None:
    before = len(cdc.arrived())
    assert cdc.post("stop").json()["status"] == "stopped"
    cdc.idle()
    slot = cdc.name.replace("-", "_")
    until(
        lambda: (
            rows(cdc.site.warehouse, f"select active from pg_replication_slots where slot_name = '{slot}'")
            == [(False,)]
        )
    )
    cdc.insert(21, 22)
    assert cdc.post("resume").json()["status"] == "running"
    assert until(lambda: cdc.arrived()[before:] == [21, 22], 60)


def test_a_change_is_merged_and_lets_a_stopped_pipeline_run(cdc: Cdc) -> None:
    cdc.post("stop")
    cdc.idle()
    patch = {"spec": {"batch": {"max_events": 10}, "sinks": [{"config": {"batch_timeout_secs": 20}}]}}
    answer = cdc.client.patch(f"/pipelines/{cdc.name}", json=patch)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["status"] == "running"
    inner = found["spec"]["spec"]
    assert (inner["batch"]["max_events"], inner["batch"]["max_ms"]) == (10, 5)
    assert [(one["config"]["id"], one["config"]["batch_timeout_secs"]) for one in inner["sinks"]] == [("events", 20)]
    before = len(cdc.arrived())
    cdc.insert(31)
    assert until(lambda: cdc.arrived()[before:] == [31], 60)


@pytest.mark.parametrize(
    "patch",
    [
        {"metadata": {"name": "another"}},
        {"spec": {"batch": {"max_ms": "soon"}}},
        {"spec": {"sinks": [{"type": "carrier pigeon"}]}},
        {"spec": {"processors": "none"}},
        [],
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(cdc: Cdc, patch: Any) -> None:
    before = cdc.get()["spec"]
    answer = cdc.client.patch(f"/pipelines/{cdc.name}", json=patch)
    assert (answer.status_code, answer.json()["code"]) == (400, "PIPELINE_NAME_MISMATCH")
    assert cdc.get()["spec"] == before


def test_checkpoints_say_how_far_each_sink_is(cdc: Cdc) -> None:
    (found,) = cdc.get("checkpoints")
    assert set(found) == {"sink_id", "position", "age_seconds"}
    assert found["sink_id"] == "events" and "lsn" in found["position"] and found["age_seconds"] >= 0


def test_tables_are_shown_with_their_columns_and_versions(other: Cdc) -> None:
    other.create()
    other.streams()
    other.insert(1)
    until(lambda: other.arrived() == [1])
    execute(other.site.warehouse, f"ALTER TABLE {other.table} ADD COLUMN amount numeric(10,2)")
    other.insert(2)
    until(lambda: other.arrived() == [1, 2])
    (table,) = other.get("schemas")
    assert set(table) == {"database", "table", "column_count", "primary_key", "fingerprint", "registry_version"}
    assert (table["database"], table["column_count"], table["primary_key"]) == ("public", 4, ["id"])
    assert table["registry_version"] == 2 and table["fingerprint"].startswith("sha256:")
    detail = other.get(f"schemas/public/{table['table']}")
    assert {"database", "table", "columns", "primary_key", "fingerprint"} <= set(detail)
    assert [(one["name"], one["nullable"]) for one in detail["columns"]][0] == ("id", False)
    assert other.client.get(f"/pipelines/{other.name}/schemas/public/nothing").status_code == 404


def test_what_is_deleted_is_gone_with_its_slot_and_its_name_is_free(other: Cdc) -> None:
    other.create()
    other.streams()
    answer = other.delete()
    assert (answer.status_code, answer.content) == (204, b"")
    slots = rows(other.site.warehouse, "select slot_name from pg_replication_slots")
    assert (other.name.replace("-", "_"),) not in slots
    assert other.client.get(f"/pipelines/{other.name}").status_code == 404
    assert other.create().status_code == 200


def test_what_cannot_go_on_is_failed_and_makes_the_server_unhealthy(other: Cdc) -> None:
    other.create()
    other.streams()
    other.post("stop")
    other.idle()
    drop_slot(other.site.warehouse, other.name.replace("-", "_"))
    other.post("resume")
    found = until(lambda: (found := other.get())["status"] == "failed" and found, 60)
    assert "slot" in found["error"]
    health = until(lambda: (found := other.client.get("/health")).status_code == 503 and found.json())
    assert (health["status"], health["failed_pipelines"]) == ("unhealthy", [other.name])
    other.delete()
    until(lambda: other.client.get("/health").status_code == 200)


def test_what_the_source_keeps_of_its_log_is_measured(cdc: Cdc) -> None:
    def measured() -> float:
        lines = cdc.client.get("/metrics").text.splitlines()
        kept = f'supersync_cdc_retained_bytes{{pipeline="{cdc.name}"}} '
        return next(float(line.removeprefix(kept)) for line in lines if line.startswith(kept))

    assert until(lambda: measured() > 0, 120)


def test_health_counts_the_pipelines(cdc: Cdc) -> None:
    assert cdc.site.get("/health")["pipelines"] >= 1


def test_readiness_shows_the_pipelines(cdc: Cdc) -> None:
    found = until(lambda: [one for one in cdc.site.get("/ready")["pipelines"] if one["name"] == cdc.name])
    assert set(found[0]) == {"name", "status", "spec"} and SECRET not in str(found)


def test_the_log_level_can_be_read_and_changed(cdc: Cdc) -> None:
    before = cdc.site.get("/log-level")["level"]
    changed = cdc.client.put("/log-level", json={"level": "supersync_core=debug,warning"}).json()
    assert changed == {"level": "supersync_core=debug,warning"} == cdc.site.get("/log-level")
    assert cdc.client.put("/log-level", json={"level": "loud"}).status_code == 400
    cdc.client.put("/log-level", json={"level": f"supersync_core=warning,{before.split(',')[-1]}"})
