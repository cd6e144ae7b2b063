"""Lineage: reported whole, answered as the document has it, and read around an address."""

from typing import Any

import httpx
import pytest

from tests.dagster.api.watcher.apis import Api


def places(*names: str) -> list[dict[str, str]]:
    return [{"name": n, "address_type_name": "postgres", "address_type_group_name": "database"} for n in names]


def report(api: Api, pipeline: int, sources: list[Any], targets: list[Any]) -> httpx.Response:
    return api.post("/address_lineage", pipeline_id=pipeline, source_addresses=sources, target_addresses=targets)


@pytest.mark.parametrize("known", [False, True])
def test_every_source_is_joined_to_every_target(api: Api, known: bool) -> None:
    pipeline = api.pipeline()
    if known:
        report(api, pipeline, places("a"), places("b", "c"))
    answer = report(api, pipeline, places("A", "b"), places("c", " C "))
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "pipeline_id": pipeline,
            "lineage_relationships_created": 2,
            "message": f"Lineage relationships created for pipeline {pipeline}",
        },
    )
    assert {one["name"] for one in api.get("/address")} == {"a", "b", "c"}


@pytest.mark.parametrize("pipeline", [0, 7, 2**62])
def test_a_pipeline_that_takes_none_gets_none_and_no_address_is_made(api: Api, pipeline: int) -> None:
    if pipeline == 0:
        pipeline = api.pipeline()
        api.ended(api.started(pipeline))
    answer = report(api, pipeline, places("a"), places("b"))
    assert (answer.status_code, answer.json()["lineage_relationships_created"]) == (200, 0)
    assert "load_lineage=True" in answer.json()["message"]
    assert api.get("/address") == []


def test_an_empty_side_clears(api: Api) -> None:
    pipeline = api.pipeline()
    report(api, pipeline, places("a"), places("b"))
    answer = report(api, pipeline, places("a"), [])
    assert (answer.status_code, answer.json()["lineage_relationships_created"]) == (201, 0)
    assert api.get("/address_lineage", address="a")["edges"] == []


def test_an_address_may_come_with_all_its_fields(api: Api) -> None:
    source = {**places("S.T")[0], "database_name": "D", "primary_key": "ID", "address_metadata": {"Owner": "Me"}}
    report(api, api.pipeline(), [source], places("b"))
    found = api.get("/address/1") if api.get("/address/1")["name"] == "s.t" else api.get("/address/2")
    assert (found["name"], found["database_name"], found["primary_key"]) == ("s.t", "d", "id")
    assert found["address_metadata"] == {"Owner": "Me"}


def test_the_graph_around_an_address(api: Api) -> None:
    for source, target in ("ab", "ac", "bd", "cd", "da"):
        report(api, api.pipeline(f"{source}{target}"), places(source), places(target))
    graph = api.get("/address_lineage", address="A", direction="downstream", depth=1)
    assert {one["name"]: one["depth"] for one in graph["addresses"]} == {"a": 0, "b": 1, "c": 1}
    assert {(edge["pipeline_name"], edge["reported"]) for edge in graph["edges"]} == {("ab", True), ("ac", True)}
    assert (graph["address_id"], graph["direction"], graph["depth"]) == (1, "downstream", 1)
    upstream = api.get("/address_lineage", address="d", direction="upstream")
    assert {one["name"]: one["depth"] for one in upstream["addresses"]} == {"d": 0, "b": -1, "c": -1, "a": -2}


@pytest.mark.parametrize(
    ("asked", "status"),
    [({"address": "nowhere"}, 404), ({}, 422), ({"address": "a", "depth": 0}, 422), ({"address": "a\0"}, 422)],
)
def test_a_graph_is_around_something(api: Api, asked: dict[str, Any], status: int) -> None:
    assert api.client.get("/address_lineage", params=asked).status_code == status


def test_dagster_is_told_when_lineage_has_changed(api: Api) -> None:
    pipeline = api.pipeline()
    before = api.launcher.reloads
    for targets in ("b", "b", "c"):
        report(api, pipeline, places("a"), places(targets))
    assert api.launcher.reloads == before + 2


def test_the_number_of_statements_does_not_depend_on_that_of_addresses(api: Api) -> None:
    pipeline = api.pipeline()

    def statements(count: int, name: str) -> int:
        api.statements.clear()
        report(api, pipeline, places(*(f"{name}s{n}" for n in range(count))), places(f"{name}t"))
        return len(api.statements)

    statements(1, "a")
    assert statements(2, "b") == statements(40, "c") <= 9
    assert statements(40, "c") <= 6
