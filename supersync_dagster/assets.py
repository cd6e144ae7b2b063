"""Pipelines as assets: specs from the translator, work from the resource, one job each.

No `from __future__ import annotations` here: Dagster reads the annotations of `context` and of resources as objects.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import dagster as dg

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import ConfigError
from supersync_dagster.channels import build_channel_assets
from supersync_dagster.lineage import join_specs, source_specs
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.translator import KIND, PIPELINE, PipelineData, SupersyncTranslator

ALL_JOB = "sync_all"
"""The job that runs every pipeline once."""


def build_pipeline_specs(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[dg.AssetSpec]:
    """One spec per pipeline, in order. Where one pipeline reads what another writes, it depends on that one's asset.

    Raises ConfigError when two of them have one asset key.
    """
    translator = translator or SupersyncTranslator()
    specs = [translator.get_asset_spec(data) for data in pipelines]
    _refuse_equal_keys(specs)
    return join_specs(pipelines, specs, translator)


def build_source_specs(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[dg.AssetSpec]:
    """The external assets that the pipelines read and no pipeline writes, each once."""
    translator = translator or SupersyncTranslator()
    specs = build_pipeline_specs(pipelines, translator=translator)
    needed = {dep.asset_key for spec in specs for dep in spec.deps} - {spec.key for spec in specs}
    return source_specs(pipelines, needed, translator)


def supersync_assets(
    *,
    pipelines: Sequence[PipelineData],
    name: str | None = None,
    translator: SupersyncTranslator | None = None,
    op_tags: Mapping[str, Any] | None = None,
    pool: str | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Decorate a function that runs several pipelines in one step; any of them can be run alone.

    >>> @supersync_assets(pipelines=load_pipelines("supersync.yaml"), name="warehouse")  # doctest: +SKIP
    ... def warehouse(context: dg.AssetExecutionContext, supersync: SupersyncResource):
    ...     yield from supersync.run(context)
    """
    return dg.multi_asset(
        name=name,
        specs=build_pipeline_specs(pipelines, translator=translator),
        can_subset=True,
        op_tags=op_tags,
        pool=pool,
    )


def build_pipeline_assets(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """An asset with a step of its own for each pipeline that supersync runs, a spec for each that others run.

    Channels that are synced have a graph of assets beside these, partitioned by channel.
    """
    specs = build_pipeline_specs(pipelines, translator=translator)
    channels = build_channel_assets(pipelines, lambda context: context.resources.supersync.sync_channel(context))
    each: list[dg.AssetsDefinition | dg.AssetSpec] = [
        spec if data.declaration.kind is PipelineKind.EXTERNAL else _runnable(spec, f"copy__{data.key}")
        for data, spec in zip(pipelines, specs, strict=True)
    ]
    return [*each, *channels]


def build_pipeline_jobs(
    pipelines: Sequence[PipelineData], *, translator: SupersyncTranslator | None = None
) -> list[Any]:
    """A job for each pipeline that supersync runs, and `ALL_JOB` for those that come to an end.

    They run in the process that the launcher started. A run of one pipeline carries its key as the tag
    `supersync/pipeline`, by which dagster.yaml lets one at a time run.
    """
    translator = translator or SupersyncTranslator()
    runnable = [data for data in pipelines if data.declaration.kind is not PipelineKind.EXTERNAL]
    # Checks look at what was found before, and wait for no run.
    selections = [dg.AssetSelection.assets(translator.get_asset_spec(data).key).without_checks() for data in runnable]
    jobs = [
        dg.define_asset_job(
            translator.get_job_name(data),
            selection,
            description=f"Run {data.declaration.title or data.declaration.name} once.",
            tags={PIPELINE: data.key, KIND: data.declaration.kind.value},
            executor_def=dg.in_process_executor,
        )
        for data, selection in zip(runnable, selections, strict=True)
    ]
    if not jobs:
        return []
    # A stream has no end that others could wait for.
    kinds = [data.declaration.kind for data in runnable]
    ending = [one for kind, one in zip(kinds, selections, strict=True) if kind is not PipelineKind.CDC]
    if not ending:
        return jobs
    everything = dg.define_asset_job(
        ALL_JOB,
        reduce(or_, ending),
        description="Run every sync once, one after the other; one that fails does not stop the others.",
        executor_def=dg.in_process_executor,
    )
    return [*jobs, everything]


def _runnable(spec: dg.AssetSpec, name: str) -> dg.AssetsDefinition:
    # The step has a name of its own: Dagster keeps names such as `config` and `type` for itself, and a job's is taken.
    @dg.multi_asset(name=name, specs=[spec])
    def sync(context: dg.AssetExecutionContext, supersync: SupersyncResource) -> Iterator[dg.MaterializeResult[Any]]:
        yield from supersync.run(context)

    return sync


def _refuse_equal_keys(specs: Sequence[dg.AssetSpec]) -> None:
    for key, times in Counter(spec.key for spec in specs).items():
        if times > 1:
            names = ", ".join(repr(spec.metadata.get(PIPELINE)) for spec in specs if spec.key == key)
            raise ConfigError(f"these pipelines have one asset key, {key.to_user_string()}: {names}")
