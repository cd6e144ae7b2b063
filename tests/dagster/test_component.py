from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster.components.core.package_entry import discover_entry_point_package_objects
from dagster.components.testing import create_defs_folder_sandbox

from supersync_dagster import SupersyncComponent
from supersync_dagster.translator import PipelineData
from tests.dagster.conftest import Project

TYPE = "supersync_dagster.SupersyncComponent"


@pytest.fixture
def environment(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SUPERSYNC_DATABASE_URL", project.database_url)
    monkeypatch.setenv("SUPERSYNC_DATA_DIR", str(project.folder))
    return project


def load(project: Project, attributes: dict[str, Any]) -> dg.Definitions:
    """What a project loads whose folder `defs/syncs` has a defs.yaml and our supersync.yaml."""
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(
            component_cls=SupersyncComponent,
            defs_path="syncs",
            defs_yaml_contents={"type": TYPE, "attributes": attributes},
        )
        (folder / "supersync.yaml").write_text((project.folder / "supersync.yaml").read_text())
        with sandbox.build_all_defs() as definitions:
            dg.Definitions.validate_loadable(definitions)
            return definitions


def keys(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def test_a_defs_yaml_loads_the_configuration_beside_it(environment: Project) -> None:
    assert keys(load(environment, {})) == {"orders", "shop/public/orders"}


def test_the_translation_changes_key_group_and_tags(environment: Project) -> None:
    translation = {"key_prefix": "raw", "group_name": "from_{{ pipeline.name }}", "tags": {"tier": "gold"}}
    definitions = load(environment, {"config_path": "supersync.yaml", "translation": translation})
    spec = definitions.resolve_assets_def(dg.AssetKey(["raw", "orders"])).get_asset_spec()
    assert (spec.group_name, spec.tags["tier"]) == ("from_orders", "gold")


def test_a_subclass_may_write_the_spec_itself(environment: Project) -> None:
    class Ours(SupersyncComponent):
        def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
            return super().get_asset_spec(data).replace_attributes(group_name="ours")

    component = Ours(config_path=str(environment.folder / "supersync.yaml"))
    definitions = dg.build_defs_for_component(component)
    assert definitions.resolve_assets_def("orders").get_asset_spec().group_name == "ours"


def test_dg_finds_the_component_under_its_public_name() -> None:
    assert TYPE in {key.to_typename() for key in discover_entry_point_package_objects()}


def test_scaffolding_writes_a_folder_that_loads(environment: Project) -> None:
    with create_defs_folder_sandbox() as sandbox:
        folder = sandbox.scaffold_component(component_cls=SupersyncComponent, defs_path="syncs")
        assert {path.name for path in Path(folder).iterdir()} == {"defs.yaml", "supersync.yaml"}
        with sandbox.build_all_defs() as definitions:
            assert "orders" in keys(definitions)


def test_scaffolding_leaves_a_configuration_alone(environment: Project) -> None:
    with create_defs_folder_sandbox() as sandbox:
        configuration = sandbox.defs_folder_path / "syncs" / "supersync.yaml"
        configuration.parent.mkdir()
        configuration.write_text("connections: {}\n")
        sandbox.scaffold_component(component_cls=SupersyncComponent, defs_path="syncs")
        assert configuration.read_text() == "connections: {}\n"
