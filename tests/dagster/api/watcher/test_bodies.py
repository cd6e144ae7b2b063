"""What is wrong with a body is said, with 4xx and in words, and nothing is written."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.dagster.api.watcher.apis import Api

END = {"id": 1, "end_date": "2026-11-22T12:05:00Z"}
LINEAGE = {"pipeline_id": 1, "source_addresses": [], "target_addresses": []}
ADDRESS = {"name": "a", "address_type_name": "t", "address_type_group_name": "g"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/pipeline"): {"name": "a", "pipeline_type_name": "t"},
    ("PATCH", "/pipeline"): {"id": 1},
    ("POST", "/pipeline_type"): {"name": "a"},
    ("PATCH", "/pipeline_type"): {"id": 1},
    ("POST", "/start_pipeline_execution"): {"pipeline_id": 1},
    ("POST", "/end_pipeline_execution"): END,
    ("POST", "/address"): ADDRESS,
    ("PATCH", "/address"): {"id": 1},
    ("POST", "/address_type"): {"name": "a", "group_name": "g"},
    ("PATCH", "/address_type"): {"id": 1},
    ("POST", "/address_lineage"): LINEAGE,
    ("POST", "/anomaly_detection_rule"): {"pipeline_id": 1, "metric_field": "inserts"},
    ("PATCH", "/anomaly_detection_rule"): {"id": 1},
    ("POST", "/unflag_anomaly"): {"pipeline_id": 1, "pipeline_execution_id": 1, "metric_field": ["inserts"]},
    ("POST", "/timeliness"): {},
    ("POST", "/log_cleanup"): {"retention_days": 90},
}
ROUTES = [pytest.param(*route, id=" ".join(route)) for route in BODIES]


def rows(api: Api) -> dict[str, int]:
    """How many rows each table has that such requests might write."""
    tables = (
        "pipelines",
        "pipeline_types",
        "executions",
        "addresses",
        "address_types",
        "check_rules",
        "check_requests",
    )
    with api.ledger.begin() as session:
        return {name: session.scalar(text(f"SELECT count(*) FROM supersync.{name}")) or 0 for name in tables}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_what_is_no_json_object_is_422_and_changes_nothing(api: Api, method: str, path: str) -> None:
    before = rows(api)
    deep = "[" * 100_000
    for body in (
        *("[]", "[{}]", "5", "null", "true", '"text"', "", "{", "nonsense", "NaN", '{"name": Infinity}'),
        *(b"\xff\xfe{}", '{"a": "\\ud800"}', deep, f'{{"a": {deep}', '{"id": ' + "9" * 5000 + "}"),
    ):
        answer = api.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (body[:40], answer.text[:200])
        assert set(answer.json()) == {"detail", "message", "code", "error"}
    assert rows(api) == before


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_unknown_keys_are_ignored(api: Api, method: str, path: str) -> None:
    body = BODIES[method, path]
    plain = api.client.request(method, path, json=body).status_code
    assert plain < 500
    with_more = {**body, "unknown": {"a": ["\0", 1e300]}, "id_": 10**30}
    assert api.client.request(method, path, json=with_more).status_code in (plain, 200)


HUGE = 2**63
TEXTS = ["", "   ", "x" * 151, "a\0b", 5, True, [], {}]
NUMBERS = [HUGE, -HUGE - 1, 10**30, "x", 1.5, None, [], {}]
WRONG = [
    *(("POST", "/pipeline", name, TEXTS) for name in ("name", "pipeline_type_name")),
    ("POST", "/pipeline", "pipeline_metadata", [[], "x", {"a": "\0"}, {"\0": 1}, {"a": [{"b": 10**400}]}]),
    ("PATCH", "/pipeline", "name", TEXTS),
    ("PATCH", "/pipeline", "freshness_number", [0, -1, 2**31, HUGE, "x", 1.5]),
    ("PATCH", "/pipeline", "freshness_datepart", ["quarter", "", 5]),
    ("PATCH", "/pipeline", "watermark", ["x" * 51, "\0", {}, []]),
    ("PATCH", "/pipeline", "load_lineage", ["perhaps", 5, None]),
    *(("PATCH", path, "id", NUMBERS[:5]) for path in ("/pipeline", "/address", "/address_type", "/pipeline_type")),
    ("POST", "/start_pipeline_execution", "pipeline_id", NUMBERS),
    ("POST", "/start_pipeline_execution", "parent_id", [HUGE, "x", 1.5, []]),
    ("POST", "/start_pipeline_execution", "watermark", ["x" * 51, "\0", {}]),
    (
        *("POST", "/start_pipeline_execution", "start_date"),
        ["yesterday", "", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00", 1e300, True, {}],
    ),
    ("POST", "/end_pipeline_execution", "id", NUMBERS),
    ("POST", "/end_pipeline_execution", "end_date", [None, "soon", "\0", "2026-13-01", []]),
    ("POST", "/end_pipeline_execution", "completed_successfully", ["perhaps", 2, {}]),
    *(
        ("POST", "/end_pipeline_execution", name, [-1, HUGE, 10**30, "x", 1.5, {}])
        for name in ("total_rows", "inserts", "updates", "soft_deletes")
    ),
    ("POST", "/end_pipeline_execution", "execution_metadata", [[], "x", 5, {"a": {"b": ["\0"]}}]),
    *(("POST", "/address", name, TEXTS) for name in ("name", "address_type_name", "address_type_group_name")),
    *(("POST", "/address", name, ["x" * 51, "\0", 5]) for name in ("database_name", "table_name", "primary_key")),
    *(("POST", "/address_type", name, TEXTS) for name in ("name", "group_name")),
    ("PATCH", "/address_type", "group_name", [*TEXTS, None]),
    *(
        ("POST", "/address_lineage", side, [None, {}, "x", [5], [{}], [{**ADDRESS, "name": "a\0"}], [ADDRESS] * 1001])
        for side in ("source_addresses", "target_addresses")
    ),
    ("POST", "/timeliness", "lookback_minutes", [4, 0, -1, None, "x", 2**31, HUGE]),
    ("POST", "/log_cleanup", "retention_days", [89, 0, -1, None, "x", HUGE]),
    ("POST", "/log_cleanup", "batch_size", [0, -1, 100_001, None, HUGE]),
]


@pytest.mark.parametrize(("method", "path", "name", "values"), WRONG, ids=[" ".join(one[:3]) for one in WRONG])
def test_a_wrong_value_is_422_and_said_where(api: Api, method: str, path: str, name: str, values: list[Any]) -> None:
    before = rows(api)
    for value in values:
        answer = api.client.request(method, path, json={**BODIES[method, path], name: value})
        assert answer.status_code == 422, (value, answer.text[:300])
        assert answer.json()["detail"][0]["loc"][:2] == ["body", name]
        assert answer.json()["message"].startswith(f"body.{name}")
    assert rows(api) == before


def test_letters_that_grow_when_they_are_folded_count_as_they_are_kept(api: Api) -> None:
    body = {"pipeline_type_name": "t"}
    assert api.post("/pipeline", name="\u0130" * 75, **body).status_code == 201
    assert api.post("/pipeline", name="\u0130" * 76, **body).status_code == 422


def test_metadata_of_any_shape_comes_back_as_it_was(api: Api) -> None:
    metadata = {
        **{"Ünï": "\U0001f600", "deep": [[[{"a": None}]]], "": "", " K ": " V "},
        **{"large": 2**70, "float": 1e22, "small": -1.5e-300, "true": True},
    }
    pipeline = api.pipeline(pipeline_metadata=metadata)
    assert api.get(f"/pipeline/{pipeline}")["pipeline_metadata"] == metadata
    assert api.get("/pipeline")[0]["pipeline_metadata"] == metadata
    execution = api.started(pipeline)
    api.ended(execution, execution_metadata=metadata)
    assert api.get(f"/pipeline_execution/{execution}")["execution_metadata"] == metadata
    assert api.get("/pipeline_execution")[0]["execution_metadata"] == metadata


def test_the_deepest_metadata_that_is_taken_is_shown(api: Api) -> None:
    deep: Any = {}
    for _ in range(190):
        deep = {"a": deep}
    body = json.dumps({"name": "orders", "pipeline_type_name": "t", "pipeline_metadata": deep})
    assert api.client.post("/pipeline", content=body, headers={"Content-Type": "application/json"}).status_code == 201
    for path in ("/pipeline", "/pipeline/1"):
        assert "{" * 100 in api.client.get(path).text.replace('"a":', "")


@pytest.mark.parametrize(
    "path", ["/pipeline", "/pipeline_type", "/address", "/address_type", "/anomaly_detection_rule"]
)
@pytest.mark.parametrize("id_", [0, -1, 7, 2**31, 2**63, 10**30])
def test_an_unknown_id_is_404(api: Api, path: str, id_: int) -> None:
    answer = api.client.get(f"{path}/{id_}")
    assert (answer.status_code, answer.json()["code"], answer.json()["error"]) == (404, "NOT_FOUND", "NotFound")
    assert answer.json()["detail"] == answer.json()["message"]
    assert api.client.delete(f"{path}/{id_}").status_code == 404


@pytest.mark.parametrize("id_", [0, -1, 7, 2**63, 10**30])
def test_an_unknown_execution_is_404(api: Api, id_: int) -> None:
    assert api.client.get(f"/pipeline_execution/{id_}").status_code == 404


@pytest.mark.parametrize("path", ["/pipeline", "/address", "/pipeline_execution"])
@pytest.mark.parametrize("id_", ["x", "1.5", "9" * 5000, "%00"])
def test_an_id_is_a_number(api: Api, path: str, id_: str) -> None:
    assert api.client.get(f"{path}/{id_}").status_code == 422


def test_what_ends_before_it_began_is_400_in_the_documents_words(api: Api) -> None:
    execution = api.started(api.pipeline(), start_date="2026-11-22T12:05:00Z")
    for end in ("2026-11-22T12:05:00Z", "2026-11-22T12:04:59Z", "2020-01-01"):
        answer = api.post("/end_pipeline_execution", id=execution, end_date=end, completed_successfully=True)
        assert (answer.status_code, answer.json()["detail"]) == (400, "end_date must be greater than start_date")
    assert api.get(f"/pipeline_execution/{execution}")["end_date"] is None


@pytest.mark.parametrize("id_", [0, -5, 7, 2**63 - 1])
def test_nothing_begins_or_ends_of_what_is_not_there(api: Api, id_: int) -> None:
    assert api.post("/start_pipeline_execution", pipeline_id=id_).status_code == 404
    assert api.post("/end_pipeline_execution", **{**END, "id": id_}).status_code == 404
