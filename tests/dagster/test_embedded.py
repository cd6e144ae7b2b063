"""A project without a database of its own: the ledger is the embedded server's."""

import os
import subprocess
import sys

from tests.dagster.conftest import Project

RUN = """
from supersync_dagster import build_supersync_defs
print(build_supersync_defs("supersync.yaml").resolve_job_def("sync__orders").execute_in_process().success)
"""


def test_a_project_without_a_database_url_runs_and_leaves_no_server_behind(project: Project) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUPERSYNC_")}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=project.folder, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"
    assert list((project.folder / ".supersync").rglob("PG_VERSION"))
    assert list((project.folder / ".supersync").rglob("postmaster.pid")) == []
