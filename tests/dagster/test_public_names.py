import subprocess
import sys

from dagster_shared.libraries import DagsterLibraryRegistry

import supersync_dagster

NAMES = [
    "PipelineData",
    "SupersyncComponent",
    "SupersyncResource",
    "SupersyncTranslator",
    "build_check_sensors",
    "build_pipeline_assets",
    "build_pipeline_checks",
    "build_pipeline_jobs",
    "build_pipeline_schedules",
    "build_pipeline_sensors",
    "build_pipeline_specs",
    "build_supersync_defs",
    "load_pipelines",
    "supersync_assets",
]


def test_the_public_names_are_these() -> None:
    assert supersync_dagster.__all__ == NAMES


def test_every_public_name_is_there_and_listed() -> None:
    assert {name for name in NAMES if getattr(supersync_dagster, name).__name__ == name} == set(NAMES)
    assert set(NAMES) <= set(dir(supersync_dagster))


def test_importing_the_package_imports_no_heavy_library() -> None:
    heavy = ["dagster", "pandas", "pydantic", "scipy", "sqlalchemy"]
    code = f"import sys, supersync_dagster; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_loading_the_code_location_imports_no_statistics() -> None:
    code = "import sys, supersync_dagster.definitions; print([m for m in ('pandas', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_dagster_knows_the_library_by_name_and_version() -> None:
    assert supersync_dagster.SupersyncTranslator is not None
    assert "supersync" in DagsterLibraryRegistry.get()
