"""Running a pipeline with real databases: what is recorded, what is refused, and what no accident can do."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Counts, ExecutionState, Progress, Trigger
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_core.domain.table_sync import Stage
from supersync_core.errors import Cancelled, ConfigError, Conflict, NotFound
from supersync_core.ledger.checkpoints import find_checkpoint
from supersync_core.ledger.lineage import select_edges
from supersync_core.ledger.lineage_tables import Address
from supersync_core.services.executions import request_cancel
from supersync_core.services.pipelines import register_pipeline, retire_pipeline
from supersync_core.services.run import ExecutionReport, run_pipeline
from tests.core.services.conftest import NOON, Scene


def run(scene: Scene, name: str = "orders", **options: Any) -> ExecutionReport:
    return run_pipeline(scene.ledger, scene.connections, name, trigger=Trigger.MANUAL, **options)


def at(stage: Stage, act: Callable[[], object]) -> Callable[[Stage], None]:
    """A callback that acts when that stage begins."""

    def on_stage(now: Stage) -> None:
        if now is stage:
            act()

    return on_stage


def test_a_success_is_recorded_as_it_is_reported(scene: Scene) -> None:
    scene.declare(source={"cursor": "changed"})
    report = run(scene, dagster_run_id="run-1")
    (row,) = scene.history()
    assert (row.id, row.public_id, row.state) == (report.execution_id, report.public_id, ExecutionState.SUCCEEDED)
    assert row.counts == report.counts == Counts(extracted=100, inserted=100)
    assert (row.watermark_before, row.watermark_after) == (None, report.watermark_after)
    assert (row.bytes, row.seconds, row.dagster_run_id) == (report.bytes, report.seconds, "run-1")
    assert scene.target_rows() == 100


def test_the_second_run_begins_where_the_first_ended(scene: Scene) -> None:
    scene.declare(source={"cursor": "changed"})
    first = run(scene)
    second = run(scene)
    assert second.watermark_before == first.watermark_after != None  # noqa: E711


def test_a_success_leaves_a_copy_of_the_checkpoint(scene: Scene) -> None:
    pipeline = scene.declare(source={"cursor": "changed"})
    report = run(scene)
    with scene.ledger.begin() as session:
        checkpoint = find_checkpoint(session, pipeline.id)
    assert checkpoint is not None
    assert (checkpoint.position["cursor"], checkpoint.execution_id) == (report.watermark_after, report.execution_id)


def test_a_success_draws_the_edge_from_source_to_target(scene: Scene) -> None:
    pipeline = scene.declare()
    run(scene)
    run(scene)
    with scene.ledger.begin() as session:
        (edge,) = select_edges(session, pipeline.id)
        ends = [session.get_one(Address, end).name for end in (edge.source_id, edge.target_id)]
    assert ends == ["source.public.orders", "target.public.orders"]


@pytest.mark.parametrize(
    ("declaration", "error"),
    [
        pytest.param({"source": {"table": "nowhere"}}, NotFound, id="no such table"),
        pytest.param({"source": {"connection": "moon"}}, ConfigError, id="a connection that is not declared"),
    ],
)
def test_a_failure_is_raised_and_recorded_and_the_next_run_may_start(
    scene: Scene, declaration: dict[str, Any], error: type[Exception]
) -> None:
    scene.declare(**declaration)
    with pytest.raises(error) as caught:
        run(scene)
    (row,) = scene.history()
    assert (row.state, row.error) == (
        ExecutionState.FAILED,
        {"type": error.__name__, "message": str(caught.value), "retryable": False},
    )
    scene.declare()
    assert run(scene).state is ExecutionState.SUCCEEDED


def test_a_run_is_refused_while_another_goes_on(scene: Scene) -> None:
    scene.declare()
    refused = []

    def again() -> None:
        with pytest.raises(
            Conflict, match=r"orders is running already, since 20.*\(execution [0-9a-f-]{36}\)"
        ) as caught:
            run(scene)
        refused.append(caught.value)

    run(scene, on_stage=at(Stage.MERGE, again))
    assert refused
    assert [row.state for row in scene.history()] == [ExecutionState.SUCCEEDED]


def refused_pipelines(scene: Scene) -> dict[str, type[Exception]]:
    with scene.ledger.begin() as session:
        register_pipeline(session, PipelineDeclaration(name="external", kind=PipelineKind.EXTERNAL), at=NOON)
    scene.declare("retired")
    with scene.ledger.begin() as session:
        retire_pipeline(session, "retired", at=NOON)
    return {"external": Conflict, "retired": NotFound, "unknown": NotFound}


@pytest.mark.parametrize("name", ["external", "retired", "unknown"])
def test_what_cannot_be_run_leaves_no_execution(scene: Scene, name: str) -> None:
    with pytest.raises(refused_pipelines(scene)[name]):
        run(scene, name)
    assert scene.history() == []


def test_a_cancel_that_is_asked_for_ends_the_run_and_writes_nothing(scene: Scene) -> None:
    scene.declare_slow()

    def cancel() -> None:
        with scene.ledger.begin() as session:
            request_cancel(session, 1, at=utcnow())

    with pytest.raises(Cancelled):
        run(scene, on_stage=at(Stage.COPY, cancel))
    (row,) = scene.history()
    assert (row.state, scene.target_rows()) == (ExecutionState.CANCELLED, None)


def interrupt(progress: Progress) -> None:
    if progress.stage == Stage.COPY.value:
        raise KeyboardInterrupt


def test_an_interrupt_cancels_the_run_and_goes_on_up(scene: Scene) -> None:
    scene.declare_slow()
    with pytest.raises(KeyboardInterrupt):
        run(scene, on_progress=interrupt)
    (row,) = scene.history()
    assert (row.state, scene.target_rows()) == (ExecutionState.CANCELLED, None)


def test_an_interrupt_after_the_commit_does_not_hide_a_success(scene: Scene) -> None:
    scene.declare()
    interrupted = threading.Event()

    def after_commit(progress: Progress) -> None:
        if progress.stage == Stage.COMMITTED.value:
            interrupted.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(scene, on_progress=after_commit, on_stage=at(Stage.COMMITTED, lambda: interrupted.wait(30)))
    (row,) = scene.history()
    assert (row.state, row.rows_inserted) == (ExecutionState.SUCCEEDED, 100)


def test_a_mistake_in_a_callback_fails_the_run(scene: Scene) -> None:
    scene.declare_slow()
    with pytest.raises(ZeroDivisionError):
        run(scene, on_progress=lambda progress: 1 / 0)
    (row,) = scene.history()
    assert (row.state, row.error and row.error["type"]) == (ExecutionState.FAILED, "ZeroDivisionError")


def test_progress_is_in_the_ledger_while_the_run_goes_on(scene: Scene) -> None:
    scene.declare_slow()
    seen: list[tuple[str | None, int]] = []

    def watch(progress: Progress) -> None:
        (row,) = scene.history()
        seen.append((row.stage, row.progress_bytes))
        if row.progress_bytes > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(scene, on_progress=watch)
    assert seen[-1][0] == Stage.COPY.value
