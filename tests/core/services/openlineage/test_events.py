"""What an event must be, and what may be wrong with it."""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from supersync_core.services.openlineage import RunEvent
from tests.core.services.openlineage.events import EVENTS, ORDERS, REPORT, run_event, written

Change = Callable[[dict[str, Any]], object]


def statistics(**given: Any) -> Change:
    return lambda event: event.update(outputs=[{**REPORT, "outputFacets": {"outputStatistics": given}}])


def facet(**given: Any) -> Change:
    return lambda event: event["run"].update(facets=given)


MISTAKES: dict[str, tuple[Change, str]] = {
    "no time": (lambda event: event.pop("eventTime"), "eventTime"),
    "a date for a time": (lambda event: event.update(eventTime="2026-11-22"), "eventTime"),
    "a number for a time": (lambda event: event.update(eventTime=1), "eventTime"),
    "a number as text for a time": (lambda event: event.update(eventTime="1763812800"), "eventTime"),
    "a time outside the calendar": (lambda event: event.update(eventTime="0001-01-01T00:00:00+09:00"), "eventTime"),
    "a kind that is none": (lambda event: event.update(eventType="BEGIN"), "eventType"),
    "a run without an id": (lambda event: event["run"].pop("runId"), "run.runId"),
    "a run's id that is none": (lambda event: event["run"].update(runId="42"), "run.runId"),
    "a run without a job": (lambda event: event.pop("job"), "job"),
    "a job without a name": (lambda event: event["job"].pop("name"), "job.name"),
    "a job with an empty name": (lambda event: event["job"].update(name=" "), "job.name"),
    "a name that does not print": (lambda event: event["job"].update(name="a\0b"), "job.name"),
    "a name that is no text": (lambda event: event["job"].update(namespace="\ud800"), "job.namespace"),
    "a dataset without a namespace": (lambda event: event.update(inputs=[{"name": "a"}]), "inputs.0.namespace"),
    "inputs that are no list": (lambda event: event.update(inputs=ORDERS), "inputs"),
    "a count below zero": (statistics(rowCount=-1), "rowCount"),
    "a count that no number holds": (statistics(size=2**63), "size"),
    "a count that is none": (statistics(rowCount="many"), "rowCount"),
    "a parent without an id": (facet(parent={"run": {}}), "parent.run.runId"),
    "a planned time that is none": (facet(nominalTime={"nominalStartTime": "soon"}), "nominalStartTime"),
    "an error without a message": (facet(errorMessage={}), "errorMessage.message"),
    "facets that are none": (lambda event: event["run"].update(facets=[]), "run.facets"),
}


@pytest.mark.parametrize(("change", "where"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_by_its_place(change: Change, where: str) -> None:
    event = run_event()
    change(event)
    with pytest.raises(ValidationError) as raised:
        EVENTS.validate_python(event)
    (mistake,) = raised.value.errors()
    assert ".".join(map(str, mistake["loc"])).endswith(where)


@pytest.mark.parametrize("event", [{}, [], "START", None, 1, {"eventTime": "2026-11-22T12:00:00Z"}])
def test_what_is_about_nothing_is_no_event(event: Any) -> None:
    with pytest.raises(ValidationError, match="one of the keys run"):
        EVENTS.validate_python(event)


FINE: dict[str, Change] = {
    "facets that nobody knows": facet(spark_logicalPlan={"plan": [1, {"deep": None}]}),
    "null for what there is none of": lambda event: event.update(inputs=None, outputs=None, eventType=None),
    "null for facets": lambda event: (event["run"].update(facets=None), event["job"].update(facets=None)),
    "no producer": lambda event: (event.pop("producer"), event.pop("schemaURL")),
    "statistics without numbers": lambda event: event.update(outputs=[written(REPORT)]),
    "a facet that was deleted": lambda event: event["job"].update(facets={"jobType": {"_deleted": True}}),
    "nanoseconds": lambda event: event.update(eventTime="2026-11-22T12:00:00.123456789Z"),
}


@pytest.mark.parametrize("change", FINE.values(), ids=FINE)
def test_what_others_send_is_understood(change: Change) -> None:
    event = run_event()
    change(event)
    assert isinstance(EVENTS.validate_python(event), RunEvent)


@pytest.mark.parametrize("text", ["2026-11-22T13:00:00+01:00", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00"])
def test_a_time_is_in_utc_where_it_says_no_zone(text: str) -> None:
    event = EVENTS.validate_python(run_event(eventTime=text))
    assert event.event_time == datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
