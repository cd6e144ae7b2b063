from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from supersync_core.domain.check import DatePart, Freshness
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind
from supersync_dagster.translator import PipelineData, SupersyncTranslator, freshness_policy
from tests.dagster.pipelines import table_sync


def spec(**changes: Any) -> dg.AssetSpec:
    return SupersyncTranslator().get_asset_spec(table_sync(**changes))


def test_the_asset_key_is_the_folded_name_in_dagster_characters() -> None:
    assert spec().key == dg.AssetKey(["orders_x20_sync"])


def test_the_asset_depends_on_its_source_table_by_connection_and_name() -> None:
    assert [dep.asset_key for dep in spec().deps] == [dg.AssetKey(["warehouse", "sales", "Orders"])]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        pytest.param({"table": "orders"}, ["warehouse", "public", "orders"], id="a table without a schema"),
        pytest.param({"table": '"My schema"."a.b"'}, ["warehouse", "My_x20_schema", "a_x2e_b"], id="quoted parts"),
        pytest.param({"query": "table_stats"}, ["warehouse", "table_stats"], id="a built-in query"),
        pytest.param({"sql": "select 1"}, ["warehouse", "sql", "orders_x20_sync"], id="SQL, by its pipeline"),
    ],
)
def test_the_source_asset_is_named_by_what_is_read(source: dict[str, str], path: list[str]) -> None:
    data = table_sync(spec={"source": {"connection": "warehouse", **source}, "target": {}})
    found = SupersyncTranslator().get_source_spec(data)
    assert found is not None
    assert found.key == dg.AssetKey(path)


def test_tables_that_differ_in_case_alone_have_two_keys() -> None:
    lower, capital = (
        SupersyncTranslator().get_target_key(table_sync(spec={"target": {"connection": "analytics", "table": table}}))
        for table in ("orders", "Orders")
    )
    assert lower != capital


def test_kinds_are_the_types_of_both_connections() -> None:
    assert spec().kinds == {"redshift", "postgres"}


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        pytest.param(None, "table_sync", id="none: the kind"),
        pytest.param("finance", "finance", id="as declared"),
        pytest.param("Sales EU/west", "Sales_EU_west", id="in Dagster's characters"),
    ],
)
def test_the_group(declared: str | None, shown: str) -> None:
    assert spec(group=declared).group_name == shown


@pytest.mark.parametrize(
    ("declared", "shown"),
    [
        pytest.param("ann@example.com", ["ann@example.com"], id="e-mail"),
        pytest.param("team:data", ["team:data"], id="team"),
        pytest.param("data platform", ["team:data platform"], id="a bare name is a team"),
        pytest.param("ann@example.engineering", ["team:ann@example.engineering"], id="an ending too long for Dagster"),
        pytest.param("team:", [], id="nobody"),
    ],
)
def test_owners_are_written_as_dagster_takes_them(declared: str, shown: list[str]) -> None:
    assert spec(owners=(declared,)).owners == shown


def test_a_tag_that_dagster_would_refuse_is_left_out() -> None:
    tags = spec(tags={"tier": "gold", "note": "not allowed here", "a b": "x"}).tags
    assert {key: tags.get(key) for key in ("tier", "note", "a b")} == {"tier": "gold", "note": None, "a b": None}


@pytest.mark.parametrize(
    ("freshness", "window"),
    [
        pytest.param(Freshness(1, DatePart.MINUTE), timedelta(minutes=1), id="minute"),
        pytest.param(Freshness(6, DatePart.HOUR), timedelta(hours=6), id="hours"),
        pytest.param(Freshness(2, DatePart.WEEK), timedelta(days=14), id="weeks"),
        pytest.param(Freshness(1, DatePart.MONTH), timedelta(days=31), id="the longest month"),
        pytest.param(Freshness(1, DatePart.YEAR), timedelta(days=366), id="the longest year"),
    ],
)
def test_freshness_becomes_a_policy_with_the_same_window(freshness: Freshness, window: timedelta) -> None:
    assert freshness_policy(freshness) == dg.FreshnessPolicy.time_window(fail_window=window)


def test_a_stream_has_no_policy_as_nothing_may_come_for_long() -> None:
    declared = PipelineDeclaration("orders", PipelineKind.CDC, freshness=Freshness(1, DatePart.HOUR))
    assert SupersyncTranslator().get_asset_spec(PipelineData(declared)).freshness_policy is None


def test_without_freshness_there_is_no_policy() -> None:
    assert spec().freshness_policy is None


def test_the_metadata_shows_configuration_and_target_table() -> None:
    metadata = spec().metadata
    assert metadata["dagster/table_name"] == "orders"
    assert metadata["supersync/configuration"].value == table_sync().declaration.spec


def test_one_overridden_method_changes_the_asset() -> None:
    class Ours(SupersyncTranslator):
        def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(key=dg.AssetKey(["raw", data.key]))

    assert Ours().get_asset_spec(table_sync()).key == dg.AssetKey(["raw", "orders_x20_sync"])


def test_a_kind_without_source_and_target_is_an_asset_too() -> None:
    found = spec(kind=PipelineKind.EXTERNAL, spec={})
    assert (list(found.deps), found.group_name) == ([], "external")
