import dagster as dg
import pytest

from supersync_core.domain.execution import ExecutionState, Progress, Trigger
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.services.executions import list_executions
from supersync_dagster.resources import progress_logger
from tests.dagster.conftest import ORDERS, Project


def metadata(result: dg.ExecuteInProcessResult, key: str = "orders") -> dict[str, object]:
    (materialization,) = result.asset_materializations_for_node(f"copy__{key}")
    return {name: value.value for name, value in materialization.metadata.items()}


def executions(project: Project) -> list[tuple[ExecutionState, Trigger | None, str | None]]:
    with project.resource.ledger().begin() as session:
        found = list_executions(session, HistoryFilter())[0]
    return [(execution.state, execution.trigger, execution.dagster_run_id) for execution in found]


def test_a_run_copies_the_table(project: Project) -> None:
    assert project.run().success
    with project.target() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT note) FROM orders")
        assert cursor.fetchone() == (1000, 1000)


def test_a_run_leaves_an_execution_that_names_it(project: Project) -> None:
    run_id = project.run().run_id
    assert executions(project) == [(ExecutionState.SUCCEEDED, Trigger.MANUAL, run_id)]


def test_the_first_materialisation_counts_every_row(project: Project) -> None:
    found = metadata(project.run())
    counts = {key: found[key] for key in found if key.startswith("rows_") and key != "rows_per_s"}
    assert counts == {
        "rows_extracted": 1000,
        "rows_inserted": 1000,
        "rows_updated": 0,
        "rows_unchanged": 0,
        "rows_deleted": 0,
    }
    assert found["dagster/row_count"] == 1000


def test_the_second_materialisation_counts_what_changed(project: Project) -> None:
    project.run()
    with project.source() as cursor:
        cursor.execute("UPDATE orders SET note = 'new' WHERE id <= 10")
        cursor.execute("INSERT INTO orders VALUES (1001, 'more', now())")
    found = metadata(project.run())
    assert (found["rows_inserted"], found["rows_updated"], found["rows_unchanged"]) == (1, 10, 990)


@pytest.mark.parametrize("label", ["seconds", "rows_per_s"])
def test_measures_are_floats_that_the_ui_plots(project: Project, label: str) -> None:
    value = metadata(project.run())[label]
    assert isinstance(value, float)
    assert value > 0


def test_the_materialisation_links_to_the_page_of_its_pipeline(project: Project) -> None:
    assert metadata(project.run())["page"] == "http://127.0.0.1:3000/supersync/pipelines/orders"


def test_an_incremental_run_shows_its_watermark_and_no_row_count(project: Project) -> None:
    project.declare({**ORDERS, "source": {**ORDERS["source"], "cursor": "id"}})
    project.run()
    with project.source() as cursor:
        cursor.execute("INSERT INTO orders VALUES (1001, 'more', now())")
    found = metadata(project.run())
    assert (found["watermark"], "dagster/row_count" in found) == ("1001", False)


def test_a_run_that_a_schedule_asked_for_says_so(project: Project) -> None:
    result = project.run(tags={"dagster/schedule_name": "sync__orders__schedule"})
    assert executions(project) == [(ExecutionState.SUCCEEDED, Trigger.SCHEDULE, result.run_id)]


def test_a_failure_names_its_cause_and_the_page(project: Project) -> None:
    with project.source() as cursor:
        cursor.execute("DROP TABLE orders")
    (failure,) = [e for e in project.run(raise_on_error=False).all_events if e.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert (data.description, data.metadata["error"].value) == (
        "the source has no table public.orders, or it may not be read",
        "NotFound",
    )


def test_what_asking_again_cannot_change_is_not_retried(project: Project) -> None:
    with project.source() as cursor:
        cursor.execute("DROP TABLE orders")
    patient = dg.define_asset_job("patient", op_retry_policy=dg.RetryPolicy(max_retries=2))
    job = dg.Definitions.merge(project.build(), dg.Definitions(jobs=[patient])).resolve_job_def("patient")
    job.execute_in_process(raise_on_error=False)
    assert [state for state, _, _ in executions(project)] == [ExecutionState.FAILED]


def test_one_pipeline_that_fails_does_not_stop_the_others(project: Project) -> None:
    lost = {**ORDERS, "name": "lost", "source": {**ORDERS["source"], "table": "public.lost"}}
    project.declare(lost, {**ORDERS, "name": "zz_orders"})
    result = project.run("sync_all", raise_on_error=False)
    assert not result.success
    assert metadata(result, "zz_orders")["rows_extracted"] == 1000


def test_progress_is_logged_at_most_every_ten_seconds() -> None:
    lines: list[str] = []
    times = iter([0.0, 1.0, 9.9, 10.0, 10.0, 11.0, 20.5, 20.5])
    log = progress_logger("orders", lines.append, clock=lambda: next(times))
    for rows in (1, 2, 3, 4, 5):
        log(Progress("copy", rows * 1_000_000, 12_300_000, 50_000.0))
    assert lines == [
        "orders: copy, 3,000,000 rows, 12.3 MB, 50,000 rows/s",
        "orders: copy, 5,000,000 rows, 12.3 MB, 50,000 rows/s",
    ]
