"""Many who ask for the same thing at the same time, over HTTP: it is there once, and nobody gets an error of ours."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.conformance.api.site import Site
from tests.conformance.api.test_watcher import TABLE, end, fresh, pipeline, read, start

CALLERS = 16


def at_once(site: Site, callers: int, call: Callable[[httpx.Client, int], httpx.Response]) -> list[httpx.Response]:
    """The answers to callers who are all connected when the first one asks."""
    together = Barrier(callers)

    def one(number: int) -> httpx.Response:
        with site.client() as client:
            client.get("/ready")
            together.wait(30)
            return call(client, number)

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(one, range(callers)))


def bodies(site: Site) -> dict[str, dict[str, Any]]:
    with site.client() as client:
        pipeline_id = pipeline(client)
    return {
        "/pipeline": {"name": fresh(), "pipeline_type_name": fresh("type"), "next_watermark": 1},
        "/pipeline_type": {"name": fresh("type")},
        "/address": {"name": fresh("address"), "address_type_name": fresh("type"), "address_type_group_name": "g"},
        "/address_type": {"name": fresh("type"), "group_name": "g"},
        "/anomaly_detection_rule": {"pipeline_id": pipeline_id, "metric_field": "total_rows"},
    }


@pytest.mark.parametrize(
    "path", ["/pipeline", "/pipeline_type", "/address", "/address_type", "/anomaly_detection_rule"]
)
def test_of_sixteen_first_callers_one_creates(site: Site, path: str) -> None:
    body = bodies(site)[path]
    answers = at_once(site, CALLERS, lambda client, _: client.post(path, json=body))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_sixteen_different_reports_of_one_pipeline_are_each_taken(site: Site) -> None:
    name = fresh()

    def report(client: httpx.Client, number: int) -> httpx.Response:
        metadata = {"number": number % 4}
        body = {"name": name, "pipeline_type_name": f"{name} {number % 2}", "pipeline_metadata": metadata}
        return client.post("/pipeline", json=body)

    answers = at_once(site, CALLERS, report)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CALLERS - 1}


def test_sixteen_reports_of_crossing_lineage_leave_one_of_them_whole(site: Site) -> None:
    with site.client() as client:
        pipeline_id = pipeline(client)
    names = [fresh("a") for _ in range(6)]

    def report(client: httpx.Client, number: int) -> httpx.Response:
        turned = names[number % 6 :] + names[: number % 6]
        sides = {"source_addresses": turned[:3], "target_addresses": turned[3:][::-1]}
        places = {side: [{"name": name, **TABLE} for name in given] for side, given in sides.items()}
        return client.post("/address_lineage", json={"pipeline_id": pipeline_id, **places})

    answers = at_once(site, CALLERS, report)
    assert Counter(answer.status_code for answer in answers) == {201: CALLERS}
    with site.client() as client:
        edges = {
            (edge["source_address_id"], edge["target_address_id"])
            for name in names
            for edge in read(client, f"/address_lineage?address={name}")["edges"]
        }
    sources, targets = {source for source, _ in edges}, {target for _, target in edges}
    assert (len(sources), len(targets), len(edges)) == (3, 3, 9)


def test_sixteen_starts_of_one_pipeline_are_sixteen_executions(site: Site) -> None:
    with site.client() as client:
        pipeline_id = pipeline(client)
    body = {"pipeline_id": pipeline_id}
    answers = at_once(site, CALLERS, lambda client, _: client.post("/start_pipeline_execution", json=body))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == CALLERS


def test_eight_ends_of_one_execution_are_one(site: Site) -> None:
    with site.client() as client:
        name = fresh()
        pipeline_id = pipeline(client, name=name, next_watermark="1")
        execution = start(client, pipeline_id)
        end(client, start(client, pipeline_id))
    ending = {"id": execution, "end_date": "2024-01-01T10:05:00Z", "completed_successfully": True, "inserts": 1}
    answers = at_once(site, 8, lambda client, _: client.post("/end_pipeline_execution", json=ending))
    assert {answer.status_code for answer in answers} == {204}
    with site.client() as client:
        found = read(client, f"/pipeline/{pipeline_id}")
        assert (found["watermark"], found["last_target_insert"]) == ("1", "2024-01-01T10:05:00Z")
        assert read(client, f"/pipeline_execution/{execution}")["inserts"] == 1


def test_ends_while_the_pipeline_is_changed_and_read(site: Site) -> None:
    with site.client() as client:
        pipeline_id = pipeline(client)
        executions = [start(client, pipeline_id) for _ in range(CALLERS)]

    def ask(client: httpx.Client, number: int) -> httpx.Response:
        if number % 4 == 0:
            return client.patch("/pipeline", json={"id": pipeline_id, "next_watermark": number})
        if number % 4 == 1:
            return client.get("/pipeline")
        body = {"id": executions[number], "end_date": "2024-01-01T11:00:00Z", "completed_successfully": True}
        return client.post("/end_pipeline_execution", json=body)

    answers = at_once(site, CALLERS, ask)
    assert {answer.status_code for answer in answers} == {200, 204}
