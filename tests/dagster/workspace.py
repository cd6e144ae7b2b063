"""A Dagster workspace over a project, in this process: what a webserver has, without servers."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import (
    InProcessWorkspaceLoadTarget,
    PythonFileTarget,
    WorkspaceLoadTarget,
)
from dagster._daemon.types import DaemonHeartbeat

from supersync_core.clock import utcnow
from supersync_dagster.gateway import NEEDED_DAEMONS, DagsterGateway
from tests.dagster.conftest import Project
from tests.dagster.instances import new_instance

DEFINITIONS = """
from supersync_dagster import SupersyncResource, build_supersync_defs
defs = build_supersync_defs(resource=SupersyncResource(config_path={config!r}, database_url={url!r}, data_dir={data!r}))
"""
QUEUE = {
    "run_coordinator": {
        "module": "dagster._core.run_coordinator.queued_run_coordinator",
        "class": "QueuedRunCoordinator",
    }
}


@contextmanager
def workspace(project: Project, *, read_only: bool = False, served: bool = False) -> Iterator[WorkspaceProcessContext]:
    """The project's code location, on an instance of its own that queues runs and has no daemon.

    `served`: by a code server, which takes seconds to start and can be reloaded.
    """
    # Dagster loads a file once in a process, and the folder of one test may be that of an earlier one again.
    file = project.folder / f"definitions_{uuid.uuid4().hex}.py"
    file.write_text(
        DEFINITIONS.format(
            config=str(project.folder / "supersync.yaml"), url=project.database_url, data=str(project.folder)
        )
    )
    target: WorkspaceLoadTarget
    if served:
        target = PythonFileTarget(
            str(file), attribute=None, working_directory=str(project.folder), location_name="ours"
        )
    else:
        loadable = LoadableTargetOrigin(python_file=str(file), working_directory=str(project.folder))
        target = InProcessWorkspaceLoadTarget([InProcessCodeLocationOrigin(loadable, None, location_name="ours")])
    with (
        new_instance(QUEUE) as instance,
        WorkspaceProcessContext(instance, workspace_load_target=target, read_only=read_only) as process_context,
    ):
        yield process_context


class InProcessGateway(DagsterGateway):
    """What is loaded in this process cannot be loaded anew."""

    def reload(self) -> None:
        """Nothing."""


def beat(instance: dg.DagsterInstance, *, seconds_ago: float = 0, without: str | None = None) -> None:
    """Let the daemons have given a sign of life."""
    at = utcnow().timestamp() - seconds_ago
    for daemon in NEEDED_DAEMONS - {without}:
        instance.add_daemon_heartbeat(DaemonHeartbeat(at, daemon, "test"))
