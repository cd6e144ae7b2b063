"""The client of the Watcher document, unchanged, with a token of an operator, against `supersync dev`."""

import socket
import warnings
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pendulum
import pytest
from watcher import (
    Address,
    AddressLineage,
    ETLResult,
    OrchestratedETL,
    Pipeline,
    PipelineConfig,
    Watcher,
    WatcherAPIError,
    WatcherContext,
)

from tests.conformance.api.site import TOKENS, Site
from tests.conformance.api.test_watcher import fresh, read

DONE = ETLResult(completed_successfully=True, inserts=3, updates=2, soft_deletes=1, total_rows=6)


@pytest.fixture(autouse=True)
def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is asked for anything: the client looks for clouds around it, unless it has a token."""
    look_up = socket.getaddrinfo

    def refuse_others(host: Any, *more: Any, **named: Any) -> Any:
        assert host in ("127.0.0.1", b"127.0.0.1"), f"the client asks for {host}"
        return look_up(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", refuse_others)


@pytest.fixture
def watcher(closed_site: Site) -> Watcher:
    return Watcher(closed_site.url, auth=TOKENS["operator"])


@pytest.fixture
def client(closed_site: Site) -> Iterator[httpx.Client]:
    """Looks at what the other one did."""
    with closed_site.client() as client:
        yield client


def config(name: str = "", **given: Any) -> PipelineConfig:
    """A pipeline with lineage and expectations."""
    table = {"address_type_name": "postgres", "address_type_group_name": "database"}
    lineage = AddressLineage(
        source_addresses=[Address(name=fresh("source"), primary_key="id", **table)],
        target_addresses=[Address(name=f"{fresh('target')}.public.orders", **table)],
    )
    described = Pipeline(
        name=name or fresh(),
        pipeline_type_name="extraction",
        pipeline_metadata={"Owner": "me"},
        freshness_number=24,
        freshness_datepart="hour",
        timeliness_number=5,
        timeliness_datepart="minute",
    )
    return PipelineConfig(pipeline=described, address_lineage=lineage, **given)


def test_a_configuration_is_synced_with_its_lineage(watcher: Watcher, client: httpx.Client) -> None:
    wanted = config(default_watermark="2024-01-01", next_watermark="2024-01-02")
    synced = watcher.sync_pipeline_config(wanted)
    assert (synced.pipeline.active, synced.watermark) == (True, "2024-01-01")
    found = read(client, f"/pipeline/{synced.pipeline.id}")
    assert (found["freshness_number"], found["timeliness_datepart"]) == (24, "minute")
    assert found["pipeline_metadata"] == {"Owner": "me"}
    source = wanted.address_lineage.source_addresses[0].name
    graph = read(client, f"/address_lineage?address={source}&direction=downstream")
    assert [edge["pipeline_id"] for edge in graph["edges"]] == [synced.pipeline.id]
    assert {one["name"] for one in graph["addresses"]} == {
        source,
        wanted.address_lineage.target_addresses[0].name,
    }


def test_the_watermark_comes_back_after_a_success(watcher: Watcher) -> None:
    name = fresh()
    first = watcher.sync_pipeline_config(config(name, default_watermark="0", next_watermark="1"))

    @watcher.track_pipeline_execution(first.pipeline.id, active=True)
    def run() -> ETLResult:
        return DONE

    run()
    assert watcher.sync_pipeline_config(config(name, default_watermark="0", next_watermark="2")).watermark == "1"


def test_an_inactive_pipeline_is_said_to_be_so(watcher: Watcher, client: httpx.Client) -> None:
    name = fresh()
    synced = watcher.sync_pipeline_config(config(name))
    client.patch("/pipeline", json={"id": synced.pipeline.id, "active": False})
    with pytest.warns(UserWarning, match="not active"):
        again = watcher.sync_pipeline_config(config(name))
    assert again.pipeline.active is False


def test_a_decorated_function_is_tracked(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id
    seen = list[WatcherContext]()

    @watcher.track_pipeline_execution(pipeline_id, active=True, watermark=1, next_watermark="0002")
    def run(watcher_context: WatcherContext, word: str) -> ETLResult:
        seen.append(watcher_context)
        return ETLResult(**{**DONE.model_dump(), "execution_metadata": {"Word": word}})

    tracked = run("w")
    found = read(client, f"/pipeline_execution/{tracked.execution_id}")
    assert (found["pipeline_id"], found["completed_successfully"], found["total_rows"]) == (pipeline_id, True, 6)
    assert (found["watermark"], found["next_watermark"]) == ("1", "0002")
    assert found["execution_metadata"] == {"Word": "w"}
    assert (seen[0].execution_id, seen[0].pipeline_id) == (tracked.execution_id, pipeline_id)


def test_a_function_that_raises_is_a_failure(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id

    @watcher.track_pipeline_execution(pipeline_id, active=True)
    def run() -> ETLResult:
        raise LookupError("nothing there")

    with pytest.raises(LookupError):
        run()
    (found,) = read(client, f"/pipeline_execution?pipeline_id={pipeline_id}")
    assert (found["completed_successfully"], found["end_date"] is None) == (False, False)


def test_a_function_of_an_inactive_pipeline_is_not_called(watcher: Watcher) -> None:
    @watcher.track_pipeline_execution(1, active=False)
    def run() -> ETLResult:
        raise AssertionError

    with pytest.warns(UserWarning, match="not active"):
        assert run() is None


def test_children_are_tracked_below_their_parent(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id

    @watcher.track_pipeline_execution(pipeline_id, active=True)
    def run(watcher_context: WatcherContext) -> ETLResult:
        for part in (1, 2):
            watcher.track_child_pipeline_execution(
                pipeline_id, True, watcher_context.execution_id, lambda: DONE, watermark=part
            )
        return DONE

    root = read(client, f"/pipeline_execution/{run().execution_id}")
    assert [(one["watermark"], one["total_rows"]) for one in root["child_executions"]] == [("1", 6), ("2", 6)]


def test_a_decorated_child_has_its_parent(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id
    parent = watcher.start_pipeline_execution(pipeline_id)

    @watcher.track_pipeline_execution(pipeline_id, active=True, parent_execution_id=parent)
    def run() -> ETLResult:
        return DONE

    child = run().execution_id
    assert read(client, f"/pipeline_execution/{child}")["parent_id"] == parent


def test_an_execution_is_started_and_ended_by_hand_and_keeps_its_parent(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id
    begun = pendulum.datetime(2024, 1, 1, 10, tz="Europe/Berlin")
    parent = watcher.start_pipeline_execution(pipeline_id, start_date=begun)
    child = watcher.start_pipeline_execution(
        pipeline_id, start_date=begun, watermark=1, next_watermark=2, parent_execution_id=parent
    )
    for execution in (child, parent):
        watcher.end_pipeline_execution(
            execution, True, end_date=begun.add(minutes=5), inserts=1, total_rows=1, execution_metadata={"a": 1}
        )
    found = read(client, f"/pipeline_execution/{parent}")
    assert (found["start_date"], found["duration_seconds"]) == ("2024-01-01T09:00:00Z", 300)
    assert [one["id"] for one in found["child_executions"]] == [child]


def test_the_next_watermark_is_changed(watcher: Watcher, client: httpx.Client) -> None:
    pipeline_id = watcher.sync_pipeline_config(config()).pipeline.id
    watcher.update_pipeline_next_watermark(pipeline_id, "0009")
    assert read(client, f"/pipeline/{pipeline_id}")["next_watermark"] == "0009"


def test_checks_are_asked_for(watcher: Watcher) -> None:
    watcher.trigger_timeliness_check(lookback_minutes=60)
    watcher.trigger_freshness_check()
    watcher.trigger_celery_queue_check()


def test_under_an_orchestrator(closed_site: Site, client: httpx.Client) -> None:
    etl = OrchestratedETL(closed_site.url, config(next_watermark="5"), auth=TOKENS["operator"])
    dagster = SimpleNamespace(run_id="r-1", partition_key="2024-01-01")
    parent = etl.start_parent_execution()
    result = etl.execute_etl(lambda context, **_: DONE.model_copy(), dagster, parent_execution_id=parent)
    etl.end_parent_execution(parent, DONE)
    found = read(client, f"/pipeline_execution/{parent}")
    (child,) = found["child_executions"]
    assert (child["id"], child["execution_metadata"]["run_id"]) == (result.execution_id, "r-1")
    assert (found["completed_successfully"], child["next_watermark"]) == (True, "5")


@pytest.mark.parametrize(
    ("call", "status", "code", "message"),
    [
        (lambda w: w.start_pipeline_execution(10**12), 404, "NOT_FOUND", "there is no pipeline 1000000000000"),
        (lambda w: w.trigger_timeliness_check(1), 422, "VALIDATION", "body.lookback_minutes"),
        (lambda w: w._make_request("POST", "/log_cleanup", json={}), 403, "FORBIDDEN", "this needs the role admin"),
    ],
)
def test_an_error_is_raised_with_its_words_and_without_a_second_try(
    watcher: Watcher, call: Any, status: int, code: str, message: str
) -> None:
    with pytest.raises(WatcherAPIError) as raised, warnings.catch_warnings():
        call(watcher)
    assert (raised.value.status_code, raised.value.error_code) == (status, code)
    assert str(raised.value).startswith(message)


def test_a_wrong_token_is_said_to_be_one(closed_site: Site) -> None:
    with pytest.raises(WatcherAPIError) as raised:
        Watcher(closed_site.url, auth="nobody's").trigger_freshness_check()
    assert (raised.value.status_code, raised.value.error_code) == (401, "UNAUTHENTICATED")
