"""Events of runs become executions of pipelines that others run."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.errors import Conflict
from supersync_core.ledger.cleanup import delete_executions
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.tables import Execution, Pipeline, PipelineType
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.executions import open_execution
from supersync_core.services.openlineage import take_events
from supersync_core.services.pipelines import register_pipeline
from supersync_core.services.reported_pipelines import amend_pipeline
from tests.core.services.openlineage.events import (
    EVENTS,
    ORDERS,
    ORDERS_TO_REPORT,
    OTHER_RUN,
    REPORT,
    edges,
    execution,
    pipeline,
    run_event,
    take,
    time,
    written,
)
from tests.core.services.reports import MINUTE, NOON, at_once


def test_a_start_is_a_running_execution_of_a_pipeline_of_others(session: Session) -> None:
    taken = take(session, run_event("START"))
    found = execution(session)
    assert taken == ("airflow/daily", found.id, True)
    assert (found.state, found.started_at, found.queued_at, found.managed) == ("running", NOON, NOON, False)
    assert (found.rows_extracted, found.judged_at) == (None, None)
    assert pipeline(session).kind is PipelineKind.EXTERNAL


@pytest.mark.parametrize(
    ("kind", "state"), [("COMPLETE", "succeeded"), ("FAIL", "failed"), ("ABORT", "cancelled"), ("OTHER", "running")]
)
@pytest.mark.parametrize("begun", [True, False])
def test_an_execution_ends_as_its_run_does(session: Session, kind: str, state: str, begun: bool) -> None:
    events = [run_event("START"), run_event(kind, 2)] if begun else [run_event(kind, 2), run_event("START")]
    take(session, *events)
    found = execution(session)
    assert (found.state, found.started_at) == (state, NOON)
    assert found.ended_at == (None if state == "running" else NOON + 2 * MINUTE)


def test_an_event_without_a_type_says_that_there_is_a_run(session: Session) -> None:
    event = run_event()
    del event["eventType"]
    take(session, event)
    assert execution(session).state is ExecutionState.RUNNING


def test_an_end_without_a_start_is_taken(session: Session) -> None:
    take(session, run_event("COMPLETE"))
    assert (execution(session).started_at, execution(session).ended_at) == (NOON, NOON)


def test_statistics_of_all_outputs_are_the_rows_and_bytes(session: Session) -> None:
    outputs = [written(REPORT, 3, 100), written({**REPORT, "name": "b"}, 4), written(ORDERS, None, 11)]
    take(session, run_event("RUNNING", 1, outputs=[written(REPORT, 1, 1)]), run_event("COMPLETE", 2, outputs=outputs))
    found = execution(session)
    assert (found.rows_extracted, found.rows_inserted, found.rows_updated, found.bytes) == (7, 7, None, 111)


def test_statistics_beyond_all_measure_are_as_many_as_can_be_kept(session: Session) -> None:
    take(session, run_event("COMPLETE", outputs=[written(REPORT, 2**63 - 1), written(ORDERS, 2**63 - 1)]))
    assert execution(session).rows_extracted == 2**63 - 1


def test_what_went_wrong_is_kept(session: Session) -> None:
    error = {"message": "no \0such table", "programmingLanguage": "JAVA", "stackTrace": "at Main"}
    take(session, run_event("FAIL", facets={"errorMessage": error}))
    assert execution(session).error == {"type": "JAVA", "message": "no such table", "stack": "at Main"}


def test_a_success_has_no_error(session: Session) -> None:
    take(session, run_event("COMPLETE", facets={"errorMessage": {"message": "retried"}}))
    assert execution(session).error is None


def test_the_planned_time_and_the_producer_are_kept(session: Session) -> None:
    nominal = {"nominalStartTime": "2026-11-22T13:00:00+01:00", "nominalEndTime": time(60)}
    take(session, run_event("START", facets={"nominalTime": nominal}))
    assert execution(session).extra == {
        "openlineage": {
            "producer": "https://example.com/airflow",
            "nominalStartTime": "2026-11-22T12:00:00Z",
            "nominalEndTime": "2026-11-22T13:00:00Z",
        }
    }


def test_a_success_says_when_rows_came_in_and_leaves_the_watermark(session: Session) -> None:
    take(session, run_event("START"))
    amend_pipeline(session, {"watermark": "7", "next_watermark": "9"}, name="airflow/daily", at=NOON)
    take(session, run_event("COMPLETE", 1, outputs=[written(REPORT, 5)]))
    found = pipeline(session)
    assert (found.last_inserted_at, found.last_updated_at) == (NOON + MINUTE, None)
    assert (found.watermark, found.next_watermark, found.load_lineage) == ("7", "9", True)


@pytest.mark.parametrize(("kind", "rows"), [("FAIL", 5), ("COMPLETE", 0), ("COMPLETE", None)])
def test_what_brought_no_rows_in_does_not_say_so(session: Session, kind: str, rows: int | None) -> None:
    take(session, run_event(kind, outputs=[written(REPORT, rows)]))
    assert pipeline(session).last_inserted_at is None


def test_an_older_run_that_is_told_late_does_not_turn_the_time_of_the_last_rows_back(session: Session) -> None:
    output = {"outputs": [written(REPORT, 5)]}
    take(session, run_event("COMPLETE", 9, **output), run_event("COMPLETE", 1, run=OTHER_RUN, **output))
    assert pipeline(session).last_inserted_at == NOON + 9 * MINUTE


def test_a_success_that_was_none_takes_back_when_rows_came_in(session: Session) -> None:
    output = {"outputs": [written(REPORT, 5)]}
    take(session, run_event("COMPLETE", 1, run=OTHER_RUN, **output), run_event("COMPLETE", 2, **output))
    assert pipeline(session).last_inserted_at == NOON + 2 * MINUTE
    take(session, run_event("FAIL", 3))
    assert pipeline(session).last_inserted_at == NOON + MINUTE


@pytest.mark.parametrize("kind", ["COMPLETE", "FAIL"])
@pytest.mark.parametrize("rule", [True, False])
def test_a_success_waits_for_the_checks_where_there_is_a_rule(session: Session, kind: str, rule: bool) -> None:
    take(session, run_event("START"))
    if rule:
        put_rule(session, pipeline(session).id, Metric.TOTAL_ROWS, {}, active=True, at=NOON)
    take(session, run_event(kind, 1))
    assert (execution(session).judged_at is None) == (rule and kind == "COMPLETE")


def test_other_numbers_wait_for_the_checks_again_and_other_words_do_not(session: Session) -> None:
    take(session, run_event("START"))
    put_rule(session, pipeline(session).id, Metric.TOTAL_ROWS, {}, active=True, at=NOON)
    take(session, run_event("COMPLETE", 1, outputs=[written(REPORT, 5)]))
    execution(session).judged_at = NOON + MINUTE
    take(session, run_event("OTHER", 2, inputs=[ORDERS]))
    assert execution(session).judged_at == NOON + MINUTE
    take(session, run_event("OTHER", 3, outputs=[written(REPORT, 6)]))
    assert execution(session).judged_at is None


@pytest.mark.parametrize(
    ("facets", "name"),
    [
        pytest.param([{}], "openlineage", id="none is named"),
        pytest.param([{"jobType": {"integration": "SPARK", "processingType": "BATCH"}}], "spark", id="named"),
        pytest.param([{}, {"jobType": {"integration": "DBT"}}], "dbt", id="named later"),
        pytest.param([{"jobType": {"integration": "DBT"}}, {}], "dbt", id="not named again"),
        pytest.param([{"jobType": {"_deleted": True}}], "openlineage", id="a facet that is deleted"),
    ],
)
def test_the_integration_is_the_type_of_the_pipeline(session: Session, facets: list[Any], name: str) -> None:
    take(session, *(run_event("RUNNING", n, job_facets=given) for n, given in enumerate(facets)))
    assert session.get_one(PipelineType, pipeline(session).type_id).name == name


def test_a_job_is_one_pipeline_whatever_the_case_of_its_name(session: Session) -> None:
    take(session, run_event(job="daily"), run_event(job="DAILY", run=OTHER_RUN))
    assert session.query(Pipeline).count() == 1


def test_jobs_with_long_names_are_told_apart(session: Session) -> None:
    names = ["x" * 200, "x" * 201, "X" * 200]
    taken = [take(session, run_event(job=name, run=f"{n:032x}")) for n, name in enumerate(names)]
    assert [len(one.pipeline or "") for one in taken] == [150, 150, 150]
    assert (taken[0].pipeline == taken[2].pipeline, taken[0].pipeline == taken[1].pipeline) == (True, False)


def test_a_job_that_supersync_runs_is_refused(session: Session) -> None:
    register_pipeline(session, PipelineDeclaration("airflow/daily", PipelineKind.TABLE_SYNC), at=NOON)
    with pytest.raises(Conflict, match="airflow/daily is a pipeline that supersync runs"):
        take(session, run_event(job="DAILY"))


def test_a_run_of_ours_is_refused(session: Session) -> None:
    ours = register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=NOON)
    queued = open_execution(session, ours, trigger=Trigger.MANUAL, at=NOON)
    with pytest.raises(Conflict, match="supersync's own"):
        take(session, run_event(run=str(queued.public_id)))


def test_a_run_belongs_to_one_job(session: Session) -> None:
    take(session, run_event())
    with pytest.raises(Conflict, match="another job"):
        take(session, run_event(job="other"))


def test_many_events_of_one_run_at_once_are_one_execution(ledger: Ledger) -> None:
    kinds = [("START", 0), ("RUNNING", 1), ("COMPLETE", 2), ("OTHER", 3)] * 4
    events = [EVENTS.validate_python(run_event(*kind, inputs=[ORDERS], outputs=[written(REPORT, 5)])) for kind in kinds]
    at_once(ledger, 16, lambda session: take_events(session, [events.pop()], at=NOON))
    with ledger.begin() as session:
        found = execution(session)
        assert (session.query(Execution).count(), session.query(Pipeline).count()) == (1, 1)
        assert (found.state, found.started_at, found.ended_at) == ("succeeded", NOON, NOON + 2 * MINUTE)
        assert edges(session) == ORDERS_TO_REPORT


def test_what_was_said_of_a_run_goes_with_its_execution(session: Session) -> None:
    execution_id = take(session, run_event("COMPLETE", inputs=[ORDERS])).execution_id
    delete_executions(session, [execution_id or 0])
    assert session.scalar(text("SELECT count(*) FROM supersync.openlineage_runs")) == 0
    assert take(session, run_event("OTHER", 1)).execution_id not in (None, execution_id)


def test_a_batch_is_taken_in_any_order(session: Session) -> None:
    events = [run_event("COMPLETE", 1), run_event(job="b", run=OTHER_RUN), run_event()]
    taken = take_events(session, [EVENTS.validate_python(event) for event in events], at=NOON)
    assert [one.pipeline for one in taken] == ["airflow/daily", "airflow/b", "airflow/daily"]
    assert execution(session).seconds == timedelta(minutes=1).total_seconds()
