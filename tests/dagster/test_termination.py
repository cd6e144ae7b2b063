"""Runs that somebody ends, and runs that meet another one."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import dagster as dg
import pytest

from supersync_core.clock import utcnow
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.ledger.tables import Execution
from supersync_core.services.executions import list_executions, request_cancel
from tests.dagster.conftest import ORDERS, Project
from tests.dagster.instances import new_instance

SLEEPING = {
    **ORDERS,
    "source": {"connection": "shop", "sql": "SELECT 1 AS id, pg_sleep(120)::text AS note"},
    "target": {**ORDERS["target"], "primary_key": "id"},
}
RUN = """
import sys
from supersync_dagster import SupersyncResource, build_supersync_defs
folder, url = sys.argv[1:]
resource = SupersyncResource(config_path=f"{folder}/supersync.yaml", database_url=url, data_dir=folder)
build_supersync_defs(resource=resource).resolve_job_def("sync__orders").execute_in_process()
"""


def newest(project: Project) -> Execution | None:
    with project.resource.ledger().begin() as session:
        found = list_executions(session, HistoryFilter(), limit=1)[0]
    return found[0] if found else None


def wait_for(project: Project, wanted: Callable[[Execution], bool]) -> Execution:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        execution = newest(project)
        if execution is not None and wanted(execution):
            return execution
        time.sleep(0.05)
    raise AssertionError(f"the execution did not come so far: {newest(project)}")


def is_copying(execution: Execution) -> bool:
    return execution.state is ExecutionState.RUNNING and execution.stage == "copy"


@pytest.fixture
def sleeping(project: Project) -> Project:
    project.declare(SLEEPING)
    project.build()
    return project


@contextmanager
def run_in_thread(project: Project, instance: dg.DagsterInstance) -> Iterator[Thread]:
    """A run that has begun to copy; it is cancelled at the end."""
    thread = Thread(target=lambda: project.run(instance=instance, raise_on_error=False))
    thread.start()
    execution = wait_for(project, is_copying)
    try:
        yield thread
    finally:
        with project.resource.ledger().begin() as session:
            if not session.get_one(Execution, execution.id).state.is_final:
                request_cancel(session, execution.id, at=utcnow())
        thread.join(30)
        assert not thread.is_alive()


def test_a_second_run_at_the_same_time_is_refused(sleeping: Project) -> None:
    with new_instance() as instance, run_in_thread(sleeping, instance):
        result = sleeping.run(raise_on_error=False)
        (failure,) = [event for event in result.all_events if event.is_step_failure]
        data = failure.step_failure_data.user_failure_data
        assert data is not None
        assert data.metadata["error"].value == "Conflict"


def test_a_cancel_in_the_ledger_cancels_the_dagster_run(sleeping: Project) -> None:
    with new_instance() as instance:
        with run_in_thread(sleeping, instance):
            pass
        (record,) = instance.get_run_records()
        assert record.dagster_run.status is dg.DagsterRunStatus.CANCELED


def test_terminating_the_run_cancels_the_execution_within_two_seconds(sleeping: Project) -> None:
    process = subprocess.Popen([sys.executable, "-c", RUN, str(sleeping.folder), sleeping.database_url])
    try:
        wait_for(sleeping, is_copying)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)  # what Dagster's code server sends when a run is terminated
        closed = wait_for(sleeping, lambda execution: execution.state.is_final)
        assert (closed.state, time.monotonic() - begun < 2.5) == (ExecutionState.CANCELLED, True)
    finally:
        process.kill()
        process.wait()
