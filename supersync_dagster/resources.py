"""The resource through which assets, schedules and sensors reach the ledger and run pipelines.

No `from __future__ import annotations` here: Dagster reads the annotations of a resource's fields as objects.
"""

import atexit
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import dagster as dg
from pydantic import Field

from supersync_core.domain.execution import Progress, Trigger
from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.errors import AbortError, Cancelled
from supersync_core.ledger.database import Ledger, open_ledger
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.configuration import Configuration, load_configuration
from supersync_core.services.pipelines import get_pipeline, list_pipelines
from supersync_core.services.run import ExecutionReport, run_pipeline
from supersync_core.services.settings import Settings, ledger_url
from supersync_dagster.channels import name_of, stage_key, stage_metadata, tell_stages
from supersync_dagster.runs import execution_of
from supersync_dagster.streaming import AnyContext, StreamTeller
from supersync_dagster.translator import PIPELINE

PROGRESS_INTERVAL_S = 10.0
"""A run's log gets a line of progress at most this often."""
BY_CLOCK = ("dagster/schedule_name", "dagster/sensor_name")
"""Tags of runs that a schedule or a sensor has asked for."""


class SupersyncResource(dg.ConfigurableResource[Any]):
    """Where the ledger and the connections are. Every field that is not set comes from the environment."""

    config_path: str | None = Field(
        default=None, description="supersync.yaml, which declares the connections. Else SUPERSYNC_CONFIG."
    )
    database_url: str | None = Field(
        default=None,
        description="The ledger, as dg.EnvVar(...): Dagster shows literal values. Else SUPERSYNC_DATABASE_URL, else an "
        "embedded PostgreSQL in the data directory.",
    )
    data_dir: str | None = Field(default=None, description="The data directory. Else SUPERSYNC_DATA_DIR.")
    base_url: str | None = Field(
        default=None, description="Address of the web pages, for links in the UI. Else SUPERSYNC_BASE_URL."
    )

    def settings(self) -> Settings:
        """The fields that are set, over the environment."""
        fields = {
            "config": self.config_path,
            "database_url": self.database_url,
            "data_dir": self.data_dir,
            "base_url": self.base_url,
        }
        return Settings(**{name: value for name, value in fields.items() if value is not None})  # type: ignore[arg-type]

    def ledger(self) -> Ledger:
        """The ledger, open for the life of this process."""
        return _open_ledger(self.settings())

    def configuration(self) -> Configuration | None:
        """The configuration file; None where nobody has named one and the default is not there. Raises ConfigError.

        None is not an empty file, which would retire every pipeline.
        """
        settings = self.settings()
        if "config" not in settings.model_fields_set and not settings.config.exists():
            return None
        return load_configuration(settings.config)

    def run(self, context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Run the pipelines of the selected assets, one after the other; a result with its counts for each.

        The same service runs them as for `supersync run`: Conflict when one is running already, and a run that is
        terminated ends as a cancelled execution, and the other way round. What no retry can change fails the step at
        once.
        """
        specs = context.assets_def.specs_by_key
        for key in [key for key in specs if key in context.selected_asset_keys]:
            metadata = self._run(context, str(specs[key].metadata[PIPELINE]), key)
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    def stream(self, context: dg.OpExecutionContext) -> None:
        """Run the pipeline that the run's tag names, whatever assets are loaded; it materialises its asset.

        Raises Failure for a run without that tag, or of a pipeline that is not there.
        """
        key = context.run.tags.get(PIPELINE, "")
        with self.ledger().begin() as session:
            name = next((one.name for one in list_pipelines(session) if dagster_key(one.name) == key), None)
        if name is None:
            raise dg.Failure(f"there is no pipeline with the key {key!r}", allow_retries=False)
        metadata = self._run(context, name, dg.AssetKey([key]))
        context.log_event(dg.AssetMaterialization(dg.AssetKey([key]), metadata=metadata))

    def sync_channel(self, context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Sync the channel whose partition is asked for: a result for each stage, and its pipeline's asset as well."""
        key = context.partition_key
        name = name_of(self.ledger(), key)
        metadata = self._run(context, name, dg.AssetKey([key]), graphed=True)
        context.log_event(dg.AssetMaterialization(dg.AssetKey([key]), metadata=metadata))
        for stage, told in stage_metadata(self.ledger(), name).items():
            yield dg.MaterializeResult(asset_key=stage_key(stage), metadata=told)

    def pages(self) -> Callable[[str], str]:
        """Says the address of the page of the pipeline with a name. The settings are read once: it takes a while."""
        base_url = self.settings().base_url.rstrip("/")
        return lambda name: f"{base_url}/supersync/pipelines/{dagster_key(name)}"

    def _run(self, context: AnyContext, name: str, asset_key: dg.AssetKey, *, graphed: bool = False) -> dict[str, Any]:
        """Run a pipeline; what its materialisation says. `graphed`: the run tells of a channel's stages itself."""
        configuration, settings, page = self.configuration(), self.settings(), self.pages()(name)
        with self.ledger().begin() as session:
            kind = get_pipeline(session, name).kind
        streams = kind is PipelineKind.CDC
        teller = StreamTeller(self.ledger(), name, page)
        with _failures(context, page):
            report = run_pipeline(
                self.ledger(),
                configuration.connections if configuration else {},
                name,
                trigger=Trigger.SCHEDULE if any(tag in context.run.tags for tag in BY_CLOCK) else Trigger.MANUAL,
                # A step that Dagster tries again has closed the execution that the run was for.
                execution_id=None if context.retry_number else execution_of(context.run, dagster_key(name)),
                dagster_run_id=context.run.run_id,
                vault=lambda: open_vault(settings),
                on_progress=teller.on_progress(context, asset_key)
                if streams
                else progress_logger(name, context.log.info),
            )
        if kind is PipelineKind.CHANNEL_SYNC and not graphed:
            tell_stages(context, self.ledger(), name)
        return teller.metadata() if streams else materialization_metadata(report, page)


def materialization_metadata(report: ExecutionReport, page: str) -> dict[str, Any]:
    """What a run did, as metadata: numbers are plotted by the UI over time. Units are in the names."""
    counts = report.counts
    metadata: dict[str, Any] = {
        "rows_extracted": counts.extracted,
        "rows_inserted": counts.inserted,
        "rows_updated": counts.updated,
        "rows_unchanged": counts.unchanged,
        "rows_deleted": counts.deleted,
        "bytes": report.bytes,
        "seconds": round(float(report.seconds), 3),
        "rows_per_s": round(counts.extracted / report.seconds, 1) if report.seconds else 0.0,
        "execution": str(report.public_id),
        "page": dg.MetadataValue.url(page),
    }
    if report.watermark_after is not None:
        metadata["watermark"] = report.watermark_after
    if report.complete:
        metadata["dagster/row_count"] = counts.extracted
    return metadata


def progress_logger(
    name: str, log: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[Progress], None]:
    """A callback that logs how far the pipeline is, at most every `PROGRESS_INTERVAL_S`. `clock` gives seconds."""
    last = clock()

    def on_progress(progress: Progress) -> None:
        nonlocal last
        if clock() - last < PROGRESS_INTERVAL_S:
            return
        last = clock()
        log(
            f"{name}: {progress.stage}, {progress.rows:,} rows, {progress.bytes / 1e6:,.1f} MB, "
            f"{progress.rows_per_s:,.0f} rows/s"
        )

    return on_progress


@contextmanager
def _failures(context: AnyContext, page: str) -> Iterator[None]:
    """Say in Dagster's words what asking again cannot change. A RetryError passes, for a retry policy to see it."""
    try:
        yield
    except AbortError as error:
        if isinstance(error, Cancelled) and PIPELINE in context.run.tags:
            # Dagster shows a run as cancelled only when it knew of the wish before the end.
            context.instance.report_run_canceling(context.run, f"Cancelled through supersync: {page}")
        metadata = {"error": dg.MetadataValue.text(type(error).__name__), "page": dg.MetadataValue.url(page)}
        raise dg.Failure(description=str(error), metadata=metadata, allow_retries=False) from error


@cache
def _open_ledger(settings: Settings) -> Ledger:
    """One ledger per process and place: its pool, and where it is embedded the server, stay until the process ends."""
    ledger = open_ledger(_AT_EXIT.enter_context(ledger_url(settings)))
    _AT_EXIT.callback(ledger.dispose)
    return ledger


_AT_EXIT = ExitStack()
atexit.register(_AT_EXIT.close)
