"""Assets by what their pipelines read and write, declared or reported."""

from collections.abc import Sequence
from itertools import product

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind, fold_name
from supersync_dagster.assets import build_pipeline_assets, build_pipeline_specs, build_source_specs
from supersync_dagster.translator import PipelineData, SupersyncTranslator
from tests.dagster.pipelines import table_sync


def places(names: str) -> tuple[Place, ...]:
    return tuple(Place(name, "postgres") for name in names.split())


def external(name: str, reads: str = "", writes: str = "") -> PipelineData:
    declaration = PipelineDeclaration(name, PipelineKind.EXTERNAL)
    return PipelineData(declaration, reads=places(reads), writes=places(writes))


def deps(pipelines: Sequence[PipelineData]) -> list[set[str]]:
    """What the asset of each pipeline depends on."""
    specs = build_pipeline_specs(pipelines)
    return [{dep.asset_key.to_user_string() for dep in spec.deps} for spec in specs]


def sources(pipelines: Sequence[PipelineData]) -> set[str]:
    return {spec.key.to_user_string() for spec in build_source_specs(pipelines)}


def load(pipelines: Sequence[PipelineData]) -> None:
    loaded = dg.Definitions(assets=[*build_pipeline_assets(pipelines), *build_source_specs(pipelines)])
    dg.Definitions.validate_loadable(loaded)


def test_an_asset_depends_on_those_of_all_pipelines_that_write_what_it_reads() -> None:
    pipelines = [external("r", "db.s.a db.s.b"), external("w", "", "db.s.a"), external("v", "", "db.s.a db.s.b")]
    assert deps(pipelines)[0] == {"w", "v"}
    assert sources(pipelines) == set()


def test_what_nobody_writes_is_an_external_asset_by_the_parts_of_its_name() -> None:
    pipelines = [external("r", "db.s.a queue db..b")]
    assert deps(pipelines) == [{"db/s/a", "address/queue", "db/_x_/b"}]
    assert sources(pipelines) == deps(pipelines)[0]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("warehouse.sales.orders", id="as the document folds it"),
        pytest.param("Warehouse.Sales.ORDERS", id="in any case"),
    ],
)
def test_a_reported_address_is_the_table_that_a_sync_reads(name: str) -> None:
    pipelines = [external("theirs", name), table_sync("ours", "sales.Orders")]
    assert deps(pipelines) == [{"warehouse/sales/Orders"}] * 2
    assert sources(pipelines) == {"warehouse/sales/Orders"}


def test_a_quoted_table_of_a_connection_with_a_dot_is_the_address_that_its_runs_report() -> None:
    spec = {"source": {"connection": "my.shop", "table": '"My schema"."a.b"'}, "target": {}}
    pipelines = [table_sync("ours", spec=spec), external("theirs", "my.shop.my"), external("them")]
    theirs = PipelineData(pipelines[2].declaration, reads=(Place('my.shop.my schema."a.b"', "postgres"),))
    assert deps([pipelines[0], theirs]) == [{"my_x2e_shop/My_x20_schema/a_x2e_b"}] * 2


def test_tables_that_differ_in_case_alone_stay_two_assets() -> None:
    pipelines = [table_sync("one", "Orders", "a"), table_sync("two", "orders", "b")]
    assert deps(pipelines) == [{"warehouse/public/Orders"}, {"warehouse/public/orders"}]


def test_who_reads_what_a_sync_writes_depends_on_the_sync_and_the_other_way_round() -> None:
    reader = external("reader", "analytics.public.orders")
    writer = external("writer", "", "warehouse.sales.orders")
    assert deps([table_sync("ours"), reader, writer]) == [{"writer"}, {"ours"}, set()]


def test_reported_lineage_of_a_sync_counts_too() -> None:
    ours = table_sync("ours")
    also = PipelineData(
        ours.declaration, connection_types=ours.connection_types, reads=places("x.y warehouse.sales.orders")
    )
    assert deps([also]) == [{"warehouse/sales/Orders", "x/y"}]


def test_an_asset_to_which_a_translator_gave_the_key_of_an_address_is_that_address() -> None:
    class Ours(SupersyncTranslator):
        def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(key=["raw", data.key])

    pipelines = [external("a"), external("b", "raw.a")]
    assert [dep.asset_key for dep in build_pipeline_specs(pipelines, translator=Ours())[1].deps] == [
        dg.AssetKey(["raw", "a"])
    ]
    assert build_source_specs(pipelines, translator=Ours()) == []


ADDRESSES = [f"db.{letter}" for letter in "abcd"]
FLOWS = st.lists(st.tuples(st.sets(st.sampled_from(ADDRESSES)), st.sets(st.sampled_from(ADDRESSES))), max_size=5)


@given(flows=FLOWS)
def test_any_lineage_loads_and_nothing_is_cut_that_closes_no_circle(
    flows: Sequence[tuple[set[str], set[str]]],
) -> None:
    pipelines = [external(f"p{n}", " ".join(reads), " ".join(writes)) for n, (reads, writes) in enumerate(flows)]
    load(pipelines)
    kept = dict(zip((data.key for data in pipelines), deps(pipelines), strict=True))
    for reader, writer in product(pipelines, pipelines):
        joined = {place.name for place in reader.reads} & {place.name for place in writer.writes}
        if joined and writer.key not in kept[reader.key]:
            assert reaches(kept, writer.key, reader.key)


def reaches(kept: dict[str, set[str]], start: str, end: str) -> bool:
    """Whether `start` depends on `end` at any distance."""
    return start == end or any(reaches(kept, dep, end) for dep in kept.get(start, ()))


NAMES = st.text(alphabet=st.sampled_from("aA.x_/ é"), min_size=1, max_size=8) | st.sampled_from(
    ["address", "address.a"]
)


@given(one=NAMES, two=NAMES)
def test_addresses_have_one_key_when_their_names_are_one_and_never_that_of_a_pipeline(one: str, two: str) -> None:
    keys = [SupersyncTranslator().get_address_spec(Place(name, "")).key for name in (one, two)]
    assert (keys[0] == keys[1]) is (fold_name(one) == fold_name(two))
    assert all(len(key.path) > 1 for key in keys)


def test_a_hub_that_many_write_and_many_read_loads() -> None:
    load([external(f"p{n}", "log", "log") for n in range(30)])
