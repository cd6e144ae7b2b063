"""Executions that others report: begun, ended once or again, and read with all below them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.errors import Conflict, NotFound, OutOfOrder
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pages import Page
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.executions import open_execution
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_executions import (
    Ending,
    Filter,
    list_reported,
    read_tree,
    report_end,
    report_start,
)
from supersync_core.services.reported_pipelines import amend_pipeline
from tests.core.services.reports import MINUTE, NOON, at_once, ended, reported

END = NOON + MINUTE


def test_any_number_of_a_pipeline_run_at_once(session: Session) -> None:
    pipeline = reported(session)
    assert len({report_start(session, pipeline, started_at=NOON) for _ in range(3)}) == 3


def test_a_pipeline_that_is_not_there_starts_nothing(session: Session) -> None:
    with pytest.raises(NotFound):
        report_start(session, 7, started_at=NOON)


def test_a_pipeline_of_ours_is_not_started_or_ended_by_others(session: Session) -> None:
    pipeline = register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=NOON)
    execution = open_execution(session, pipeline, trigger=Trigger.MANUAL, at=NOON)
    with pytest.raises(Conflict):
        report_start(session, pipeline.id, started_at=NOON)
    with pytest.raises(Conflict):
        report_end(session, execution.id, Ending(END, succeeded=True), at=END)


@pytest.mark.parametrize("parent_id", [None, 0, -1, 10**9, 10**30])
def test_a_parent_that_is_not_there_is_no_parent(session: Session, parent_id: int | None) -> None:
    execution = report_start(session, reported(session), started_at=NOON, parent_id=parent_id)
    assert read_tree(session, execution)[0].parent_id is None


def test_a_success_moves_its_pipeline_on(session: Session) -> None:
    pipeline = reported(session, next_watermark="9")
    ended(session, pipeline, inserts=1, updates=0, soft_deletes=2, total_rows=3)
    found = session.get_one(Pipeline, pipeline)
    assert (found.watermark, found.next_watermark, found.load_lineage) == ("9", "9", False)
    assert (found.last_inserted_at, found.last_updated_at, found.last_deleted_at) == (END, None, END)
    assert found.updated_at == NOON


@pytest.mark.parametrize(("succeeded", "state"), [(False, "failed"), (None, "cancelled")])
def test_what_was_no_success_leaves_its_pipeline_as_it_was(
    session: Session, succeeded: bool | None, state: str
) -> None:
    pipeline = reported(session, next_watermark="9")
    execution = ended(session, pipeline, succeeded=succeeded, inserts=1)
    found = session.get_one(Pipeline, pipeline)
    assert (found.watermark, found.load_lineage, found.last_inserted_at) == (None, True, None)
    assert read_tree(session, execution)[0].state == state


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_end_that_is_not_after_the_start_is_refused(session: Session, seconds: float) -> None:
    execution = report_start(session, reported(session), started_at=NOON)
    with pytest.raises(OutOfOrder):
        report_end(session, execution, Ending(NOON + timedelta(seconds=seconds), succeeded=True), at=END)
    assert read_tree(session, execution)[0].state is ExecutionState.RUNNING


@pytest.mark.parametrize("execution_id", [0, 7, 2**62])
def test_an_execution_that_is_not_there_is_not_ended(session: Session, execution_id: int) -> None:
    with pytest.raises(NotFound):
        report_end(session, execution_id, Ending(END), at=END)


def test_ending_again_corrects_what_is_said_and_keeps_the_rest(session: Session) -> None:
    pipeline = reported(session)
    execution = ended(session, pipeline, inserts=1, total_rows=5, extra={"a": 1})
    report_end(session, execution, Ending(END + MINUTE, succeeded=False, inserts=2), at=END)
    (row,) = read_tree(session, execution)
    assert (row.state, row.ended_at, row.rows_inserted) == (ExecutionState.FAILED, END + MINUTE, 2)
    assert (row.rows_extracted, row.rows_updated, row.extra_text) == (5, None, '{"a": 1}')


def test_many_who_end_one_execution_at_once_end_it_once(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session, next_watermark="9")
        execution = report_start(session, pipeline, started_at=NOON)
        session.execute(text("CREATE TABLE moves (at timestamptz)"))
        session.execute(text(_COUNT_MOVES))
    ending = Ending(END, succeeded=True, total_rows=3, inserts=3)
    at_once(ledger, 8, lambda session: report_end(session, execution, ending, at=END))
    with ledger.begin() as session:
        assert session.scalar(text("SELECT count(*) FROM moves")) == 1
        assert session.get_one(Pipeline, pipeline).watermark == "9"


_COUNT_MOVES = """
CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN INSERT INTO moves VALUES (now()); RETURN NEW; END';
CREATE TRIGGER moves AFTER UPDATE ON supersync.pipelines FOR EACH ROW EXECUTE FUNCTION note_move()
"""


@pytest.mark.parametrize(
    ("rule", "ending", "waits"),
    [
        pytest.param(True, {"succeeded": True}, True, id="a success with a rule"),
        pytest.param(True, {"succeeded": False}, False, id="a failure"),
        pytest.param(True, {"succeeded": None}, False, id="an end without a word"),
        pytest.param(False, {"succeeded": True}, False, id="no rule"),
        pytest.param(None, {"succeeded": True}, False, id="a rule that is switched off"),
    ],
)
def test_a_success_waits_for_the_checks_where_there_is_a_rule(
    session: Session, rule: bool | None, ending: dict[str, Any], waits: bool
) -> None:
    pipeline = reported(session)
    if rule is not False:
        put_rule(session, pipeline, Metric.TOTAL_ROWS, {}, active=bool(rule), at=NOON)
    execution = ended(session, pipeline, **ending)
    assert (session.get_one(Execution, execution).judged_at is None) == waits


def test_ending_again_with_other_numbers_waits_for_the_checks_again(session: Session) -> None:
    pipeline = reported(session)
    put_rule(session, pipeline, Metric.TOTAL_ROWS, {}, active=True, at=NOON)
    execution = ended(session, pipeline, total_rows=1)
    session.get_one(Execution, execution).judged_at = END
    session.flush()
    same = Ending(END, succeeded=True, total_rows=1)
    report_end(session, execution, same, at=END)
    session.expire_all()
    assert session.get_one(Execution, execution).judged_at == END
    report_end(session, execution, Ending(END, succeeded=True, total_rows=2), at=END)
    session.expire_all()
    assert session.get_one(Execution, execution).judged_at is None


def test_a_tree_is_read_whole_and_nothing_beside_it(session: Session) -> None:
    pipeline, other = reported(session), reported(session, "other")
    root = report_start(session, pipeline, started_at=NOON)
    children = [report_start(session, pipeline, started_at=NOON, parent_id=root) for _ in range(2)]
    grandchild = report_start(session, other, started_at=NOON, parent_id=children[0])
    report_start(session, pipeline, started_at=NOON)
    assert [row.id for row in read_tree(session, root)] == [root, *children, grandchild]
    assert [row.id for row in read_tree(session, children[0])] == [children[0], grandchild]


@pytest.mark.parametrize("shape", ["chain", "star"])
def test_a_tree_of_ten_thousand_is_read(session: Session, shape: str) -> None:
    root = report_start(session, reported(session), started_at=NOON)
    parent = "n - 1" if shape == "chain" else "0"
    session.execute(text("ALTER TABLE supersync.executions ALTER id SET GENERATED BY DEFAULT"))
    session.execute(
        text(
            "INSERT INTO supersync.executions (id, pipeline_id, parent_id, managed, state, queued_at, started_at)"
            f" SELECT :root + n, pipeline_id, :root + {parent}, false, 'running', queued_at, started_at"
            " FROM supersync.executions, generate_series(1, 9999) n WHERE id = :root"
        ),
        {"root": root},
    )
    assert len(read_tree(session, root)) == 10_000


def test_executions_are_listed_page_by_page(session: Session) -> None:
    pipeline = reported(session)
    made = [ended(session, pipeline, start=NOON + minutes * MINUTE) for minutes in (2, 1, 3)]
    page = Page("queued_at", descending=True, limit=2)
    first = list_reported(session, Filter(pipeline_id=pipeline), page)
    second = list_reported(
        session, Filter(pipeline_id=pipeline), replace(page, after=(first[-1].queued_at, first[-1].id))
    )
    assert [row.id for row in (*first, *second)] == [made[2], made[0], made[1]]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Filter(states=(ExecutionState.SUCCEEDED,)), 1),
        (Filter(states=(ExecutionState.RUNNING,)), 2),
        (Filter(parent_id=0), 2),
        (Filter(since=NOON + MINUTE), 1),
        (Filter(until=NOON), 2),
        (Filter(pipeline_id=10**12), 0),
    ],
)
def test_executions_are_listed_as_they_are_asked_for(session: Session, wanted: Filter, count: int) -> None:
    pipeline = reported(session)
    root = report_start(session, pipeline, started_at=NOON)
    report_start(session, pipeline, started_at=NOON, parent_id=root)
    ended(session, pipeline, start=NOON + MINUTE)
    assert len(list_reported(session, wanted)) == count


def test_an_inactive_pipeline_may_run(session: Session) -> None:
    pipeline = reported(session)
    amend_pipeline(session, {"active": False}, pipeline_id=pipeline, at=NOON)
    assert report_start(session, pipeline, started_at=NOON)
