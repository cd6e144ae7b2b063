"""Somebody is told of drift and of dead letters: once, and once it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.change import SourceColumn
from supersync_core.domain.incident import IncidentKind, IncidentState
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.dead_letters import acknowledge, count, expire, peek, purge
from supersync_core.services.cdc.pipelines import forget_cdc_pipeline, get_cdc_pipeline
from supersync_core.services.cdc.sensing import list_drift, list_sensed
from supersync_core.services.incidents import Incident, IncidentFilter, list_incidents
from tests.core.services.cdc.streams import TABLE, Stream
from tests.core.services.conftest import eventually

SENSING = {"enabled": True}
TEXT = replace(TABLE, columns=(SourceColumn("id", "text", False),))


@pytest.fixture
def stream(ledger: Ledger) -> Stream:
    return Stream(ledger)


def incidents(stream: Stream, kind: IncidentKind) -> list[Incident]:
    """Those of a kind, the newest first."""
    found, _ = stream.ask(lambda s: list_incidents(s, IncidentFilter(kinds=(kind,)), limit=10, at=utcnow()))
    return [entry.incident for entry in found]


def drain(stream: Stream) -> None:
    """Run until all that is in the log has come."""
    stream.want(DesiredState.RUNNING)
    place = stream.log.units[-1].position
    with stream.running():
        assert eventually(lambda: stream.changes.position == place)


def test_drift_raises_one_incident_until_the_table_has_another_form(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": "one"}, {"id": "two"})
    drain(stream)
    (incident,) = incidents(stream, IncidentKind.DRIFT)
    assert (incident.state, incident.findings, incident.details) == (
        IncidentState.OPEN,
        1,
        {"table": "orders", "columns": ["id"]},
    )
    stream.log.insert(TABLE, {"id": "three"})
    drain(stream)
    assert [one.findings for one in incidents(stream, IncidentKind.DRIFT)] == [1]
    stream.log.insert(TEXT, {"id": "four"})
    drain(stream)
    assert [one.state for one in incidents(stream, IncidentKind.DRIFT)] == [IncidentState.RESOLVED]


def test_a_column_that_drifts_in_another_way_is_another_finding(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": "one"})
    drain(stream)
    stream.log.insert(TABLE, {"id": None})
    drain(stream)
    assert [one.findings for one in incidents(stream, IncidentKind.DRIFT)] == [2]


def test_what_fits_raises_nothing(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.insert(1, 2)
    drain(stream)
    assert incidents(stream, IncidentKind.DRIFT) == []
    drift = stream.ask(lambda s: list_drift(s, get_cdc_pipeline(s, "orders-cdc")))
    assert drift["orders"]["events_analyzed"] == 2


def test_what_was_sensed_outlives_the_run_and_nothing_is_sensed_unasked(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    drain(stream)
    sensed = lambda: stream.ask(lambda s: list_sensed(s, get_cdc_pipeline(s, "orders-cdc")))  # noqa: E731
    assert sensed() == []
    stream.amend(schema_sensing=SENSING)
    stream.insert(2)
    drain(stream)
    stream.insert(3)
    drain(stream)
    assert [(one.name, one.state["event_count"]) for one in sensed()] == [("orders", 2)]


def test_with_sensing_switched_off_drift_is_over_and_nothing_is_shown(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": "one"})
    drain(stream)
    stream.amend(schema_sensing={"enabled": False})
    assert [one.state for one in incidents(stream, IncidentKind.DRIFT)] == [IncidentState.RESOLVED]
    shown = stream.ask(lambda s: (list_sensed(s, p := get_cdc_pipeline(s, "orders-cdc")), list_drift(s, p)))
    assert shown == ([], {})
    stream.amend(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": "two"})
    drain(stream)
    states = [one.state for one in incidents(stream, IncidentKind.DRIFT)]
    assert states == [IncidentState.OPEN, IncidentState.RESOLVED]


def test_a_name_that_postgresql_cannot_hold_is_kept_all_the_same(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": 1, "a\0b": "c\0d"})
    drain(stream)
    (sensed,) = stream.ask(lambda s: list_sensed(s, get_cdc_pipeline(s, "orders-cdc")))
    assert sorted(sensed.shape.fields) == ["a\ufffdb", "id"]


def test_dead_letters_raise_one_incident_until_none_is_left(stream: Stream) -> None:
    stream.create(journal={"enabled": True})
    stream.changes.refuses = lambda change: "serialization" if change.after else None
    for id_ in (1, 2, 3):
        stream.insert(id_)
        drain(stream)
    (incident,) = incidents(stream, IncidentKind.DEAD_LETTERS)
    assert (incident.state, incident.findings) == (IncidentState.OPEN, 3)
    assert "dead letters" in incident.title
    pipeline = stream.ask(lambda s: get_cdc_pipeline(s, "orders-cdc"))
    first, *_ = stream.ask(lambda s: peek(s, pipeline, limit=10))
    stream.ask(lambda s: acknowledge(s, pipeline, up_to_seq=first.seq, at=utcnow()))
    assert [one.state for one in incidents(stream, IncidentKind.DEAD_LETTERS)] == [IncidentState.OPEN]
    stream.ask(lambda s: purge(s, pipeline, at=utcnow()))
    assert [one.state for one in incidents(stream, IncidentKind.DEAD_LETTERS)] == [IncidentState.RESOLVED]


def test_a_pipeline_that_is_deleted_concerns_nobody(stream: Stream) -> None:
    stream.create(schema_sensing=SENSING)
    stream.log.insert(TABLE, {"id": "one"})
    drain(stream)
    stream.ask(lambda s: forget_cdc_pipeline(s, get_cdc_pipeline(s, "orders-cdc"), at=utcnow()))
    assert [one.state for one in incidents(stream, IncidentKind.DRIFT)] == [IncidentState.RESOLVED]


def test_dead_letters_are_kept_for_so_long_and_not_longer(stream: Stream) -> None:
    stream.create(journal={"enabled": True, "dlq": {"max_age_secs": 60}})
    stream.changes.refuses = lambda change: "serialization"
    stream.insert(1)
    drain(stream)
    pipeline = stream.ask(lambda s: get_cdc_pipeline(s, "orders-cdc"))
    for seconds, left in ((30, 1), (90, 0)):
        stream.ask(lambda s, later=timedelta(seconds=seconds): expire(s, at=utcnow() + later))
        assert stream.ask(lambda s: count(s, pipeline)) == left
    assert [one.state for one in incidents(stream, IncidentKind.DEAD_LETTERS)] == [IncidentState.RESOLVED]
