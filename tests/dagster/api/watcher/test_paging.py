"""Lists: filters, orders, and pages that new rows do not move."""

import base64
import json
from typing import Any

import pytest

from tests.dagster.api.watcher.apis import Api

ADDRESS = {"address_type_name": "t", "address_type_group_name": "g"}
NAMES = ["b", "d", "a", "c", "e"]


def fill(api: Api, path: str) -> None:
    """Something of each name."""
    for name in NAMES:
        if path == "/anomaly_detection_rule":
            api.post(path, pipeline_id=api.pipeline(name), metric_field="inserts")
        else:
            more = {"/pipeline": {"pipeline_type_name": "t"}, "/address": ADDRESS, "/address_type": {"group_name": "g"}}
            assert api.post(path, name=name, **more.get(path, {})).status_code == 201


def pages(api: Api, path: str, **asked: Any) -> list[list[dict[str, Any]]]:
    """Every page, by the links from one to the next."""
    answer = api.client.get(path, params=asked)
    found = [answer.json()]
    while "next" in answer.links:
        answer = api.client.get(answer.links["next"]["url"])
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
    return found


@pytest.mark.parametrize(
    "path", ["/pipeline", "/pipeline_type", "/address", "/address_type", "/anomaly_detection_rule"]
)
@pytest.mark.parametrize("order", ["id", "-id", "created_at", "-updated_at"])
def test_pages_give_everything_once(api: Api, path: str, order: str) -> None:
    fill(api, path)
    everything = api.get(path)
    assert [one["id"] for one in everything] == sorted(one["id"] for one in everything)
    found = pages(api, path, limit=2, order=order)
    assert [len(page) for page in found] == [2, 2, 1]
    assert sum(found, []) == everything[:: -1 if order.startswith("-") else 1]
    assert pages(api, path, limit=5) == [everything]


@pytest.mark.parametrize("path", ["/pipeline", "/pipeline_type", "/address", "/address_type"])
def test_names_order_a_list_and_part_of_one_finds_them(api: Api, path: str) -> None:
    fill(api, path)
    assert [one["name"] for page in pages(api, path, limit=2, order="name") for one in page] == sorted(NAMES)
    assert [one["name"] for page in pages(api, path, limit=3, order="-name") for one in page] == sorted(NAMES)[::-1]
    assert [one["name"] for one in api.get(path, search="D")] == ["d"]


def test_what_is_new_moves_no_page(api: Api) -> None:
    fill(api, "/address")
    first = api.client.get("/address?limit=2&order=name")
    api.post("/address", name="_", **ADDRESS)
    second = api.client.get(first.links["next"]["url"]).json()
    assert [one["name"] for one in first.json() + second] == ["a", "b", "c", "d"]


def test_pipelines_are_listed_as_they_are_asked_for(api: Api) -> None:
    fill(api, "/pipeline")
    api.post("/pipeline", name="z", pipeline_type_name="other")
    ours = api.declared("Ours")
    api.patch("/pipeline", name="a", active=False)
    assert [one["id"] for one in api.get("/pipeline", kind="table_sync")] == [ours]
    assert [one["name"] for one in api.get("/pipeline", active=False)] == ["a"]
    assert [one["name"] for one in api.get("/pipeline", pipeline_type_id=2)] == ["z"]
    assert api.get("/pipeline", pipeline_type_id=2**63 - 1) == []
    assert len(api.get("/pipeline", profile=1)) == 7


def test_addresses_and_rules_are_listed_as_they_are_asked_for(api: Api) -> None:
    fill(api, "/address")
    api.post("/address", name="z", address_type_name="u", address_type_group_name="h")
    assert [one["name"] for one in api.get("/address", address_type_id=2)] == ["z"]
    assert [one["name"] for one in api.get("/address_type", group_name=" H ")] == ["u"]
    fill(api, "/anomaly_detection_rule")
    api.post("/anomaly_detection_rule", pipeline_id=1, metric_field="updates", active=False)
    asked = [{"pipeline_id": 1}, {"metric_field": "Updates"}, {"active": False}, {"pipeline_id": 7}]
    assert [len(api.get("/anomaly_detection_rule", **one)) for one in asked] == [2, 1, 1, 0]


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize("order", ["id", "name", "created_at"])
@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "%", "ü", "e30", "x" * 1001, cursor({}), cursor([]), cursor([None, 1]), cursor([True, 1])),
        *(cursor([1, None]), cursor([1.5, 1]), cursor([2**63, 1]), cursor([1, 2**63]), cursor(["a\0", 1])),
        *(cursor(["\ud800", 1]), cursor(["0001-01-01T00:00:00+14:00", "1"]), cursor(["2026-11-22T12:00:00", "1"])),
    ],
)
def test_what_is_no_cursor_is_422(api: Api, order: str, text: str) -> None:
    assert api.client.get("/address", params={"cursor": text, "order": order}).status_code == 422


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "2026-11-22T12:00:00", "2026-11-22", "noon"])
def test_a_cursor_of_times_has_a_time(api: Api, time: str) -> None:
    asked = {"cursor": cursor([time, 1]), "order": "created_at"}
    assert api.client.get("/address", params=asked).status_code == 422


def test_a_cursor_belongs_to_its_order(api: Api) -> None:
    fill(api, "/address")
    link = api.client.get("/address?limit=2&order=name").links["next"]["url"]
    assert api.client.get(link.replace("order=name", "order=created_at")).status_code == 422


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"order": "color"}, {"search": "x" * 151}]
)
def test_a_list_is_asked_for_in_its_words(api: Api, asked: dict[str, Any]) -> None:
    assert api.client.get("/address", params=asked).status_code == 422
