"""Addresses and their types."""

from typing import Any

import pytest

from tests.dagster.api.watcher.apis import Api

TABLE = {"address_type_name": "Postgres", "address_type_group_name": "Database"}


def test_an_address_is_reported_and_read(api: Api) -> None:
    metadata = {"external_dependencies": [{"type": "looker_dashboard", "name": "Sales Dashboard"}]}
    body = {**TABLE, "primary_key": "ID", "address_metadata": metadata}
    answer = api.post("/address", name=" Source_DB.source_schema.source_table", **body)
    assert (answer.status_code, answer.json()) == (201, {"id": 1})
    found = api.get("/address/1")
    assert len(found.pop("input_hash")) == 64
    assert found == {
        "id": 1,
        "name": "source_db.source_schema.source_table",
        "address_type_id": 1,
        "database_name": "source_db",
        "schema_name": "source_schema",
        "table_name": "source_table",
        "primary_key": "id",
        "address_metadata": metadata,
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": None,
    }
    assert [one["id"] for one in api.get("/address")] == [1]


def test_a_report_that_differs_overwrites_what_it_names(api: Api) -> None:
    api.post("/address", name="stream", address_type_name="kafka", address_type_group_name="stream", primary_key="id")
    answer = api.post("/address", name="STREAM", address_type_name="nats", address_type_group_name="stream")
    assert (answer.status_code, answer.json()) == (200, {"id": 1})
    found = api.get("/address/1")
    assert (found["primary_key"], found["address_type_id"]) == ("id", 2)


@pytest.mark.parametrize("which", [{"id": 1}, {"name": "A.B.C"}])
def test_an_address_is_changed_by_its_id_or_its_name(api: Api, which: dict[str, Any]) -> None:
    api.post("/address", name="a.b.c", **TABLE)
    api.post("/address_type", name="mysql", group_name="database")
    changes = {"database_name": "D", "schema_name": None, "address_type_id": 2, "address_metadata": {"K": "V"}}
    found = api.patch("/address", **which, **changes).json()
    assert (found["name"], found["database_name"], found["schema_name"]) == ("a.b.c", "d", None)
    assert (found["address_type_id"], found["address_metadata"]) == (2, {"K": "V"})
    assert found == api.get("/address/1")


def test_a_new_name_must_be_free_and_a_new_type_there(api: Api) -> None:
    for name in ("a", "b"):
        api.post("/address", name=name, **TABLE)
    assert api.patch("/address", id=1, name="B").status_code == 409
    assert api.patch("/address", id=1, address_type_id=7).status_code == 422
    assert api.patch("/address", id=1, name="C").json()["name"] == "c"


def test_a_type_is_reported_once_and_changed_by_patch(api: Api) -> None:
    first = api.post("/address_type", name="Postgres", group_name="Database")
    second = api.post("/address_type", name="postgres", group_name="another")
    assert (first.status_code, second.status_code, first.json(), second.json()) == (201, 200, {"id": 1}, {"id": 1})
    shown = {
        "id": 1,
        "name": "postgres",
        "group_name": "database",
        "created_at": "2026-11-22T12:00:00Z",
        "updated_at": None,
    }
    assert api.get("/address_type/1") == shown
    assert api.get("/address_type") == [shown]
    assert api.patch("/address_type", id=1, group_name="Stream").json()["group_name"] == "stream"


def test_what_is_deleted_is_gone_and_what_is_in_use_stays(api: Api) -> None:
    api.post("/address", name="a", **TABLE)
    assert api.client.delete("/address_type/1").status_code == 409
    assert [api.client.delete(path).status_code for path in ("/address/1", "/address_type/1")] == [204, 204]
    assert [api.client.delete(path).status_code for path in ("/address/1", "/address_type/1")] == [404, 404]
