"""Cleaning up takes what is old and nothing else, and counts it right."""

from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.ledger.check_tables import CheckResult
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution
from supersync_core.services.cleanup import CleanedUp, clean_up
from supersync_core.services.executions import open_execution, start_execution
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_executions import report_start
from tests.core.services.reports import NOON, ended, reported

OLD = NOON - timedelta(days=91)
NOTHING = CleanedUp(0, 0, 0, 0, 0, 0)


def cleaned(ledger: Ledger, batch_size: int = 10_000) -> CleanedUp:
    return clean_up(ledger, retention_days=90, batch_size=batch_size, at=NOON)


def left(ledger: Ledger) -> list[int]:
    with ledger.begin() as session:
        return list(session.scalars(select(Execution.id).order_by(Execution.id)))


def found(session: Session, kind: CheckKind, pipeline_id: int, execution_id: int | None) -> None:
    data_at = OLD if kind is CheckKind.FRESHNESS else None
    values = {"pipeline_id": pipeline_id, "execution_id": execution_id, "data_at": data_at}
    session.add(CheckResult(kind=kind, passed=False, checked_at=NOON, **values))


def test_midnight_decides(ledger: Ledger) -> None:
    midnight = NOON.replace(hour=0) - timedelta(days=90)
    with ledger.begin() as session:
        pipeline = reported(session)
        ended(session, pipeline, start=midnight - timedelta(microseconds=1))
        kept = ended(session, pipeline, start=midnight)
    assert (cleaned(ledger).executions, left(ledger)) == (1, [kept])


def test_the_time_decides_and_not_the_number(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        young = ended(session, pipeline)
        ended(session, pipeline, start=OLD)
    assert (cleaned(ledger).executions, left(ledger)) == (1, [young])


def test_batches_add_up_and_a_second_time_finds_nothing(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        for number in range(25):
            ended(session, pipeline, start=OLD - timedelta(minutes=number))
    assert cleaned(ledger, batch_size=10).executions == 25
    assert cleaned(ledger) == NOTHING


def test_what_was_found_goes_along_and_is_counted(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        old, young = ended(session, pipeline, start=OLD), ended(session, pipeline)
        for execution in (old, young):
            found(session, CheckKind.TIMELINESS, pipeline, execution)
        found(session, CheckKind.FRESHNESS, pipeline, None)
    counts = cleaned(ledger)
    assert (counts.executions, counts.timeliness, counts.freshness) == (1, 1, 1)
    with ledger.begin() as session:
        assert [row.execution_id for row in session.scalars(select(CheckResult))] == [young]


def test_a_child_that_is_young_stays_without_its_parent_and_links_are_counted_once(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        old = ended(session, pipeline, start=OLD)
        report_start(session, pipeline, started_at=OLD, parent_id=old)
        young = report_start(session, pipeline, started_at=NOON, parent_id=old)
        report_start(session, pipeline, started_at=OLD, parent_id=young)
    counts = cleaned(ledger)
    assert (counts.executions, counts.parent_links, counts.child_links) == (3, 2, 1)
    with ledger.begin() as session:
        assert session.execute(text("SELECT id, parent_id FROM supersync.executions")).all() == [(young, None)]


def test_a_run_of_ours_that_goes_on_is_never_taken(ledger: Ledger) -> None:
    with ledger.begin() as session:
        ours = register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=OLD)
        start_execution(session, open_execution(session, ours, trigger=Trigger.MANUAL, at=OLD).id, owner="me", at=OLD)
    assert cleaned(ledger) == NOTHING
