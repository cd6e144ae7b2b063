"""Syncs of channels as one asset graph, partitioned by channel: messages, facts, graph, wiki.

It stands beside the asset of each channel's pipeline: whichever of the two a run is for, it materialises both. No
`from __future__ import annotations` here: Dagster reads the annotations of `context` and of resources as objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from supersync_core.domain.pipeline import PipelineKind, dagster_key
from supersync_core.errors import NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.services.channel_sync.jobs import Job, read_last_job
from supersync_core.services.pipelines import list_pipelines
from supersync_dagster.translator import KIND, PipelineData

CHANNELS = dg.DynamicPartitionsDefinition(name="supersync_channels")
"""One partition for each channel that a pipeline syncs: the pipeline's key."""
GROUP = PipelineKind.CHANNEL_SYNC.value
STAGES = {
    "messages": "Messages as their platform has them.",
    "facts": "What the messages say.",
    "graph": "Entities that the facts name, what they say of each two, and topics.",
    "wiki": "Pages made from all of it, with citations.",
}
"""The assets, each of which depends on the one before."""
STEP = "sync_channel"


def stage_key(stage: str) -> dg.AssetKey:
    """The key of an asset; in two parts, as no pipeline's is."""
    return dg.AssetKey([GROUP, stage])


def stage_specs() -> list[dg.AssetSpec]:
    """The graph's assets, in order."""
    stages = list(STAGES)
    before = dict(zip(stages[1:], stages, strict=False))
    return [
        dg.AssetSpec(
            stage_key(stage),
            deps=[stage_key(before[stage])] if stage in before else [],
            description=words,
            group_name=GROUP,
            metadata={KIND: GROUP},
            partitions_def=CHANNELS,
        )
        for stage, words in STAGES.items()
    ]


def build_channel_assets(pipelines: Sequence[PipelineData], run: Any) -> list[dg.AssetsDefinition]:
    """The graph, where any pipeline syncs a channel. `run`: called with the step's context, it gives its results."""
    if all(data.declaration.kind is not PipelineKind.CHANNEL_SYNC for data in pipelines):
        return []

    @dg.multi_asset(name=STEP, specs=stage_specs(), partitions_def=CHANNELS, required_resource_keys={"supersync"})
    def sync_channel(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        yield from run(context)

    return [sync_channel]


def channel_keys(ledger: Ledger) -> dict[str, str]:
    """The names of the pipelines that sync channels, by their keys."""
    with ledger.begin() as session:
        names = [pipeline.name for pipeline in list_pipelines(session, kind=PipelineKind.CHANNEL_SYNC)]
    return {dagster_key(name): name for name in names}


def show_channels(instance: dg.DagsterInstance, ledger: Ledger) -> None:
    """Let Dagster have a partition for each channel; one that is gone keeps its own, for its history."""
    keys = channel_keys(ledger)
    missing = sorted(set(keys) - set(instance.get_dynamic_partitions(str(CHANNELS.name)))) if keys else []
    if missing:
        instance.add_dynamic_partitions(str(CHANNELS.name), missing)


def stage_metadata(ledger: Ledger, name: str) -> Mapping[str, dict[str, Any]]:
    """What the last sync of a pipeline has done, by stage."""
    with ledger.begin() as session:
        job = read_last_job(session, name)
    return _metadata(job)


def tell_stages(context: Any, ledger: Ledger, name: str) -> None:
    """Materialise the graph's assets for a channel that another run than theirs has synced."""
    show_channels(context.instance, ledger)
    for stage, metadata in stage_metadata(ledger, name).items():
        context.log_event(dg.AssetMaterialization(stage_key(stage), metadata=metadata, partition=dagster_key(name)))


def name_of(ledger: Ledger, key: str) -> str:
    """The pipeline of a partition. Raises NotFound."""
    name = channel_keys(ledger).get(key)
    if name is None:
        raise NotFound(f"no pipeline syncs the channel of the partition {key!r}")
    return name


def _metadata(job: Job) -> dict[str, dict[str, Any]]:
    now = job.progress
    return {
        "messages": {"messages": now.processed},
        "facts": {"facts": now.facts, "failing_messages": now.failing},
        "graph": {"entities": now.entities},
        "wiki": {"pages": now.stage_done},
    }
