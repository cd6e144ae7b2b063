"""The private parts of Dagster that supersync stands on. They may move with any version: here one sees that first.

Only `gateway.py`, `webserver.py`, `runs.py`, `reports.py`, `storage.py` and `turns.py` use them.
"""

import re
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import requires, version
from operator import attrgetter

from supersync_core.errors import ConfigError

SEAMS = (
    # the webserver
    "dagster_webserver.webserver:DagsterWebserver.build_routes",
    "dagster_webserver.webserver:DagsterWebserver.create_asgi_app",
    "dagster._core.workspace.context:WorkspaceProcessContext.create_request_context",
    "dagster._core.workspace.context:WorkspaceProcessContext.read_only",
    "dagster._core.workspace.context:WorkspaceProcessContext.reload_code_location",
    "dagster._core.workspace.load_target:WorkspaceFileTarget",
    "dagster:DagsterInstance.optimize_for_webserver",
    "starlette._utils:get_route_path",
    # launching
    "dagster._core.workspace.context:BaseWorkspaceRequestContext.code_locations",
    "dagster._core.workspace.context:BaseWorkspaceRequestContext.code_location_names",
    "dagster._core.workspace.context:BaseWorkspaceRequestContext.get_full_job",
    "dagster._core.workspace.context:BaseWorkspaceRequestContext.get_execution_plan",
    "dagster._core.workspace.context:BaseWorkspaceRequestContext.has_code_location_error",
    "dagster._core.remote_representation.external:RemoteRepository.asset_graph",
    "dagster._core.remote_representation.external:RemoteRepository.get_sensor",
    "dagster._core.remote_representation.external:RemoteRepository.has_sensor",
    "dagster._core.remote_representation.external:RemoteSensor.metadata",
    "dagster._core.remote_representation.external:RemoteJob.get_python_origin",
    "dagster._core.remote_representation.external:RemoteJob.get_remote_origin",
    "dagster._core.remote_representation.external:RemoteJob.run_tags",
    "dagster._core.definitions.selector:JobSubsetSelector",
    "dagster:DagsterInstance.create_run",
    "dagster:DagsterInstance.submit_run",
    "dagster:DagsterInstance.run_coordinator",
    # schedules and daemons
    "dagster._core.remote_representation.external:RemoteRepository.get_schedules",
    "dagster._core.remote_representation.external:RemoteRepository.selector_id",
    "dagster._core.remote_representation.external:RemoteSchedule.get_current_instigator_state",
    "dagster._core.remote_representation.external:RemoteSchedule.metadata",
    "dagster._core.definitions.run_request:InstigatorType.SCHEDULE",
    "dagster._utils.schedules:schedule_execution_time_iterator",
    "dagster:DagsterInstance.all_instigator_state",
    "dagster:DagsterInstance.start_schedule",
    "dagster:DagsterInstance.stop_schedule",
    "dagster:DagsterInstance.get_daemon_heartbeats",
    "dagster:DagsterInstance.get_required_daemon_types",
    # events without a run
    "dagster:DagsterInstance.event_log_storage",
    "dagster:EventLogEntry",
    "dagster._core.events:StepMaterializationData",
    "dagster._core.instance.utils:RUNLESS_JOB_NAME",
    "dagster._core.instance.utils:RUNLESS_RUN_ID",
    "dagster._core.storage.event_log.base:EventLogStorage.store_event_batch",
    # sensors
    "dagster._core.remote_representation.external:RemoteRepository.get_sensors",
    "dagster._core.remote_representation.external:RemoteSensor.get_current_instigator_state",
    "dagster._core.remote_representation.external:RemoteSensor.get_remote_origin_id",
    "dagster._core.remote_representation.external:RemoteSensor.min_interval_seconds",
    "dagster._core.remote_representation.external:RemoteSensor.selector_id",
    "dagster._core.definitions.run_request:InstigatorType.SENSOR",
    "dagster._core.scheduler.instigation:InstigatorTick",
    "dagster:DagsterInstance.get_ticks",
    # storage
    "dagster_postgres:PostgresRunStorage",
    "dagster_postgres:PostgresEventLogStorage",
    "dagster_postgres.utils:pg_url_from_config",
    "dagster_postgres:PostgresScheduleStorage.has_instigators_table",
    "dagster_postgres:PostgresScheduleStorage._has_instigators_table",
    "dagster_postgres:PostgresScheduleStorage.has_built_index",
    # ticks
    "dagster:DagsterInstance.get_settings",
    "dagster:ScheduleEvaluationContext.log_key",
    "dagster:SensorEvaluationContext.log_key",
)
"""`module:name` of each."""


def check_seams(seams: Sequence[str] = SEAMS) -> None:
    """Raise ConfigError, naming the version of Dagster that is supported, unless all of them are there."""
    missing = [seam for seam in seams if not _is_there(seam)]
    if missing:
        raise ConfigError(
            f"this supersync needs dagster {supported_version()}, and dagster {version('dagster')} is installed: "
            f"it lacks {', '.join(missing)}"
        )


def supported_version() -> str:
    """As the distribution says it, such as `~=1.13.27`."""
    found = (re.fullmatch(r"dagster\s*([~=<>!].*)", requirement) for requirement in requires("supersync") or [])
    return next((match.group(1) for match in found if match), "of another version")


def _is_there(seam: str) -> bool:
    module, name = seam.split(":")
    try:
        attrgetter(name)(import_module(module))
    except (ImportError, AttributeError):
        return False
    return True
