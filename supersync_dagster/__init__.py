"""supersync_dagster: syncs as Dagster assets, schedules, sensors and checks, and the HTTP API.

The public names are imported when they are first used, because `supersync sync` imports this package too and must not
wait for Dagster.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supersync_dagster.assets import (
        build_pipeline_assets,
        build_pipeline_jobs,
        build_pipeline_specs,
        supersync_assets,
    )
    from supersync_dagster.checks import build_pipeline_checks
    from supersync_dagster.components import SupersyncComponent
    from supersync_dagster.definitions import build_supersync_defs, load_pipelines
    from supersync_dagster.observers import build_check_sensors
    from supersync_dagster.resources import SupersyncResource
    from supersync_dagster.schedules import build_pipeline_schedules
    from supersync_dagster.sensors import build_pipeline_sensors
    from supersync_dagster.translator import PipelineData, SupersyncTranslator

__all__ = [
    "PipelineData",
    "SupersyncComponent",
    "SupersyncResource",
    "SupersyncTranslator",
    "build_check_sensors",
    "build_pipeline_assets",
    "build_pipeline_checks",
    "build_pipeline_jobs",
    "build_pipeline_schedules",
    "build_pipeline_sensors",
    "build_pipeline_specs",
    "build_supersync_defs",
    "load_pipelines",
    "supersync_assets",
]

_HOMES = {
    "PipelineData": "translator",
    "SupersyncComponent": "components",
    "SupersyncResource": "resources",
    "SupersyncTranslator": "translator",
    "build_check_sensors": "observers",
    "build_pipeline_assets": "assets",
    "build_pipeline_checks": "checks",
    "build_pipeline_jobs": "assets",
    "build_pipeline_schedules": "schedules",
    "build_pipeline_sensors": "sensors",
    "build_pipeline_specs": "assets",
    "build_supersync_defs": "definitions",
    "load_pipelines": "definitions",
    "supersync_assets": "assets",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module (PEP 562). Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The names that are here already, and those that would be imported."""
    return sorted({*globals(), *_HOMES})
