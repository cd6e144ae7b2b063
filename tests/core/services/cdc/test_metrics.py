"""What a CDC pipeline has done is counted over all of its runs; how far behind it is, and how much log is kept."""

from datetime import timedelta

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.check import DatePart
from supersync_core.domain.incident import IncidentKind, IncidentState
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.metrics import StreamMetrics, stream_metrics
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.retention import Retention
from supersync_core.services.expectations import check_freshness
from supersync_core.services.incidents import Incident, IncidentFilter, list_incidents
from tests.core.services.cdc.streams import VAULT, Stream
from tests.core.services.conftest import eventually

DAY = timedelta(days=1)


@pytest.fixture
def stream(ledger: Ledger) -> Stream:
    return Stream(ledger)


def metrics(stream: Stream, later: timedelta = timedelta()) -> StreamMetrics:
    (found,) = stream.ask(lambda session: stream_metrics(session, at=utcnow() + later))
    return found  # type: ignore[no-any-return]


def drain(stream: Stream) -> None:
    """Run until all that is in the log has come."""
    stream.want(DesiredState.RUNNING)
    place = stream.log.units[-1].position
    with stream.running():
        assert eventually(lambda: stream.changes.position == place)


def incidents(stream: Stream, kind: IncidentKind) -> list[Incident]:
    found, _ = stream.ask(lambda s: list_incidents(s, IncidentFilter(kinds=(kind,)), limit=10, at=utcnow()))
    return [entry.incident for entry in found]


def test_everything_is_there_at_zero_before_the_first_run(stream: Stream) -> None:
    stream.create()
    found = metrics(stream)
    assert (found.events, found.bytes, found.refused, found.dead_letters, found.retained_bytes) == (0, 0, 0, 0, 0)
    assert found.lag_s == 0
    (sink,) = found.sinks
    assert (sink.id, sink.failing, sink.seconds, {count for _, count in sink.latencies}) == ("list", False, 0.0, {0})


def test_counts_grow_over_all_runs(stream: Stream) -> None:
    stream.create(journal={"enabled": True})
    stream.insert(1, 2)
    drain(stream)
    size = metrics(stream).bytes
    stream.changes.refuses = lambda change: "serialization"
    stream.insert(3)
    drain(stream)
    found = metrics(stream)
    assert (found.events, found.refused, found.dead_letters) == (3, 1, 1)
    assert found.bytes > size > 0
    assert [count for _, count in found.batch_sizes][-1] == 2
    assert [count for _, count in found.sinks[0].latencies][-1] == 2
    assert found.sinks[0].seconds > 0


def test_what_does_not_stream_is_the_further_behind_the_longer_it_does_not(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    drain(stream)
    assert metrics(stream, DAY).lag_s >= DAY.total_seconds()


def test_a_stream_that_is_idle_is_fresh_and_one_that_is_stopped_grows_stale(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    stream.log.commit(ts_ms=0)  # the last change is of long ago
    drain(stream)

    def expect() -> None:
        with stream.ledger.begin() as session:
            pipeline = get_cdc_pipeline(session, "orders-cdc")
            pipeline.freshness_number, pipeline.freshness_datepart = 1, DatePart.HOUR

    expect()
    assert stream.ask(lambda s: check_freshness(s, at=utcnow())) == []
    (stale,) = stream.ask(lambda s: check_freshness(s, at=utcnow() + DAY))
    assert stale.title == "orders-cdc is stale"
    drain(stream)
    stream.ask(lambda s: check_freshness(s, at=utcnow()))
    assert [one.state for one in incidents(stream, IncidentKind.FRESHNESS)] == [IncidentState.RESOLVED]


def test_retained_log_is_measured_and_too_much_of_it_is_told_once_until_it_is_less(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    drain(stream)
    stream.insert(*range(100))
    retention = Retention(stream.ledger, VAULT, warning_bytes=100, clock=utcnow)
    size = retention.measure()["orders-cdc"]
    assert metrics(stream).retained_bytes == size > 100
    retention.measure()
    (incident,) = incidents(stream, IncidentKind.QUEUE)
    assert (incident.state, incident.details["retained_bytes"]) == (IncidentState.OPEN, size)
    stream.want(DesiredState.RUNNING)
    with stream.running():
        assert eventually(lambda: retention.measure() == {"orders-cdc": 0})
    assert [one.state for one in incidents(stream, IncidentKind.QUEUE)] == [IncidentState.RESOLVED]


def test_a_server_that_was_never_read_is_not_asked(stream: Stream) -> None:
    stream.create()
    assert Retention(stream.ledger, VAULT, warning_bytes=100, clock=utcnow).measure() == {}
