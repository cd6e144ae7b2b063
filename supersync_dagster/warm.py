"""WarmRunLauncher: Dagster's own launcher, with runs of supersync's pipelines started by the runner where there is one.

`supersync dev` starts a runner and says in SUPERSYNC_RUNNER where it listens. Everywhere else, and for runs of other
code locations, this is Dagster's `DefaultRunLauncher`.
"""

import json
import os
import socket
import sys
from typing import Any

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._serdes import serialize_value

RUNNER = "SUPERSYNC_RUNNER"
"""The variable that names the runner's socket."""
TAG = "supersync/runner"
"""Tag of a run that the runner has started: its process."""
OURS = "supersync_dagster.definitions"
TIMEOUT_S = 10.0


class WarmRunLauncher(DefaultRunLauncher):
    """As `DefaultRunLauncher`; and runs of `OURS` begin within a moment where a runner answers."""

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process."""
        run = context.dagster_run
        if _is_ours(run):
            reference = serialize_value(self._instance.get_ref())
            pid = _ask({"start": run.run_id, "instance": reference})
            if pid is not None:
                self._instance.add_run_tags(run.run_id, {TAG: str(pid)})
                return
        super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """End the run's process. False: it has ended already, or is not there yet."""
        run = self._instance.get_run_by_id(run_id)
        # The tag comes a moment after the process.
        if run is None or (TAG not in run.tags and _ask({"look": run_id}) is None):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        if run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return _ask({"stop": run_id}) is not None

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether it can be asked if a run's process lives."""
        return RUNNER in os.environ

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; of one that the code server has started nobody knows."""
        if TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "started by the code server, which cannot be asked")
        if _ask({"look": run.run_id}) is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"process {run.tags[TAG]} has ended")
        return CheckRunHealthResult(WorkerStatus.RUNNING, f"process {run.tags[TAG]}")


def _is_ours(run: dg.DagsterRun) -> bool:
    origin = run.job_code_origin
    if RUNNER not in os.environ or origin is None:
        return False
    repository = origin.repository_origin
    pointer = repository.code_pointer
    return (
        repository.executable_path == sys.executable
        and isinstance(pointer, ModuleCodePointer)
        and pointer.module == OURS
    )


def _ask(request: dict[str, Any]) -> int | None:
    """What the runner answers; None where it does not."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(os.environ.get(RUNNER, ""))
            client.sendall(json.dumps(request).encode() + b"\n")
            pid: int | None = json.loads(client.makefile().readline())["pid"]
            return pid
    except (OSError, ValueError):
        return None
