"""Each question that the services and the dialects ask has an index, and is answered as it says."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.ledger.addresses import get_or_create_places
from supersync_core.ledger.baselines import lock_unjudged, select_histories
from supersync_core.ledger.check_tables import CheckRule
from supersync_core.ledger.checkpoints import find_checkpoint, store_checkpoint
from supersync_core.ledger.checks import replace_declared_rules
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.executions import (
    HistoryFilter,
    find_live_root,
    insert_unless_live,
    lock_expired,
    select_history,
    select_latest,
)
from supersync_core.ledger.expectations import lock_ended_late, select_late
from supersync_core.ledger.lineage import Direction, replace_edges, select_edges, select_reach
from supersync_core.ledger.lineage_tables import Address, AddressType
from supersync_core.ledger.locks import PipelineLock, end_connection
from supersync_core.ledger.pipelines import find_pipeline, get_or_create_pipeline, select_pipelines
from supersync_core.ledger.schedules import lock_due
from supersync_core.ledger.tables import Execution, Pipeline

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def pipeline_named(session: Session, name: str) -> Pipeline:
    return get_or_create_pipeline(session, name, PipelineKind.TABLE_SYNC, at=NOON)


def ended(session: Session, pipeline: Pipeline, at: datetime, state: ExecutionState = ExecutionState.SUCCEEDED) -> int:
    row = Execution(
        pipeline_id=pipeline.id, state=state, trigger=Trigger.MANUAL, queued_at=at, started_at=at, ended_at=at
    )
    session.add(row)
    session.flush()
    return row.id


def eventually(claim: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the claim holds before the time is over: the server ends a connection soon, not at once."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


QUESTIONS: dict[str, tuple[str, Callable[[Session], Any]]] = {
    "history of a pipeline": ("ix_executions_history", lambda s: select_history(s, HistoryFilter(pipeline_id=1))),
    "history of all": ("ix_executions_time", lambda s: select_history(s, HistoryFilter(since=NOON))),
    "the live execution": ("uq_executions_live_root", lambda s: find_live_root(s, 1)),
    "leases that ran out": ("ix_executions_live", lock_expired),
    "the history for a judgement": ("ix_executions_baseline", lambda s: select_histories(s, [(1, 12)], at=NOON)),
    "executions waiting for a check": ("ix_executions_unjudged", lambda s: lock_unjudged(s, limit=10)),
    "the latest of each pipeline": ("ix_executions_history", lambda s: select_latest(s, [1, 2])),
    "what has started and is late": (
        "ix_executions_begun_at",
        lambda s: select_late(s, lookback=MINUTE, recent=MINUTE, at=datetime(2026, 11, 23, tzinfo=timezone.utc)),
    ),
    "late runs that have ended": ("ix_check_results_still_running", lock_ended_late),
    "due schedules": ("ix_schedules_due", lambda s: lock_due(s, at=NOON)),
    "a pipeline by name": ("uq_pipelines_name_key", lambda s: find_pipeline(s, "orders")),
}


FILL = """
INSERT INTO supersync.pipelines (name, name_key, kind, created_at, updated_at)
    SELECT 'p' || i, 'p' || i, 'table_sync', now(), now() FROM generate_series(1, 300) i;
INSERT INTO supersync.schedules (pipeline_id, every_s, created_at, updated_at, next_due_at)
    SELECT id, 90, now(), now(), CASE WHEN id < 5 THEN now() END FROM supersync.pipelines;
INSERT INTO supersync.executions (pipeline_id, state, queued_at, started_at, ended_at, judged_at)
    SELECT id, 'succeeded', at, at, at, CASE WHEN id > 5 THEN at END
    FROM supersync.pipelines, generate_series(timestamptz '2026-11-22', '2026-11-23', '2 hours') at
    ORDER BY at, id; -- as time brings them: where they lie decides what an index is worth
ANALYZE
"""


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_known_question_has_an_index(ledger: Ledger, question: str) -> None:
    index, ask = QUESTIONS[question]
    asked: list[str] = []

    @event.listens_for(ledger.engine, "after_cursor_execute")
    def remember(connection: Any, cursor: Any, *_: Any) -> None:
        asked.append(cursor.query.decode())

    with ledger.begin() as session:
        session.execute(text(FILL))
        del asked[:]
        ask(session)
        queries = list(asked)
    with ledger.begin() as session:
        # With so few rows reading all is as good as an index, so the planner is left no other way.
        session.execute(text("SET LOCAL enable_seqscan = off"))
        session.execute(text("SET LOCAL enable_bitmapscan = off"))
        explain = [text(f"EXPLAIN {query}").execution_options(no_parameters=True) for query in queries]
        plans = [session.scalars(query).all() for query in explain]
    assert index in str(plans)


def test_history_is_the_newest_first_page_by_page(session: Session) -> None:
    pipeline = pipeline_named(session, "orders")
    made = [ended(session, pipeline, NOON + minutes * MINUTE) for minutes in (1, 3, 2, 3)]
    pages = [select_history(session, HistoryFilter(pipeline.id), limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [[row.id for row in rows] for rows, _ in pages] == [[made[3], made[1]], [made[2], made[0]], []]
    assert {total for _, total in pages} == {4}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (HistoryFilter(), [0, 1, 2]),
        (HistoryFilter(since=NOON + MINUTE), [1, 2]),
        (HistoryFilter(until=NOON + MINUTE), [0, 1]),
        (HistoryFilter(states=(ExecutionState.FAILED,)), [2]),
        (HistoryFilter(states=(ExecutionState.QUEUED,)), []),
    ],
)
def test_history_is_filtered_with_both_bounds_included(
    session: Session, wanted: HistoryFilter, found: list[int]
) -> None:
    pipeline = pipeline_named(session, "orders")
    states = [ExecutionState.SUCCEEDED, ExecutionState.CANCELLED, ExecutionState.FAILED]
    made = [ended(session, pipeline, NOON + place * MINUTE, state) for place, state in enumerate(states)]
    assert [made.index(row.id) for row in select_history(session, wanted)[0]][::-1] == found


def test_the_latest_execution_is_found_for_each_pipeline_that_has_one(session: Session) -> None:
    first, second, never = (pipeline_named(session, name) for name in ("a", "b", "c"))
    ended(session, first, NOON)
    newest = ended(session, first, NOON + MINUTE)
    other = ended(session, second, NOON)
    latest = select_latest(session, [first.id, second.id, never.id])
    assert {pipeline: row.id for pipeline, row in latest.items()} == {first.id: newest, second.id: other}


def test_unjudged_executions_come_the_oldest_first(session: Session) -> None:
    pipeline = pipeline_named(session, "orders")
    made = [ended(session, pipeline, NOON + minutes * MINUTE) for minutes in (2, 1, 3)]
    session.get_one(Execution, made[2]).judged_at = NOON
    insert_unless_live(session, pipeline_id=pipeline.id, state=ExecutionState.QUEUED, queued_at=NOON)
    assert [row.id for row in lock_unjudged(session, limit=9)] == [made[1], made[0]]


def test_a_pipeline_is_made_once_and_found_in_any_case(session: Session) -> None:
    made = pipeline_named(session, "Orders")
    assert pipeline_named(session, "oRDERS ").id == made.id
    assert find_pipeline(session, "ORDERS") is made
    assert made.name == "Orders"


def test_retired_pipelines_are_not_listed(session: Session) -> None:
    pipeline_named(session, "b"), pipeline_named(session, "A")
    pipeline_named(session, "c").retired_at = NOON
    assert [pipeline.name for pipeline in select_pipelines(session)] == ["A", "b"]


def test_a_checkpoint_is_replaced_part_by_part(session: Session) -> None:
    pipeline = pipeline_named(session, "orders").id
    for part, position in (("", 1), ("sink", 2), ("", 3)):
        store_checkpoint(session, pipeline, {"at": position}, part=part, at=NOON)
    session.expire_all()
    found = [find_checkpoint(session, pipeline, part=part) for part in ("", "sink", "none")]
    assert [row and row.position for row in found] == [{"at": 3}, {"at": 2}, None]


def addresses(session: Session, names: str) -> list[int]:
    """An address for each letter."""
    return get_or_create_places(session, [Place(name, "postgres") for name in names], at=NOON)


def test_edges_are_replaced_as_a_whole(session: Session) -> None:
    pipeline = pipeline_named(session, "orders").id
    a, b, c = addresses(session, "abc")
    replace_edges(session, pipeline, [a], [b, c], at=NOON)
    replace_edges(session, pipeline, [a, b], [c], at=NOON + MINUTE)
    edges = {(edge.source_id, edge.target_id): edge.created_at for edge in select_edges(session, pipeline)}
    assert edges == {(a, c): NOON, (b, c): NOON + MINUTE}


def test_what_was_reported_and_what_our_runs_have_seen_do_not_replace_each_other(session: Session) -> None:
    pipeline = pipeline_named(session, "orders").id
    a, b, c = addresses(session, "abc")
    replace_edges(session, pipeline, [a], [b], at=NOON)
    replace_edges(session, pipeline, [a], [c], reported=True, at=NOON)
    replace_edges(session, pipeline, [], [], at=NOON)
    assert [(edge.source_id, edge.target_id) for edge in select_edges(session, pipeline)] == [(a, c)]


def test_an_address_is_made_once_and_keeps_its_first_form(session: Session) -> None:
    (first,) = get_or_create_places(session, [Place("Db.Public.T", "postgres")], at=NOON)
    (again,) = get_or_create_places(session, [Place("db.public.t", "kafka", "stream")], at=NOON)
    found = session.execute(select(Address.name, AddressType.name).join(AddressType)).all()
    assert (again, found) == (first, [("Db.Public.T", "postgres")])


@pytest.mark.parametrize(
    ("edges", "direction", "reached"),
    [
        pytest.param("ab bd ac cd de", Direction.DOWNSTREAM, "ab ac bd cd de", id="a diamond"),
        pytest.param("ab ba", Direction.DOWNSTREAM, "ab ba", id="a loop"),
        pytest.param("aa ab", Direction.DOWNSTREAM, "aa ab", id="an edge to itself"),
        pytest.param("xa ab yb", Direction.UPSTREAM, "xa", id="to where it comes from"),
        pytest.param("xa ab yb", Direction.DOWNSTREAM, "ab", id="to where it goes, not what else comes there"),
        pytest.param("xa ab yb", Direction.BOTH, "ab xa", id="both ways"),
        pytest.param("bc", Direction.BOTH, "", id="elsewhere"),
    ],
)
def test_every_edge_on_the_way_is_found(session: Session, edges: str, direction: Direction, reached: str) -> None:
    ids = dict(zip("abcdexy", addresses(session, "abcdexy"), strict=True))
    names = {id_: name for name, id_ in ids.items()}
    for number, (source, target) in enumerate(edges.split()):
        pipeline = pipeline_named(session, f"p{number}").id
        replace_edges(session, pipeline, [ids[source]], [ids[target]], at=NOON)
    found = select_reach(session, ids["a"], direction)
    assert sorted(names[edge.source_id] + names[edge.target_id] for edge in found) == sorted(reached.split())


def test_declared_rules_are_replaced_and_those_of_an_operator_stay(session: Session) -> None:
    pipeline = pipeline_named(session, "orders").id
    by_hand = {"metric": "duration_seconds", "created_at": NOON, "updated_at": NOON}
    session.add(CheckRule(pipeline_id=pipeline, kind=CheckKind.ANOMALY, **by_hand))
    session.flush()
    replace_declared_rules(session, pipeline, CheckKind.ANOMALY, {"inserts": {"z": 1}, "updates": {}}, at=NOON)
    replace_declared_rules(session, pipeline, CheckKind.ANOMALY, {"inserts": {"z": 2}}, at=NOON)
    session.expire_all()
    rules = {rule.metric: rule.settings for rule in session.query(CheckRule)}
    assert rules == {"duration_seconds": {}, "inserts": {"z": 2}}


def test_a_lock_is_had_by_one_at_a_time(ledger: Ledger) -> None:
    with (
        PipelineLock(ledger, 1, "a") as first,
        PipelineLock(ledger, 1, "b") as second,
        PipelineLock(ledger, 2, "c") as x,
    ):
        assert (first.hold(), first.hold(), second.hold(), x.hold()) == (True, True, False, True)
    with PipelineLock(ledger, 1, "d") as third:
        assert third.hold()


def test_a_lock_whose_connection_was_ended_is_free_for_others(ledger: Ledger) -> None:
    with PipelineLock(ledger, 1, "frozen") as frozen, PipelineLock(ledger, 1, "b") as other:
        assert frozen.hold()
        with ledger.begin() as session:
            end_connection(session, "frozen")
        assert eventually(other.hold)
        assert not frozen.hold()


def test_a_lock_whose_connection_was_ended_is_taken_again_when_nobody_else_has_it(ledger: Ledger) -> None:
    with PipelineLock(ledger, 1, "me") as lock:
        assert lock.hold()
        with ledger.begin() as session:
            end_connection(session, "me")
        assert eventually(lock.hold)
        with PipelineLock(ledger, 1, "other") as other:
            assert not other.hold()
