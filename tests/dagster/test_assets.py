from collections.abc import Sequence
from keyword import kwlist
from typing import Any

import dagster as dg
import pytest

from supersync_core.domain.pipeline import PipelineKind
from supersync_core.errors import ConfigError
from supersync_dagster.assets import (
    ALL_JOB,
    build_pipeline_assets,
    build_pipeline_jobs,
    build_pipeline_specs,
    build_source_specs,
    supersync_assets,
)
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.translator import PIPELINE, PipelineData, SupersyncTranslator
from tests.dagster.pipelines import table_sync


def definitions(pipelines: Sequence[PipelineData]) -> dg.Definitions:
    return dg.Definitions(
        assets=[*build_pipeline_assets(pipelines), *build_source_specs(pipelines)],
        jobs=build_pipeline_jobs(pipelines),
        resources={"supersync": SupersyncResource()},
    )


def two_way(name: str, source: tuple[str, str], target: tuple[str, str]) -> PipelineData:
    spec = {
        "source": {"connection": source[0], "table": source[1]},
        "target": {"connection": target[0], "table": target[1]},
    }
    return table_sync(name, spec=spec)


def keys(values: Sequence[dg.AssetSpec]) -> set[str]:
    return {spec.key.to_user_string() for spec in values}


def deps(spec: dg.AssetSpec) -> list[str]:
    return [dep.asset_key.to_user_string() for dep in spec.deps]


# What a pipeline may be called and a step or an asset in Dagster may not.
WEIRD_NAMES = ["orders", "with space", "Größe ☃ 東京", "a\"b'c;--", "a/b.c-d", "x_x20_y", "1", "-", "😀" * 150]
RESERVED_NAMES = ["config", "context", "type", "input", "output", "int", *kwlist]


@pytest.mark.parametrize("name", [*WEIRD_NAMES, *RESERVED_NAMES])
def test_any_name_makes_an_asset_and_a_job_that_dagster_takes(name: str) -> None:
    data = table_sync(name)
    loaded = definitions([data])
    dg.Definitions.validate_loadable(loaded)
    job = loaded.resolve_job_def(SupersyncTranslator().get_job_name(data))
    assert job.asset_layer.executable_asset_keys == {dg.AssetKey([data.key])}


def test_names_that_would_look_alike_are_different_assets() -> None:
    names = ["a b", "a_b", "a-b", "a.b", "a_x20_b"]
    assert len(keys(build_pipeline_specs([table_sync(name) for name in names]))) == len(names)


def test_names_that_are_one_name_are_refused_with_both() -> None:
    with pytest.raises(ConfigError, match="'Straße', 'STRASSE'"):
        build_pipeline_specs([table_sync("Straße"), table_sync("STRASSE")])


def test_a_sync_depends_on_the_asset_that_writes_what_it_reads() -> None:
    first = table_sync("first", "raw", "orders")
    second = two_way("second", ("analytics", "public.orders"), ("mart", "orders"))
    assert [deps(spec) for spec in build_pipeline_specs([second, first])] == [["first"], ["warehouse/public/raw"]]
    assert keys(build_source_specs([second, first])) == {"warehouse/public/raw"}


@pytest.mark.parametrize(
    "pipelines",
    [
        pytest.param([two_way("self", ("a", "t"), ("a", "t"))], id="onto itself"),
        pytest.param([two_way("to", ("a", "t"), ("b", "t")), two_way("fro", ("b", "t"), ("a", "t"))], id="each way"),
        pytest.param(
            [
                two_way("one", ("a", "t"), ("b", "t")),
                two_way("two", ("b", "t"), ("c", "t")),
                two_way("three", ("c", "t"), ("a", "t")),
            ],
            id="round three",
        ),
    ],
)
def test_syncs_in_a_circle_load_with_the_circle_cut_at_one_place(pipelines: Sequence[PipelineData]) -> None:
    dg.Definitions.validate_loadable(definitions(pipelines))
    assert len(build_source_specs(pipelines)) == 1


def test_a_table_that_two_syncs_read_is_one_source_asset() -> None:
    pipelines = [table_sync("first", "orders", "one"), table_sync("second", "orders", "two")]
    assert keys(build_source_specs(pipelines)) == {"warehouse/public/orders"}


def test_a_pipeline_that_others_run_has_an_asset_and_no_job() -> None:
    external = table_sync("theirs", kind=PipelineKind.EXTERNAL)
    (asset,) = build_pipeline_assets([external])
    assert isinstance(asset, dg.AssetSpec)
    assert build_pipeline_jobs([external]) == []


def test_there_is_a_job_for_each_pipeline_and_one_for_all() -> None:
    jobs = build_pipeline_jobs([table_sync("first", target="a"), table_sync("second", target="b")])
    assert [job.name for job in jobs] == ["sync__first", "sync__second", ALL_JOB]


def test_the_run_of_one_pipeline_carries_its_key_and_runs_in_one_process() -> None:
    job = definitions([table_sync("a b")]).resolve_job_def("sync__a_x20_b")
    assert job.run_tags[PIPELINE] == "a_x20_b"
    assert job.executor_def is dg.in_process_executor


def test_the_decorator_makes_one_step_for_several_pipelines() -> None:
    @supersync_assets(pipelines=[table_sync("first", target="a"), table_sync("second", target="b")], name="both")
    def both(context: dg.AssetExecutionContext, supersync: SupersyncResource) -> Any:
        yield from supersync.run(context)

    assert {key.to_user_string() for key in both.keys} == {"first", "second"}
    assert both.can_subset


def test_nothing_declared_is_nothing_defined() -> None:
    assert list(definitions([]).get_repository_def().get_all_jobs()) == []
