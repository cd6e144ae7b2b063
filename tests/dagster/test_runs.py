from datetime import datetime, timezone

import dagster as dg
import pytest

from supersync_dagster.runs import execution_of, is_preview
from supersync_dagster.translator import EXECUTION, PIPELINE

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
OURS = {PIPELINE: "orders", EXECUTION: "7"}


def schedule_context(log_key: list[str] | None) -> dg.ScheduleEvaluationContext:
    """As Dagster makes it for a tick of a schedule in a repository."""
    return dg.ScheduleEvaluationContext(
        instance_ref=None,
        scheduled_execution_time=NOON,
        repository_name="__repository__",
        schedule_name="nightly",
        log_key=log_key,
    )


@pytest.mark.parametrize(
    ("log_key", "preview"),
    [
        pytest.param(["__repository__", "nightly", "17"], False, id="a tick of the daemon has a number"),
        pytest.param(None, True, id="a tick that is tested in the UI has none"),
    ],
)
def test_a_tick_that_is_only_tested_is_known(log_key: list[str] | None, preview: bool) -> None:
    assert is_preview(schedule_context(log_key)) is preview


def test_a_tick_in_a_test_of_somebodys_project_counts() -> None:
    assert not is_preview(dg.build_schedule_context(scheduled_execution_time=NOON))


@pytest.mark.parametrize(
    ("run", "execution"),
    [
        pytest.param(dg.DagsterRun("sync__orders", tags=OURS), 7, id="it was launched for one"),
        pytest.param(dg.DagsterRun("sync__orders", tags={PIPELINE: "orders"}), None, id="started in the UI"),
        pytest.param(dg.DagsterRun("sync__others", tags={**OURS, PIPELINE: "others"}), None, id="another pipeline's"),
        pytest.param(dg.DagsterRun("sync__orders", tags={**OURS, EXECUTION: "x"}), None, id="a tag by hand"),
        pytest.param(
            dg.DagsterRun("sync__orders", tags=OURS, parent_run_id="first", root_run_id="first"),
            None,
            id="a repetition",
        ),
    ],
)
def test_a_run_takes_up_the_execution_that_it_was_launched_for(run: dg.DagsterRun, execution: int | None) -> None:
    assert execution_of(run, "orders") == execution
