"""Schema sensing and drift of the DeltaForge document, over HTTP, against `supersync dev`: PostgreSQL to Redis."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.acceptance.console import execute, until
from tests.conformance.api.cdc import Cdc
from tests.conformance.api.site import Site

DOCUMENTS = [
    {"id": 1, "metadata": {"a": 1, "b": "x"}, "tags": ["new"]},
    {"id": 2, "metadata": None, "tags": []},
    {"id": 3, "metadata": {"a": 1}},
]
LEGACY = """
function processBatch(events) {
  for (const event of events) if (event.after && event.after.id === 3) event.after.region = 7;
  return events;
}
"""


@pytest.fixture(scope="module")
def cdc(site: Site, redis_port: int) -> Iterator[Cdc]:
    """A pipeline that has sensed three rows with documents, the last of which a processor has spoilt."""
    cdc = Cdc(site, redis_port)
    execute(site.warehouse, f"ALTER TABLE {cdc.table} ADD COLUMN doc jsonb")
    processors = [{"type": "javascript", "id": "legacy", "inline": LEGACY}]
    answer = cdc.create(schema_sensing={"enabled": True}, processors=processors)
    assert answer.status_code == 200, answer.text
    cdc.streams()
    for number, document in enumerate(DOCUMENTS, 1):
        values = f"({number}, 'item', 'eu', '{json.dumps(document)}')"
        execute(site.warehouse, f"INSERT INTO {cdc.table} (id, item, region, doc) VALUES {values}")
    until(lambda: cdc.arrived() == [1, 2, 3])
    until(lambda: [one["event_count"] for one in cdc.get("sensing/schemas")] == [3, 3])
    yield cdc
    cdc.delete()


def name(cdc: Cdc) -> str:
    return cdc.table.removeprefix("public.")


def test_rows_and_json_columns_are_listed(cdc: Cdc) -> None:
    rows, column = cdc.get("sensing/schemas")
    keys = {"table", "fingerprint", "sequence", "event_count", "stabilized", "first_seen", "last_seen"}
    assert set(rows) == set(column) == keys
    assert (rows["table"], column["table"]) == (name(cdc), f"{name(cdc)}:doc")
    assert column["fingerprint"].startswith("sha256:") and len(column["fingerprint"]) == 71
    assert (column["sequence"], column["stabilized"]) == (3, False)
    assert column["first_seen"].endswith("Z") and column["first_seen"] <= column["last_seen"]


def test_a_column_is_shown_with_its_fields_as_the_document_has_them(cdc: Cdc) -> None:
    found = cdc.get(f"sensing/schemas/{name(cdc)}:doc")
    keys = ["table", "fingerprint", "sequence", "event_count", "stabilized", "fields", "first_seen", "last_seen"]
    assert list(found) == keys
    assert found["fields"] == [
        {"name": "id", "types": ["integer"], "nullable": False, "optional": False},
        {
            "name": "metadata",
            "types": ["object"],
            "nullable": True,
            "optional": False,
            "nested_field_count": 2,
        },
        {
            "name": "tags",
            "types": ["array"],
            "nullable": False,
            "optional": True,
            "array_element_types": ["string"],
        },
    ]


def test_a_table_is_shown_with_its_columns(cdc: Cdc) -> None:
    found = cdc.get(f"sensing/schemas/{name(cdc)}")
    fields = {one["name"]: one for one in found["fields"]}
    assert sorted(fields) == ["doc", "id", "item", "region"]
    assert (fields["doc"]["types"], fields["doc"]["nested_field_count"]) == (["object"], 3)
    assert fields["region"]["types"] == ["integer", "string"]


def test_json_schema_is_that_of_the_document(cdc: Cdc) -> None:
    assert cdc.get(f"sensing/schemas/{name(cdc)}:doc/json-schema") == {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"{name(cdc)}:doc",
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "metadata": {"type": ["object", "null"]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["id", "metadata"],
    }


def test_json_schema_tells_what_is_inside_where_that_is_asked_for(cdc: Cdc) -> None:
    found = cdc.get(f"sensing/schemas/{name(cdc)}:doc/json-schema", nested="true")
    inside = {"a": {"type": "integer"}, "b": {"type": "string"}}
    assert found["properties"]["metadata"] == {"type": ["object", "null"], "properties": inside, "required": ["a"]}


def test_statistics_add_up(cdc: Cdc) -> None:
    found = cdc.get("sensing/stats")
    assert set(found) == {"tables", "total_cache_hits", "total_cache_misses", "hit_rate"}
    keys = {"table", "cached_structures", "max_cache_size", "cache_hits", "cache_misses"}
    assert [set(one) for one in found["tables"]] == [keys, keys]
    hits, misses = (sum(one[key] for one in found["tables"]) for key in ("cache_hits", "cache_misses"))
    assert (found["total_cache_hits"], found["total_cache_misses"]) == (hits, misses)
    assert hits + misses == 6 and found["hit_rate"] == round(hits / 6, 4)


def test_what_does_not_fit_the_catalogue_is_drift(cdc: Cdc) -> None:
    expected = {
        "table": name(cdc),
        "has_drift": True,
        "columns": [
            {
                "column": "region",
                "expected_type": "text",
                "observed_types": ["integer"],
                "mismatch_count": 1,
                "examples": ["7"],
            }
        ],
        "events_analyzed": 3,
        "events_with_drift": 1,
    }
    assert cdc.get("drift") == [expected]
    assert cdc.get(f"drift/{name(cdc)}") == expected


def test_drift_is_an_incident(cdc: Cdc) -> None:
    page = until(lambda: (text := cdc.client.get("/supersync/incidents").text) and name(cdc) in text and text)
    assert f"{cdc.name}: rows of {name(cdc)} do not fit its schema" in page


def test_events_carry_the_version_of_their_schema(cdc: Cdc) -> None:
    events: Any = cdc.redis.xrange(cdc.name)
    told = [orjson.loads(fields[b"df-event"]) for _, fields in events]
    assert [one["schema_sequence"] for one in told] == [1, 1, 2]
    assert told[-1]["schema_version"] == cdc.get(f"sensing/schemas/{name(cdc)}")["fingerprint"]


@pytest.mark.parametrize(
    "path",
    ["sensing/schemas/nothing", "sensing/schemas/nothing/json-schema", "drift/nothing", "sensing/schemas/a:b"],
)
def test_a_table_that_was_not_seen_is_not_found(cdc: Cdc, path: str) -> None:
    answer = cdc.client.get(f"/pipelines/{cdc.name}/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "PIPELINE_NOT_FOUND")
    assert "not found" in answer.json()["message"]


@pytest.mark.parametrize("path", ["sensing/schemas", "sensing/schemas/t", "sensing/stats", "drift", "drift/t"])
def test_a_pipeline_that_is_not_there_is_not_found(site: Site, path: str) -> None:
    with site.client() as client:
        answer = client.get(f"/pipelines/nobody/{path}")
    assert (answer.status_code, answer.json()["message"]) == (404, "pipeline nobody not found")


def test_without_sensing_everything_is_empty(site: Site, redis_port: int) -> None:
    other = Cdc(site, redis_port)
    other.create()
    other.post("stop")
    assert other.get("sensing/schemas") == other.get("drift") == []
    nothing = {"tables": [], "total_cache_hits": 0, "total_cache_misses": 0, "hit_rate": 0.0}
    assert other.get("sensing/stats") == nothing
    assert "is off" in other.client.get(f"/pipelines/{other.name}/sensing/schemas/t").json()["message"]
    other.delete()


@pytest.mark.parametrize(
    "sensing",
    [
        "yes",
        [],
        {"enabled": "perhaps"},
        {"enabled": True, "sampling": {"sample_rate": 0}},
        {"enabled": True, "sampling": {"warmup_events": -1}},
        {"enabled": True, "deep_inspect": {"max_depth": 0}},
        {"enabled": True, "deep_inspect": {"columns": ["a"]}},
        {"enabled": True, "high_cardinality": {"stable_threshold": 2}},
        {"enabled": True, "tracking": {"enum_max_cardinality": "many"}},
        {"enabled": True, "output": {"expose_api": 7}},
    ],
)
def test_what_cannot_be_meant_is_refused(site: Site, redis_port: int, sensing: Any) -> None:
    other = Cdc(site, redis_port)
    created = other.create(schema_sensing=sensing)
    assert (created.status_code, created.json()["code"]) == (400, "PIPELINE_NAME_MISMATCH")
    assert "schema_sensing" in created.json()["message"]
    assert other.client.post("/validate", json=other.spec(schema_sensing=sensing)).json()["valid"] is False
