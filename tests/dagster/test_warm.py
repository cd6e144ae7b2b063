"""Runs that the runner has started, as Dagster's launcher sees them."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from supersync_dagster.warm import RUNNER, TAG, WarmRunLauncher
from tests.dagster.instances import new_instance


class Runner:
    """Answers as a runner does that has started one run, and keeps what it was asked."""

    def __init__(self, path: Path, started: str) -> None:
        self.asked: list[dict[str, Any]] = []
        self._started = started
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                with client:
                    request = json.loads(client.makefile().readline())
                    self.asked.append(request)
                    pid = 7 if self._started in request.values() else None
                    client.sendall(json.dumps({"pid": pid}).encode() + b"\n")

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()


@dg.job
def nothing() -> None: ...


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with new_instance() as instance:
        yield instance


@pytest.fixture
def launcher(instance: dg.DagsterInstance) -> WarmRunLauncher:
    launcher = WarmRunLauncher()
    launcher.register_instance(instance)
    return launcher


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    return instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTING)


@pytest.fixture
def runner(run: dg.DagsterRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv(RUNNER, str(tmp_path / "runner"))
    runner = Runner(tmp_path / "runner", run.run_id)
    yield runner
    runner.close()


def status_of(run: dg.DagsterRun, instance: dg.DagsterInstance) -> dg.DagsterRunStatus:
    now = instance.get_run_by_id(run.run_id)
    assert now is not None
    return now.status


def test_a_run_is_ended_as_soon_as_it_has_a_process(
    instance: dg.DagsterInstance, launcher: WarmRunLauncher, run: dg.DagsterRun, runner: Runner
) -> None:
    assert launcher.terminate(run.run_id)
    assert runner.asked[-1] == {"stop": run.run_id}
    assert status_of(run, instance) is dg.DagsterRunStatus.CANCELING


@pytest.mark.parametrize("tags", [{}, {TAG: "7"}], ids=["not yet", "any more"])
@pytest.mark.usefixtures("runner")
def test_a_run_that_has_no_process_is_closed_at_once(
    instance: dg.DagsterInstance, launcher: WarmRunLauncher, tags: dict[str, str]
) -> None:
    other = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTING, tags=tags)
    assert launcher.terminate(other.run_id)
    assert status_of(other, instance) is dg.DagsterRunStatus.CANCELED


def test_a_process_for_a_run_that_was_closed_does_nothing(instance: dg.DagsterInstance) -> None:
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.CANCELED)
    assert [event.event_type for event in execute_run_iterator(InMemoryJob(nothing), run, instance)] == [
        dg.DagsterEventType.ENGINE_EVENT
    ]


@pytest.mark.usefixtures("runner")
def test_a_run_that_has_ended_is_not_ended_again(instance: dg.DagsterInstance, launcher: WarmRunLauncher) -> None:
    other = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.SUCCESS)
    assert not launcher.terminate(other.run_id)
    assert status_of(other, instance) is dg.DagsterRunStatus.SUCCESS


def test_without_an_answer_nobody_says_that_a_run_is_ended(
    instance: dg.DagsterInstance, launcher: WarmRunLauncher, run: dg.DagsterRun
) -> None:
    assert not launcher.terminate(run.run_id)
    assert status_of(run, instance) is dg.DagsterRunStatus.CANCELING
