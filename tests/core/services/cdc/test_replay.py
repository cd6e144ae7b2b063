"""Dead letters are delivered again as the events that they were, once somebody asks for it."""

from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.change import Change, Route
from supersync_core.domain.envelopes import Native
from supersync_core.domain.incident import IncidentKind, IncidentState
from supersync_core.domain.pipeline import DesiredState
from supersync_core.ledger.database import Ledger
from supersync_core.services.cdc.dead_letters import count
from supersync_core.services.cdc.pipelines import get_cdc_pipeline
from supersync_core.services.cdc.replay import Asked, read_replays, request_replay
from tests.core.services.cdc.streams import TABLE, Stream
from tests.core.services.cdc.test_findings import drain, incidents
from tests.core.services.conftest import eventually

NATIVE = Native(pipeline="orders-cdc", tenant="acme", connector="memory", version="1")


@pytest.fixture
def stream(ledger: Ledger) -> Stream:
    stream = Stream(ledger)
    stream.create(journal={"enabled": True, "max_event_bytes": 100})
    stream.changes.refuses = lambda change: "routing"
    return stream


def ask(stream: Stream, **options: Any) -> Asked:
    asked = stream.ask(
        lambda s: request_replay(
            s, get_cdc_pipeline(s, "orders-cdc"), **{"up_to_seq": 2**62, "at": utcnow(), **options}
        )
    )
    assert isinstance(asked, Asked)
    return asked


def left(stream: Stream) -> int:
    return int(stream.ask(lambda s: count(s, get_cdc_pipeline(s, "orders-cdc"))))


def test_they_arrive_as_they_were_and_are_no_dead_letters_any_more(stream: Stream) -> None:
    stream.insert(1, 2)
    drain(stream)
    first, second = (NATIVE(change) for change in stream.log.units[0].changes)
    stream.changes.refuses = lambda change: None
    assert ask(stream) == Asked(requested=2, skipped=0)
    stream.insert(3)
    with_running(stream, 3)
    assert [NATIVE(change) for change in stream.changes.changes[-2:]] == [
        first,
        second.replace(b',"tx_end":true', b""),
    ]
    assert left(stream) == 0
    assert [one.state for one in incidents(stream, IncidentKind.DEAD_LETTERS)] == [IncidentState.RESOLVED]


def with_running(stream: Stream, events: int) -> None:
    """Run until so many have come, and none is left."""

    stream.want(DesiredState.RUNNING)
    with stream.running():
        assert eventually(lambda: len(stream.changes.changes) == events)
        assert eventually(lambda: left(stream) == 0)


def test_what_is_refused_again_is_kept_again(stream: Stream) -> None:
    stream.insert(1)
    drain(stream)
    ask(stream)
    before = stream.ask(lambda s: read_replays(s, get_cdc_pipeline(s, "orders-cdc").id, "acme", ["list"], limit=9))
    stream.insert(2)
    drain(stream)
    assert len(before) == 1
    assert left(stream) == 2


def test_what_was_too_large_to_keep_and_what_is_of_another_sink_is_skipped(stream: Stream) -> None:
    stream.log.insert(TABLE, {"id": 1, "text": "x" * 200}, {"id": 2})
    drain(stream)
    assert ask(stream) == Asked(requested=1, skipped=1)
    assert ask(stream, sink_id="another") == Asked(requested=0, skipped=0)
    assert ask(stream, up_to_seq=0) == Asked(requested=0, skipped=0)


def test_a_route_that_a_processor_gave_is_kept(stream: Stream) -> None:
    def refuse(change: Change) -> str:
        change.route = Route(topic="t", key="k\0", headers={"a": "b"}, raw=True)
        return "routing"

    stream.changes.refuses = refuse
    stream.insert(1)
    drain(stream)
    ask(stream)
    (replay,) = stream.ask(lambda s: read_replays(s, get_cdc_pipeline(s, "orders-cdc").id, "acme", ["list"], limit=9))
    assert replay.change.route == Route(topic="t", key="k\ufffd", headers={"a": "b"}, raw=True)
    assert replay.change.table == TABLE
    assert replay.change.key() == {"id": 1}
