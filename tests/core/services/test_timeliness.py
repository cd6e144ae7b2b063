"""Runs that take longer than expected: found once, reported, completed and resolved."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind
from supersync_core.domain.execution import ExecutionState, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.services.executions import open_execution, start_execution
from supersync_core.services.pipeline_types import amend_pipeline_type
from supersync_core.services.pipelines import register_pipeline, retire_pipeline
from supersync_core.services.reported_executions import Ending, report_end, report_start
from tests.core.services.expecting import (
    HOUR,
    QUICK,
    amend,
    incidents,
    late,
    results,
    told,
)
from tests.core.services.reports import MINUTE, NOON, ended, reported


def test_a_run_that_goes_on_for_too_long_is_late(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    run = report_start(session, pipeline, started_at=NOON)
    assert late(session, NOON + 10 * MINUTE) == []
    assert late(session, NOON + 12 * MINUTE) == [run]
    (result,) = results(session, CheckKind.TIMELINESS)
    assert (result.pipeline_id, result.execution_id, result.passed) == (pipeline, run, False)
    assert result.details == {
        "number": 10,
        "datepart": "minute",
        "inherited": False,
        "expected": "10 minutes",
        "started_at": "2026-11-22T12:00:00+00:00",
        "due_at": "2026-11-22T12:10:00+00:00",
        "state": "running",
        "ended_at": None,
        "duration_seconds": 720,
        "message": "The run that started 2026-11-22 12:00:00 UTC has run for 0:12:00; it should end within 10 minutes.",
    }
    assert (incidents(session), told(session)) == ([(f"timeliness:{pipeline}", "open", 1)], ["orders is late"])


@pytest.mark.parametrize(
    ("seconds", "succeeded", "is_late"),
    [
        pytest.param(600, True, False, id="exactly in time"),
        pytest.param(600.001, True, True, id="too late"),
        pytest.param(900, False, False, id="a failure"),
        pytest.param(900, None, True, id="ended without a word on success"),
        pytest.param(600, None, False, id="the same in time"),
    ],
)
def test_a_run_that_has_ended_is_judged_by_its_end(
    session: Session, seconds: float, succeeded: bool | None, is_late: bool
) -> None:
    run = ended(session, reported(session, **QUICK), seconds=seconds, succeeded=succeeded)
    assert late(session, NOON + HOUR) == ([run] if is_late else [])
    assert late(session, NOON + HOUR, lookback=2 * HOUR) == []


def test_an_execution_is_found_once(session: Session) -> None:
    run = report_start(session, reported(session, **QUICK), started_at=NOON)
    assert [late(session, NOON + minutes * MINUTE) for minutes in (11, 12, 13)] == [[run], [], []]


def test_what_is_kept_of_one_that_ran_is_completed_when_it_ends(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    run = report_start(session, pipeline, started_at=NOON)
    late(session, NOON + 11 * MINUTE)
    report_end(session, run, Ending(NOON + 30 * HOUR, succeeded=True), at=NOON)
    late(session, NOON + 31 * HOUR, lookback=HOUR)
    (result,) = results(session, CheckKind.TIMELINESS)
    assert (result.details["state"], result.details["duration_seconds"], result.details["ended_at"]) == (
        *("succeeded", 30 * 3600),
        "2026-11-23T18:00:00+00:00",
    )
    assert (result.details["expected"], result.checked_at) == ("10 minutes", NOON + 11 * MINUTE)
    assert result.details["message"].endswith("took 1 day, 6:00:00; it should end within 10 minutes.")


def test_the_lookback_bounds_the_start(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    runs = [report_start(session, pipeline, started_at=NOON - number * MINUTE) for number in (61, 60, 20)]
    assert late(session, NOON, lookback=60 * MINUTE) == runs[1:]
    assert late(session, NOON, lookback=timedelta.max) == runs[:1]


def test_without_a_lookback_what_runs_is_late_however_long_it_has_run(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    run = report_start(session, pipeline, started_at=NOON - timedelta(days=400))
    just = ended(session, pipeline, start=NOON - 9 * HOUR, seconds=8.5 * 3600)
    ended(session, pipeline, start=NOON - 9 * HOUR, seconds=7.9 * 3600)
    assert late(session, NOON) == [run, just]


def test_a_run_of_ours_and_a_child_of_another_are_held_to_it_too(session: Session) -> None:
    ours = register_pipeline(session, PipelineDeclaration("ours", PipelineKind.TABLE_SYNC), at=NOON)
    amend(session, ours.id, **QUICK)
    queued = open_execution(session, ours, trigger=Trigger.MANUAL, at=NOON)
    assert late(session, NOON + HOUR) == []
    start_execution(session, queued.id, owner="me", at=NOON)
    theirs = reported(session, **QUICK)
    parent = ended(session, theirs, seconds=60)
    child = report_start(session, theirs, started_at=NOON, parent_id=parent)
    assert late(session, NOON + HOUR) == [queued.id, child]


@pytest.mark.parametrize("whose", ["pipeline", "type", "retired"])
def test_late_runs_of_what_is_muted_or_retired_are_left_out(session: Session, whose: str) -> None:
    pipeline = reported(session, **QUICK)
    report_start(session, pipeline, started_at=NOON)
    if whose == "type":
        amend_pipeline_type(session, {"mute_timeliness": True}, name="extraction", at=NOON)
    elif whose == "pipeline":
        amend(session, pipeline, mute_timeliness=True)
    else:
        retire_pipeline(session, "orders", at=NOON)
    assert late(session, NOON + HOUR) == late(session, NOON + HOUR, lookback=2 * HOUR) == []


def test_a_later_success_in_time_resolves_the_incident(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    ended(session, pipeline, seconds=900)
    late(session, NOON + 20 * MINUTE)
    ended(session, pipeline, start=NOON + 20 * MINUTE, seconds=900)
    ended(session, pipeline, start=NOON + 21 * MINUTE, seconds=60, succeeded=False)
    late(session, NOON + 40 * MINUTE)
    assert [state for _, state, _ in incidents(session)] == ["open"]
    ended(session, pipeline, start=NOON + 40 * MINUTE, seconds=60)
    late(session, NOON + 42 * MINUTE)
    assert incidents(session) == [(f"timeliness:{pipeline}", "resolved", 2)]


def test_a_success_does_not_resolve_while_a_late_one_runs(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    run = report_start(session, pipeline, started_at=NOON)
    late(session, NOON + 11 * MINUTE)
    ended(session, pipeline, start=NOON + 12 * MINUTE, seconds=60)
    late(session, NOON + 14 * MINUTE)
    assert [state for _, state, _ in incidents(session)] == ["open"]
    report_end(session, run, Ending(NOON + 15 * MINUTE, succeeded=False), at=NOON)
    late(session, NOON + 16 * MINUTE)
    assert [state for _, state, _ in incidents(session)] == ["resolved"]


def test_nothing_expected_any_more_resolves_the_incident(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    report_start(session, pipeline, started_at=NOON)
    late(session, NOON + HOUR)
    amend(session, pipeline, timeliness_datepart=None)
    late(session, NOON + HOUR)
    assert [state for _, state, _ in incidents(session)] == ["resolved"]


def test_each_late_run_alerts(session: Session) -> None:
    pipeline = reported(session, **QUICK)
    for number in range(3):
        ended(session, pipeline, start=NOON + number * HOUR, seconds=900)
    late(session, NOON + 3 * HOUR, lookback=4 * HOUR)
    assert (incidents(session), len(told(session))) == ([(f"timeliness:{pipeline}", "open", 3)], 3)
    assert [result.details["state"] for result in results(session, CheckKind.TIMELINESS)] == [
        ExecutionState.SUCCEEDED
    ] * 3
