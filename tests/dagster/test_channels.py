"""Syncs of channels in Dagster: an asset for each pipeline, and one graph partitioned by channel."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from demo.chat import write_export
from supersync_core.domain.execution import ExecutionState
from supersync_core.ledger.executions import HistoryFilter
from supersync_core.services.executions import list_executions
from supersync_dagster.channels import CHANNELS, STAGES, show_channels, stage_key
from supersync_dagster.definitions import build_supersync_defs
from supersync_dagster.resources import SupersyncResource

EVERY_4_H = "0 */4 * * *"


@pytest.fixture
def resource(tmp_path: Path, database_url: str) -> SupersyncResource:
    """A configuration with one channel of a small export."""
    write_export(tmp_path / "export.zip", channels=2, messages=60)
    source = {"connection": "chat", "channel": "C00001"}
    text = {
        "connections": {"chat": {"type": "slack_export", "path": str(tmp_path / "export.zip")}},
        "pipelines": [{"name": "C00001", "kind": "channel_sync", "source": source, "cron": EVERY_4_H}],
    }
    (tmp_path / "supersync.yaml").write_text(yaml.safe_dump(text))
    return SupersyncResource(
        config_path=str(tmp_path / "supersync.yaml"), database_url=database_url, data_dir=str(tmp_path)
    )


def partitions(instance: dg.DagsterInstance) -> dict[str, set[str]]:
    """The partitions that are materialised, by stage."""
    return {stage: set(instance.get_materialized_partitions(stage_key(stage))) for stage in STAGES}


def test_the_stages_are_a_graph_partitioned_by_channel(resource: SupersyncResource) -> None:
    repository = build_supersync_defs(resource=resource).get_repository_def()
    graph = repository.asset_graph
    above = {stage: {key.path[-1] for key in graph.get(stage_key(stage)).parent_keys} for stage in STAGES}
    assert above == {"messages": set(), "facts": {"messages"}, "graph": {"facts"}, "wiki": {"graph"}}
    assert all(graph.get(stage_key(stage)).partitions_def == CHANNELS for stage in STAGES)
    assert [key.path for key in graph.get(dg.AssetKey(["c00001"])).parent_keys] == [["chat", "C00001"]]
    assert [one.cron_schedule for one in repository.schedule_defs] == [EVERY_4_H]


def test_a_partition_is_a_sync_of_its_channel(resource: SupersyncResource) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        show_channels(instance, resource.ledger())
        assert instance.get_dynamic_partitions(str(CHANNELS.name)) == []
        defs = build_supersync_defs(resource=resource)
        show_channels(instance, resource.ledger())
        job = defs.get_repository_def().get_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=instance, partition_key="c00001", asset_selection=[stage_key(stage) for stage in STAGES]
        )
        assert result.success
        assert partitions(instance) == {stage: {"c00001"} for stage in STAGES}
        assert instance.get_latest_materialization_event(dg.AssetKey(["c00001"])) is not None
    with resource.ledger().begin() as session:
        (execution,), _ = list_executions(session, HistoryFilter())
    assert (execution.state, execution.rows_extracted) == (ExecutionState.SUCCEEDED, 30)


def test_the_job_of_a_channel_materialises_its_partition_of_each_stage(resource: SupersyncResource) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        job = build_supersync_defs(resource=resource).resolve_job_def("sync__c00001")
        assert job.execute_in_process(instance=instance).success
        assert partitions(instance) == {stage: {"c00001"} for stage in STAGES}
