"""A CDC run follows what is wanted of its pipeline, and leaves in the ledger what it did."""

from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import DesiredState
from supersync_core.errors import AbortError, Unavailable
from supersync_core.ledger.checkpoints import select_checkpoints
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.dead_letters import select_dead_letters
from supersync_core.ledger.lineage import select_flows
from supersync_core.ledger.pipeline_status import put_status, select_statuses
from supersync_core.ledger.schemas import select_tracked
from supersync_core.services.cdc.pipelines import get_cdc_pipeline, set_cdc_state
from supersync_core.services.executions import open_execution
from tests.core.services.cdc.streams import TABLE, Stream
from tests.core.services.conftest import eventually

RUNNING, PAUSED, STOPPED = DesiredState.RUNNING, DesiredState.PAUSED, DesiredState.STOPPED


@pytest.fixture
def stream(ledger: Ledger) -> Stream:
    return Stream(ledger)


def mine(stream: Stream, select: Any, **options: Any) -> Any:
    """What the ledger has of the pipeline."""
    return stream.ask(lambda session: select(session, get_cdc_pipeline(session, "orders-cdc").id, **options))


def test_changes_flow_and_a_stop_is_a_success(stream: Stream) -> None:
    stream.create()
    stream.insert(1, 2)
    with stream.running():
        assert eventually(lambda: stream.rows == [1, 2])
        stream.insert(3)
        assert eventually(lambda: stream.rows == [1, 2, 3])
    root = stream.history()[-1]
    assert (stream.errors, root.state) == ([], ExecutionState.SUCCEEDED)
    assert [row.position["data"] for row in mine(stream, select_checkpoints)] == [{"place": 2}]


def test_a_run_writes_its_first_status_while_its_pipeline_is_being_stopped(stream: Stream, ledger: Ledger) -> None:
    stream.create()
    with ledger.begin() as session:
        pipeline = get_cdc_pipeline(session, "orders-cdc")
        live = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=utcnow())
    with ledger.begin() as changing:
        set_cdc_state(changing, "orders-cdc", STOPPED, at=utcnow())
        with ledger.begin() as writing:
            put_status(writing, pipeline.id, live.id, {}, started_at=utcnow(), at=utcnow())
    assert set(mine(stream, lambda session, id: select_statuses(session, [id]))) == {pipeline.id}


def test_a_run_goes_on_where_the_last_one_ended(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    with stream.running():
        assert eventually(lambda: stream.rows == [1])
    stream.insert(2)
    stream.want(RUNNING)
    with stream.running():
        assert eventually(lambda: stream.rows == [1, 2])


def test_a_pause_holds_the_changes_back_and_a_resume_lets_them_go(stream: Stream) -> None:
    stream.create()
    with stream.running():
        stream.insert(1)
        assert eventually(lambda: stream.rows == [1])
        stream.want(PAUSED)
        assert eventually(lambda: status(stream).get("paused"))
        stream.insert(2)
        assert not eventually(lambda: stream.rows != [1], 0.3)
        stream.want(RUNNING)
        assert eventually(lambda: stream.rows == [1, 2])


def status(stream: Stream) -> Any:
    found = stream.ask(lambda s: select_statuses(s, [get_cdc_pipeline(s, "orders-cdc").id]))
    return next((one.status for one in found.values()), {})


def test_a_new_specification_takes_effect_from_the_checkpoint(stream: Stream) -> None:
    stream.create()
    with stream.running():
        stream.insert(1)
        assert eventually(lambda: stream.rows == [1])
        rule = {"path": "id", "op": "gt", "value": 2}
        stream.amend(processors=[{"type": "filter", "fields": [rule]}])
        stream.insert(2)
        stream.insert(3)
        assert eventually(lambda: stream.rows[-1] == 3)
    assert 2 not in stream.rows[1:] or stream.rows == [1, 2, 3]


def test_a_source_that_cannot_be_reached_is_tried_again_and_the_trouble_is_told(stream: Stream) -> None:
    stream.create()
    stream.log.fail(Unavailable("no route"), Unavailable("no route"))
    stream.insert(1)
    with stream.running():
        assert eventually(lambda: stream.rows == [1])
    assert stream.errors == []


def test_what_no_repetition_can_mend_fails_the_run(stream: Stream) -> None:
    stream.create()
    stream.log.fail(AbortError("the log is broken"))
    with pytest.raises(AbortError, match="the log is broken"):
        stream.run()
    assert stream.history()[0].state is ExecutionState.FAILED
    assert stream.history()[0].error == {
        "type": "AbortError",
        "message": "the log is broken",
        "retryable": False,
    }


def test_what_it_did_is_a_window_below_its_execution(stream: Stream) -> None:
    stream.create()
    stream.insert(1, 2, 3)
    with stream.running():
        assert eventually(lambda: stream.rows == [1, 2, 3])
    window, root = sorted(stream.history(), key=lambda one: one.parent_id is None)
    assert (window.parent_id, window.state) == (root.id, ExecutionState.SUCCEEDED)
    assert (window.rows_extracted, window.rows_inserted) == (3, 3)
    pipeline = stream.ask(lambda session: get_cdc_pipeline(session, "orders-cdc"))
    assert pipeline.last_inserted_at == window.ended_at


def test_it_draws_lineage_and_registers_the_forms_of_tables(stream: Stream) -> None:
    stream.create()
    stream.insert(1)
    with stream.running():
        assert eventually(lambda: stream.rows == [1])
    assert [tuple(flow) for flow in mine(stream, select_flows)] == [("log.*", "list")]
    ((tracked, version),) = mine(stream, select_tracked)
    assert (tracked.database_name, tracked.name, version.version) == ("public", "orders", 1)
    assert version.fingerprint == TABLE.fingerprint


def test_what_a_sink_refuses_is_put_aside_where_there_is_a_queue(stream: Stream) -> None:
    stream.create(journal={"enabled": True})
    stream.changes.refuses = lambda change: "serialization" if change.after.values()["id"] == 2 else None  # type: ignore[union-attr]  # an insert
    stream.insert(1, 2, 3)
    with stream.running():
        assert eventually(lambda: stream.rows == [1, 3])
        assert eventually(lambda: len(mine(stream, select_dead_letters, limit=9)) == 1)
    (letter,) = mine(stream, select_dead_letters, limit=9)
    assert (letter.sink_id, letter.error_kind, letter.event["after"]) == ("list", "serialization", {"id": 2})
    assert letter.position == {"place": 1}


def test_without_a_queue_a_refused_event_fails_the_run_and_is_not_lost(stream: Stream) -> None:
    stream.create()
    stream.changes.refuses = lambda change: "serialization"
    stream.insert(1)
    with pytest.raises(AbortError, match="there is no dead letter queue"):
        stream.run()
    assert [row.position["data"] for row in mine(stream, select_checkpoints)] == [{"place": 0}]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("drop_oldest", [{"id": 2}, {"id": 3}]), ("reject", [{"id": 1}, {"id": 2}])],
)
def test_a_full_queue_drops_the_oldest_or_the_newest(stream: Stream, policy: str, kept: list[Any]) -> None:
    stream.create(journal={"enabled": True, "dlq": {"max_entries": 2, "overflow_policy": policy}})
    stream.changes.refuses = lambda change: "too_large"
    stream.insert(1, 2)
    stream.insert(3)
    with stream.running():
        assert eventually(lambda: [row.position["data"] for row in mine(stream, select_checkpoints)] == [{"place": 2}])
    assert [letter.event["after"] for letter in mine(stream, select_dead_letters, limit=9)] == kept


def test_a_payload_that_is_too_large_is_left_out_of_the_dead_letter(stream: Stream) -> None:
    stream.create(journal={"enabled": True, "max_event_bytes": 5})
    stream.changes.refuses = lambda change: "too_large"
    stream.insert(1)
    with stream.running():
        assert eventually(lambda: len(mine(stream, select_dead_letters, limit=9)) == 1)
    (letter,) = mine(stream, select_dead_letters, limit=9)
    assert letter.payload_truncated and "max_event_bytes" in letter.event["after"]
