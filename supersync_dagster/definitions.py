"""The code location of supersync, and its definitions as a library: `dagster dev -m supersync_dagster.definitions`."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration
from supersync_core.errors import ConfigError, Unavailable
from supersync_core.ledger.database import SchemaState, migrate, schema_state
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.configuration import Configuration, apply_configuration
from supersync_core.services.historical_sync.agencies import is_template
from supersync_core.services.lineage import Flow, reported_flows
from supersync_core.services.pipeline_types import list_pipeline_types
from supersync_core.services.pipelines import Pipeline, declaration_of, list_pipelines
from supersync_core.services.standings import declared_checks
from supersync_dagster.assets import build_pipeline_assets, build_pipeline_jobs, build_source_specs
from supersync_dagster.checks import build_pipeline_checks
from supersync_dagster.observers import build_check_sensors
from supersync_dagster.openlineage.sensor import build_openlineage_sensors
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.schedules import build_pipeline_schedules
from supersync_dagster.sensors import build_pipeline_sensors
from supersync_dagster.snapshot import read_snapshot, write_snapshot
from supersync_dagster.translator import PipelineData, SupersyncTranslator

logger = logging.getLogger(__name__)

SNAPSHOT = "pipelines.json"
"""File in the data directory with the pipelines of the last good load."""


def build_supersync_defs(
    config: str | Path | None = None,
    *,
    translator: SupersyncTranslator | None = None,
    resource: SupersyncResource | None = None,
) -> dg.Definitions:
    """Everything supersync has for Dagster: assets, checks, jobs, schedules, sensors and the resource `supersync`.

    Writes the configuration at `config` (default: SUPERSYNC_CONFIG, else supersync.yaml) into the ledger and reads the
    pipelines from there. Merge the result with definitions of your own. Raises ConfigError for a file that is wrong,
    and for a ledger that waits for `supersync migrate`.

    >>> defs = dg.Definitions.merge(my_defs, build_supersync_defs("supersync.yaml"))  # doctest: +SKIP
    """
    resource = resource or SupersyncResource(config_path=str(Path(config).resolve()) if config else None)
    translator = translator or SupersyncTranslator()
    pipelines = load_pipelines(resource)
    jobs = build_pipeline_jobs(pipelines, translator=translator)
    return dg.Definitions(
        assets=[
            *build_pipeline_assets(pipelines, translator=translator),
            *build_source_specs(pipelines, translator=translator),
        ],
        asset_checks=build_pipeline_checks(pipelines, translator=translator),
        jobs=jobs,
        schedules=build_pipeline_schedules(pipelines, translator=translator),
        sensors=[
            *build_pipeline_sensors(pipelines, jobs=jobs, translator=translator),
            *build_check_sensors(pipelines, translator=translator, settings=resource.settings()),
            *build_openlineage_sensors(resource.configuration()),
        ],
        resources={"supersync": resource},
    )


def load_pipelines(resource: SupersyncResource) -> Sequence[PipelineData]:
    """The ledger's pipelines, once the configuration is written there.

    While the ledger cannot be reached they are those of the last good load, or without one those of the configuration.
    Raises ConfigError.
    """
    found = resource.configuration()
    configuration = found or Configuration()
    types = {name: connection.type for name, connection in configuration.connections.items()}
    snapshot = resource.settings().data_dir / SNAPSHOT
    try:
        pipelines = _from_ledger(resource, found, types)
    except Unavailable as error:
        logger.warning("the pipelines are those of the last load, because %s", error)
        declared = [
            PipelineData(pipeline.declaration(), connection_types=types) for pipeline in configuration.pipelines
        ]
        return read_snapshot(snapshot) or declared
    try:
        write_snapshot(snapshot, pipelines)
    except OSError as error:
        logger.warning("the pipelines are not kept for a time without the ledger: %s", error)
    return pipelines


def _from_ledger(
    resource: SupersyncResource, configuration: Configuration | None, types: Mapping[str, str]
) -> list[PipelineData]:
    ledger = resource.ledger()
    _prepare(ledger.url)
    if configuration is not None:
        apply_configuration(ledger, configuration, utcnow(), lambda: open_vault(resource.settings()))
    page = resource.pages()
    with ledger.begin() as session:
        flows = reported_flows(session)
        types_by_id = {type_.id: type_ for type_ in list_pipeline_types(session)}
        return [
            PipelineData(
                declaration,
                scheduled=pipeline.desired_state is DesiredState.RUNNING
                and (pipeline.schedule is None or pipeline.schedule.enabled),
                connection_types=types,
                reads=flows.get(pipeline.id, Flow()).reads,
                writes=flows.get(pipeline.id, Flow()).writes,
                watermark=pipeline.watermark,
                page=page(pipeline.name),
                checks=declared_checks(pipeline, types_by_id.get(pipeline.type_id or 0)),
            )
            for pipeline in list_pipelines(session)
            if not is_template(pipeline) and (declaration := _declaration(pipeline))
        ]


def _declaration(pipeline: Pipeline) -> PipelineDeclaration | None:
    """None for a pipeline that somebody has reported under a name that Dagster cannot show: the others still load."""
    try:
        return declaration_of(pipeline)
    except ConfigError as error:
        logger.warning("pipeline %s is not shown in Dagster: %s", pipeline.id, error)
        return None


def _prepare(url: str) -> None:
    """Create the schema of an empty ledger. Any other schema is an operator's to change: raises ConfigError."""
    state = schema_state(url)
    if state is SchemaState.EMPTY:
        migrate(url)
    elif state is SchemaState.BEHIND:
        raise ConfigError("the ledger's schema is older than this supersync: run `supersync migrate`, then reload")
    elif state is SchemaState.AHEAD:
        raise ConfigError("the ledger's schema is newer than this supersync: upgrade supersync")


@dg.definitions
def defs() -> dg.Definitions:
    """The code location: syncs run in the process that the launcher starts for a run, from the UI as well."""
    return dg.Definitions.merge(build_supersync_defs(), dg.Definitions(executor=dg.in_process_executor))
