"""What does not fit the catalogue is found by kinds of JSON, counted, and shown with examples."""

from dataclasses import replace
from typing import Any

import pytest

from supersync_core.domain.change import SourceColumn, SourceTable
from supersync_core.engines.cdc.sensing.drift import Drift


def table(type: str, nullable: bool = True) -> SourceTable:
    return SourceTable("shop", "public", "orders", (SourceColumn("x", type, nullable),))


def drift(type: str, *values: Any, nullable: bool = True) -> Any:
    """What is kept of a column of that type that has held these values."""
    found = Drift(table(type, nullable))
    for value in values:
        found.look({"x": value})
    return found.state()


@pytest.mark.parametrize(
    ("type", "value"),
    [
        ("boolean", True),
        ("tinyint(1)", 1),
        ("tinyint(1)", True),
        ("bit(1)", True),
        ("integer", 1),
        ("integer", 1.0),
        ("bigint(20) unsigned", 2**63),
        ("double precision", 1),
        ("double precision", 1.5),
        ("real", "NaN"),
        ("numeric(10,2)", "99.99"),
        ("character varying(10)", "a"),
        ("timestamp with time zone", "2026-01-01 00:00:00+00"),
        ("bytea", {"_base64": ""}),
        ("jsonb", {"a": 1}),
        ("json", [1]),
        ("jsonb", "text"),
        ("integer[]", [1, 2]),
        ("mood", "happy"),
        ("some_domain", 1.5),
        ("integer", None),
        ("text", {"_unchanged": True}),
    ],
)
def test_what_fits_is_no_drift(type: str, value: Any) -> None:
    found = drift(type, value)
    assert (found["columns"], found["events_analyzed"], found["events_with_drift"]) == ([], 1, 0)


@pytest.mark.parametrize(
    ("type", "value", "observed"),
    [
        ("boolean", 1, "integer"),
        ("integer", True, "boolean"),
        ("integer", 1.5, "number"),
        ("integer", "1", "string"),
        ("double precision", "much", "string"),
        ("numeric(10,2)", True, "boolean"),
        ("text", 1, "integer"),
        ("text", [1], "array"),
        ("text", {"a": 1}, "object"),
        ("integer", {"a": 1}, "object"),
        ("timestamp", 1, "integer"),
    ],
)
def test_what_does_not_fit_is_told_with_an_example(type: str, value: Any, observed: str) -> None:
    found = drift(type, value)
    (column,) = found["columns"]
    assert (column["column"], column["expected_type"], column["observed_types"]) == ("x", type, [observed])
    assert (column["mismatch_count"], len(column["examples"]), found["events_with_drift"]) == (1, 1, 1)


def test_null_where_none_may_be_is_drift() -> None:
    (column,) = drift("integer", None, 1, None, nullable=False)["columns"]
    assert (column["expected_type"], column["observed_types"], column["mismatch_count"]) == ("NOT NULL", ["NULL"], 2)
    assert column["examples"] == []


def test_events_are_counted_and_examples_are_few_and_short() -> None:
    found = drift("integer", *(f"{n}" * 200 for n in range(20)), 1, 2)
    assert (found["events_analyzed"], found["events_with_drift"]) == (22, 20)
    (column,) = found["columns"]
    assert column["mismatch_count"] == 20
    assert len(column["examples"]) == 5 and all(len(example) == 100 for example in column["examples"])


def test_columns_that_the_catalogue_does_not_know_are_counted_apart() -> None:
    found = Drift(table("integer"))
    found.look({"x": 1, "made_up": 2})
    assert (found.state()["columns"], found.state()["undeclared"]) == ([], {"made_up": 1})


def test_it_goes_on_from_what_was_kept_for_the_same_form_only() -> None:
    kept = drift("integer", "a")
    same, other = Drift(table("integer"), kept), Drift(replace(table("text")), kept)
    assert same.state() == kept
    assert (other.analyzed, other.state()["columns"]) == (0, [])


def test_it_says_when_something_is_new() -> None:
    found = Drift(table("integer", nullable=False))
    assert [found.look({"x": value}) for value in ("a", "b", None, None, 1)] == [True, False, True, False, False]
