"""A step in JavaScript, within its limits."""

from typing import Any

import pytest

from supersync_core.engines.cdc.steps import build_step
from supersync_core.errors import AbortError, ConfigError
from tests.core.engines.cdc.steps.events import change, rows


def step(body: str, **rules: Any) -> Any:
    code = body if "processBatch" in body else f"function processBatch(events) {{ {body} }}"
    return build_step({"type": "javascript", "id": "js", "inline": code, **rules})


def test_it_may_edit_drop_and_add_events() -> None:
    code = """
        const kept = events.filter((event) => event.after.n > 1);
        for (const event of kept) event.after.double = event.after.n * 2;
        return [...kept, {op: 'c', after: {n: 99}}];
    """
    found = step(code)([change(after={"n": n}) for n in (1, 2)])
    assert rows(found) == [{"n": 2, "double": 4}, {"n": 99}]
    assert [one.synthetic for one in found] == [None, "js"]
    assert found[0].event_id == change().event_id != found[1].event_id


def test_ids_of_new_events_are_the_same_whenever_the_batch_is_read() -> None:
    code = "return [{op: 'c', after: {}}, {op: 'c', after: {}}]"
    first, second = ([one.event_id for one in step(code)([change(after={})])] for _ in range(2))
    assert first == second and len(set(first)) == 2


def test_it_may_change_events_in_place_and_return_nothing() -> None:
    assert rows(step("for (const event of events) event.after.x = 1;")([change(after={})])) == [{"x": 1}]


def test_it_routes() -> None:
    code = "events[0].route({topic: 't', key: 5, headers: {a: 1}}); return events"
    (found,) = step(code)([change(after={})])
    assert (found.route.topic, found.route.key, found.route.headers) == ("t", "5", {"a": "1"})


@pytest.mark.parametrize(
    ("body", "rules", "message"),
    [
        ("throw new Error('no')", {}, "no"),
        ("while (true) {}", {"limits": {"timeout_ms": 100}}, "timeout"),
        ("const a = []; while (true) a.push(new Array(100000).fill(1))", {"limits": {"mem_mb": 32}}, "memory"),
        ("return 5", {}, "must return a list of events"),
        ("return [5]", {}, "must return a list of events"),
        ("return [{op: 'x'}]", {}, "not an event"),
        ("return [{op: 'c', after: 5}]", {}, "not an event"),
    ],
)
def test_what_goes_wrong_ends_the_pipeline_by_name(body: str, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(AbortError, match=f"processor js: .*{message}"):
        step(body, **rules)([change(after={})])


@pytest.mark.parametrize("code", ["function processBatch(", "function another() {}", "throw 1; // processBatch"])
def test_code_that_cannot_work_is_refused_at_once(code: str) -> None:
    with pytest.raises(ConfigError, match="processor js"):
        build_step({"type": "javascript", "id": "js", "inline": code})


def test_it_reaches_nothing_of_this_machine() -> None:
    code = "return [{op: 'c', after: {r: [typeof require, typeof process, typeof fetch, typeof XMLHttpRequest]}}]"
    assert rows(step(code)([change(after={})])) == [{"r": ["undefined"] * 4}]
