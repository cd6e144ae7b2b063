"""The instance and the workspace that `dagster dev` and `supersync dev` run on."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
import yaml

from tests.dagster.conftest import Project

ROOT = Path(__file__).parents[2]
PACKAGED = ROOT / "supersync_dagster" / "dagster.yaml"


def test_the_file_at_the_top_is_the_packages() -> None:
    assert (ROOT / "dagster.yaml").read_text() == PACKAGED.read_text()


def test_runs_are_kept_beside_the_ledger(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(PACKAGED, project.folder)
    monkeypatch.setenv("DAGSTER_HOME", str(project.folder))
    monkeypatch.setenv("SUPERSYNC_DATABASE_URL", project.database_url)
    with dg.DagsterInstance.get() as instance:
        run_id = project.run(instance=instance).run_id
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS


def test_the_workspace_names_the_code_location() -> None:
    (location,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["module_name"] == "supersync_dagster.definitions"
