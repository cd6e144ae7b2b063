import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import create_engine, text

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import DesiredState
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import SchemaState, schema_state
from supersync_core.services.addresses import ReportedAddress
from supersync_core.services.lineage import report_lineage
from supersync_core.services.pipelines import get_pipeline, set_desired_state
from supersync_core.services.reported_pipelines import report_pipeline
from supersync_dagster.alerts import ALERTS
from supersync_dagster.definitions import SNAPSHOT, build_supersync_defs, defs
from supersync_dagster.observers import CHECKS, FRESHNESS, TIMELINESS
from supersync_dagster.resources import SupersyncResource
from supersync_dagster.sensors import INTERVALS, REAPER
from supersync_dagster.translator import LAUNCHER, PipelineData, SupersyncTranslator
from tests.dagster.conftest import ORDERS, Project

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


def asset_keys(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def schedule(definitions: dg.Definitions, name: str = "sync__orders__schedule") -> dg.ScheduleDefinition:
    found = definitions.resolve_schedule_def(name)
    assert isinstance(found, dg.ScheduleDefinition)
    return found


def test_a_configured_pipeline_is_an_asset_that_reads_an_external_one(project: Project) -> None:
    assert asset_keys(project.build()) == {"orders", "shop/public/orders"}


def test_dagster_finds_no_fault_in_them(environment: Project) -> None:
    environment.declare({**ORDERS, "every": 300}, {**ORDERS, "name": "often", "every": 7})
    dg.Definitions.validate_loadable(defs())


def test_the_kinds_come_from_the_connections(project: Project) -> None:
    assert project.build().resolve_assets_def("orders").get_asset_spec().kinds == {"postgres"}


def test_a_pipeline_that_has_left_the_configuration_is_gone(project: Project) -> None:
    project.build()
    project.declare({**ORDERS, "name": "other"})
    assert asset_keys(project.build()) == {"other", "shop/public/orders"}


def test_a_paused_pipeline_has_a_schedule_that_is_off(project: Project) -> None:
    project.declare({**ORDERS, "every": 300})
    project.build()
    with project.resource.ledger().begin() as session:
        set_desired_state(session, "orders", DesiredState.PAUSED, at=utcnow())
    assert schedule(project.build()).default_status is dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(
    ("every", "sensors"),
    [
        pytest.param(300, {REAPER, LAUNCHER}, id="a cron says it"),
        pytest.param(7, {REAPER, LAUNCHER, INTERVALS}, id="no cron says it"),
    ],
)
def test_an_interval_that_no_cron_says_is_a_sensors(project: Project, every: int, sensors: set[str]) -> None:
    project.declare({**ORDERS, "every": every})
    checks = {CHECKS, FRESHNESS, TIMELINESS, ALERTS}
    assert {sensor.name for sensor in project.build().sensors or []} == sensors | checks


def test_they_merge_with_definitions_of_somebody_else(project: Project) -> None:
    @dg.asset(deps=["orders"])
    def report() -> None: ...

    theirs = dg.Definitions(assets=[report], executor=dg.multiprocess_executor)
    merged = dg.Definitions.merge(theirs, project.build())
    dg.Definitions.validate_loadable(merged)
    assert asset_keys(merged) == {"report", "orders", "shop/public/orders"}


def test_a_translator_changes_the_asset_that_the_job_runs(project: Project) -> None:
    class Ours(SupersyncTranslator):
        def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(key=["raw", data.key])

    result = project.build(translator=Ours()).resolve_job_def("sync__orders").execute_in_process()
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [dg.AssetKey(["raw", "orders"])]


@pytest.fixture
def environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project as the environment of a process describes it."""
    monkeypatch.setenv("SUPERSYNC_DATABASE_URL", project.database_url)
    monkeypatch.setenv("SUPERSYNC_CONFIG", str(project.folder / "supersync.yaml"))
    monkeypatch.setenv("SUPERSYNC_DATA_DIR", str(project.folder))
    return project


def test_the_code_location_takes_everything_from_the_environment(environment: Project) -> None:
    assert asset_keys(defs()) == {"orders", "shop/public/orders"}


def test_a_path_is_all_that_a_project_has_to_say(environment: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPERSYNC_CONFIG", "elsewhere.yaml")
    assert "orders" in asset_keys(build_supersync_defs(environment.folder / "supersync.yaml"))


def test_a_wrong_configuration_is_said_with_its_line(project: Project) -> None:
    project.declare({**ORDERS, "souce": {}})
    with pytest.raises(ConfigError, match=r"supersync\.yaml:\d+: .*souce"):
        project.build()


def test_without_any_configuration_nothing_is_retired(environment: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    environment.build()
    monkeypatch.delenv("SUPERSYNC_CONFIG")
    monkeypatch.chdir(environment.folder / "..")
    assert "orders" in asset_keys(build_supersync_defs())


def test_an_empty_database_gets_its_schema(project: Project, empty_database_url: str) -> None:
    resource = SupersyncResource(config_path=str(project.folder / "supersync.yaml"), database_url=empty_database_url)
    build_supersync_defs(resource=resource.model_copy(update={"data_dir": str(project.folder)}))
    assert schema_state(empty_database_url) is SchemaState.CURRENT


def test_an_older_schema_is_left_to_the_operator(project: Project) -> None:
    engine = create_engine(project.database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE supersync.alembic_version SET version_num = 'unheard of'"))
    engine.dispose()
    with pytest.raises(ConfigError, match="newer than this supersync"):
        project.build()


def unreachable(project: Project) -> SupersyncResource:
    return SupersyncResource(
        config_path=str(project.folder / "supersync.yaml"), database_url=NOBODY, data_dir=str(project.folder)
    )


def test_without_the_ledger_the_pipelines_of_the_last_load_are_used(project: Project) -> None:
    project.declare({**ORDERS, "every": 300, "freshness": {"number": 1, "datepart": "hour"}, "tags": {"tier": "gold"}})
    before = project.build().resolve_assets_def("orders").get_asset_spec()
    project.declare()
    after = build_supersync_defs(resource=unreachable(project)).resolve_assets_def("orders").get_asset_spec()
    assert after == before


def report(project: Project, name: str, reads: str, writes: str, **given: Any) -> None:
    """Somebody reports a pipeline of theirs and its lineage."""
    with project.resource.ledger().begin() as session:
        pipeline = report_pipeline(session, name, "extraction", given, at=utcnow())
        sides = ([ReportedAddress(address, "postgres", "database")] for address in (reads, writes))
        report_lineage(session, pipeline.id, *sides, at=utcnow())


def asset(definitions: dg.Definitions, key: str) -> dg.AssetSpec:
    return next(spec for spec in definitions.resolve_all_asset_specs() if spec.key.to_user_string() == key)


def deps(spec: dg.AssetSpec) -> set[str]:
    return {dep.asset_key.to_user_string() for dep in spec.deps}


def test_a_pipeline_that_others_run_is_an_external_asset_with_its_lineage(project: Project) -> None:
    project.build()
    report(project, "theirs", "lake.public.orders", "mart.sales")
    report(project, "after", "mart.sales", "nowhere")
    definitions = project.build()
    dg.Definitions.validate_loadable(definitions)
    assert not definitions.resolve_assets_def("theirs").is_executable
    assert [deps(asset(definitions, key)) for key in ("theirs", "after")] == [{"orders"}, {"theirs"}]
    assert asset_keys(definitions) == {"orders", "theirs", "after", "shop/public/orders"}


def test_an_asset_says_its_kind_how_far_it_is_and_where_its_page_is(project: Project) -> None:
    project.build()
    report(project, "theirs", "a", "b")
    with project.resource.ledger().begin() as session:
        get_pipeline(session, "theirs").watermark = "2026-11-22"
    metadata = asset(project.build(), "theirs").metadata
    assert metadata["supersync/page"].value == project.resource.pages()("theirs")
    assert (metadata["supersync/kind"], metadata["supersync/watermark"]) == ("external", "2026-11-22")


def test_without_the_ledger_lineage_is_that_of_the_last_load(project: Project) -> None:
    project.build()
    report(project, "theirs", "queue", "lake.other")
    before = asset(project.build(), "theirs")
    after = asset(build_supersync_defs(resource=unreachable(project)), "theirs")
    assert deps(after) == {"address/queue"}
    assert after == before


@pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param("bell \x07", {}, id="a name that does not print"),
        pytest.param("old", {"freshness_number": 2**31 - 1, "freshness_datepart": "year"}, id="longer than time is"),
        pytest.param("config", {}, id="a word of Dagster's"),
    ],
)
def test_whatever_somebody_reports_the_others_load(project: Project, name: str, given: dict[str, Any]) -> None:
    project.build()
    report(project, name, name, name, **given)
    definitions = project.build()
    dg.Definitions.validate_loadable(definitions)
    assert "orders" in asset_keys(definitions)


@pytest.mark.parametrize("content", [None, "", "{", '[{"declaration": {"words": "of another version"}}]'])
def test_without_ledger_and_last_load_the_configuration_is_used(project: Project, content: str | None) -> None:
    if content is not None:
        (project.folder / SNAPSHOT).write_text(content)
    assert "orders" in asset_keys(build_supersync_defs(resource=unreachable(project)))


def test_the_snapshot_holds_no_secret(project: Project) -> None:
    project.build()
    text = (project.folder / SNAPSHOT).read_text()
    assert json.loads(text)
    assert project.source_dsn not in text


def test_a_data_directory_that_cannot_be_written_does_not_stop_the_load(project: Project) -> None:
    file = project.folder / "a file"
    file.touch()
    resource = project.resource.model_copy(update={"data_dir": str(file)})
    assert "orders" in asset_keys(build_supersync_defs(resource=resource))


@pytest.mark.parametrize("name", ["with space", "Größe ☃ 東京", "a\"b'c;--", "config", "ß" * 150])
def test_a_pipeline_of_any_name_runs(project: Project, name: str) -> None:
    project.declare({**ORDERS, "name": name})
    (data,) = [key for key in asset_keys(project.build()) if "/" not in key]
    assert project.run(f"sync__{data}").success
