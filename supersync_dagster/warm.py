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
from dagster._core.storage.tags import GRPC_INFO_TAG
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
            if pid:
                self._instance.add_run_tags(run.run_id, {TAG: str(pid)})
                return
        super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """End the run's process, or a run that has none (yet). False: it has ended already, or nobody answers."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        # The runner's tag comes a moment after the process, the code server's before.
        if TAG not in run.tags and (GRPC_INFO_TAG in run.tags or _ask({"look": run_id}) is None):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        pid = _ask({"stop": run_id})
        if pid == 0:
            return self._close(run_id)
        return pid is not None

    def _close(self, run_id: str) -> bool:
        """End a run that nobody works on. A process that is started for it only now sees that, and does nothing."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status is not dg.DagsterRunStatus.CANCELING:
            return False
        self._instance.report_run_canceled(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether it can be asked if a run's process lives."""
        return RUNNER in os.environ

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process lives; of one that the code server has started nobody knows."""
        if TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "started by the code server, which cannot be asked")
        if not _ask({"look": run.run_id}):
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
    """The process, 0 where there is none (any more); None where no runner answers."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(TIMEOUT_S)
            client.connect(os.environ.get(RUNNER, ""))
            client.sendall(json.dumps(request).encode() + b"\n")
            pid: int | None = json.loads(client.makefile().readline())["pid"]
            return pid or 0
    except (OSError, ValueError):
        return None
