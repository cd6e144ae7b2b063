"""What a filter lets through."""

from typing import Any

import pytest

from supersync_core.engines.cdc.steps import build_step, read_step
from supersync_core.errors import BadData
from tests.core.engines.cdc.steps.events import change


def passes(event: Any, **rules: Any) -> bool:
    return bool(build_step({"type": "filter", **rules})([event]))


@pytest.mark.parametrize(
    ("rules", "op", "expected"),
    [({}, "t", True), ({"ops": ["create", "read"]}, "r", True), ({"ops": ["create"]}, "u", False)],
)
def test_by_what_happened(rules: dict[str, Any], op: str, expected: bool) -> None:
    assert passes(change(op, after={"id": 1}), **rules) == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"include": ["orders"]}, True),
        ({"include": ["public.orders"]}, True),
        ({"include": ["public.ord*"]}, True),
        ({"include": ["ord%"]}, True),
        ({"include": ["*"]}, True),
        ({"include": ["other"]}, False),
        ({"exclude": ["public.*"]}, False),
        ({"include": ["orders"], "exclude": ["orders"]}, False),
    ],
)
def test_by_table(tables: dict[str, Any], expected: bool) -> None:
    assert passes(change(after={"id": 1}), tables=tables) == expected


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("eq", 5, True),
        ("eq", "5", False),
        ("ne", 5, False),
        ("exists", None, True),
        ("not_exists", None, False),
        ("gt", 4, True),
        ("gt", 5, False),
        ("gte", "5", True),
        ("lt", 5.5, True),
        ("lte", 4, False),
        ("in", [4, 5], True),
        ("not_in", [4, 5], False),
    ],
)
def test_by_a_number(op: str, value: Any, expected: bool) -> None:
    assert passes(change(after={"n": 5}), fields=[{"path": "n", "op": op, "value": value}]) == expected


@pytest.mark.parametrize(
    ("path", "op", "value", "expected"),
    [
        pytest.param("price", "gt", 9, True, id="an exact number is a text"),
        pytest.param("name", "gt", "a", True, id="texts in their order"),
        pytest.param("name", "gt", 1, False, id="a text and a number have none"),
        pytest.param("name", "regex", "^b.b$", True, id="regex"),
        pytest.param("name", "contains", "o", True, id="part of a text"),
        pytest.param("tags", "contains", "x", True, id="in a list"),
        pytest.param("deep.a.b", "eq", 1, True, id="deep"),
        pytest.param("deep.a.c", "exists", None, False, id="not there"),
        pytest.param("deep.a.c", "ne", 1, True, id="what is not there is not equal"),
        pytest.param("none", "exists", None, False, id="null does not exist"),
    ],
)
def test_by_other_values(path: str, op: str, value: Any, expected: bool) -> None:
    row = {"price": "10.50", "name": "bob", "tags": ["x"], "deep": {"a": {"b": 1}}, "none": None}
    assert passes(change(after=row), fields=[{"path": path, "op": op, "value": value}]) == expected


@pytest.mark.parametrize(
    ("op", "before", "after", "expected"),
    [
        pytest.param("u", {"n": 1}, {"n": 2}, True, id="changed"),
        pytest.param("u", {"n": 1}, {"n": 1}, False, id="not changed"),
        pytest.param("u", {"id": 1}, {"id": 1, "n": 1}, True, id="what it was is not known"),
        pytest.param("u", None, {"n": 1}, True, id="nothing is known"),
        pytest.param("c", None, {"n": 1}, True, id="created"),
        pytest.param("d", {"n": 1}, None, True, id="deleted"),
    ],
)
def test_by_change(op: str, before: Any, after: Any, expected: bool) -> None:
    assert passes(change(op, before, after), fields=[{"path": "n", "op": "changed"}]) == expected


@pytest.mark.parametrize(("match", "expected"), [("all", False), ("any", True)])
def test_by_all_or_any_of_the_fields(match: str, expected: bool) -> None:
    fields = [{"path": "n", "op": "eq", "value": 1}, {"path": "n", "op": "eq", "value": 2}]
    assert passes(change(after={"n": 1}), fields=fields, match=match) == expected


@pytest.mark.parametrize(
    "fields",
    [
        [{"path": "n", "op": "in", "value": 1}],
        [{"path": "n", "op": "regex", "value": "("}],
        [{"path": "", "op": "eq"}],
        [{"path": "n", "op": "like"}],
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(fields: list[dict[str, Any]]) -> None:
    with pytest.raises(BadData):
        build_step({"type": "filter", "fields": fields})


def test_an_unknown_step_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BadData, match="unknown type `fliter`, expected one of filter, flatten, javascript, outbox"):
        read_step({"type": "fliter"})
