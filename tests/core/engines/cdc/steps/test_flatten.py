"""Nested objects become fields."""

from typing import Any

import pytest

from supersync_core.engines.cdc.steps import build_step
from supersync_core.errors import AbortError
from tests.core.engines.cdc.steps.events import change, rows


def flat(values: dict[str, Any], **rules: Any) -> Any:
    return rows(build_step({"type": "flatten", **rules})([change(after=values)]))[0]


@pytest.mark.parametrize(
    ("values", "rules", "expected"),
    [
        pytest.param({"a": {"b": {"c": 1}}}, {}, {"a__b__c": 1}, id="as deep as it goes"),
        pytest.param({"a": {"b": {"c": 1}}}, {"max_depth": 1}, {"a__b": {"c": 1}}, id="as deep as asked"),
        pytest.param({"a": {"b": 1}}, {"separator": "."}, {"a.b": 1}, id="another separator"),
        pytest.param({"a": [1, {"b": 2}]}, {}, {"a": [1, {"b": 2}]}, id="lists stay"),
        pytest.param({"a": [1, {"b": 2}]}, {"lists": "index"}, {"a__0": 1, "a__1__b": 2}, id="lists by index"),
        pytest.param({"a": {}, "b": []}, {}, {"a": {}, "b": []}, id="empty ones stay"),
        pytest.param({"a": {}, "b": []}, {"empty_object": "drop", "empty_list": "null"}, {"b": None}, id="empty ones"),
        pytest.param({"a": {"b": 1}, "a__b": 2}, {}, {"a__b": 2}, id="the last one counts"),
        pytest.param({"a": {"b": 1}, "a__b": 2}, {"on_collision": "first"}, {"a__b": 1}, id="the first one counts"),
        pytest.param({"a": {"_base64": "AA=="}}, {}, {"a": {"_base64": "AA=="}}, id="bytes are one value"),
        pytest.param({}, {}, {}, id="nothing"),
    ],
)
def test_a_row_is_flattened(values: dict[str, Any], rules: dict[str, Any], expected: dict[str, Any]) -> None:
    assert flat(values, **rules) == expected


def test_two_values_of_one_name_may_be_an_error() -> None:
    with pytest.raises(AbortError, match="two values want the name 'a__b'"):
        flat({"a": {"b": 1}, "a__b": 2}, on_collision="error")
