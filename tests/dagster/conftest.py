"""A project: a configuration over two real databases and a ledger of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from supersync_dagster.definitions import build_supersync_defs
from supersync_dagster.resources import SupersyncResource
from tests.kept import transaction

ORDERS = {
    "name": "orders",
    "kind": "table_sync",
    "source": {"connection": "shop", "table": "public.orders"},
    "target": {"connection": "lake", "table": "public.orders"},
}


@dataclass(frozen=True)
class Project:
    """Where the files and databases are. `orders` has 1,000 rows at the source."""

    folder: Path
    database_url: str
    source_dsn: str
    target_dsn: str

    @property
    def resource(self) -> SupersyncResource:
        """The resource of this project."""
        return SupersyncResource(
            config_path=str(self.folder / "supersync.yaml"),
            database_url=self.database_url,
            data_dir=str(self.folder),
        )

    def declare(self, *pipelines: dict[str, Any]) -> None:
        """Write the configuration."""
        dsns = {"shop": self.source_dsn, "lake": self.target_dsn}
        connections = {name: {"type": "postgres", "dsn": dsn} for name, dsn in dsns.items()}
        text = yaml.safe_dump({"connections": connections, "pipelines": list(pipelines)}, allow_unicode=True)
        (self.folder / "supersync.yaml").write_text(text)

    def build(self, **options: Any) -> dg.Definitions:
        """The definitions as a code location would load them."""
        return build_supersync_defs(resource=self.resource, **options)

    def run(self, job_name: str = "sync__orders", **options: Any) -> dg.ExecuteInProcessResult:
        """Run a job in this process."""
        return self.build().resolve_job_def(job_name).execute_in_process(**options)

    @contextmanager
    def source(self) -> Iterator[Any]:
        """A cursor on the source; what it does is committed."""
        with transaction(self.source_dsn) as cursor:
            yield cursor

    @contextmanager
    def target(self) -> Iterator[Any]:
        """A cursor on the target."""
        with transaction(self.target_dsn) as cursor:
            yield cursor


@pytest.fixture
def project(tmp_path: Path, database_url: str, source_dsn: str, target_dsn: str) -> Project:
    """A project with the pipeline `orders` over 1,000 rows."""
    project = Project(tmp_path, database_url, source_dsn, target_dsn)
    project.declare(ORDERS)
    with project.source() as cursor:
        cursor.execute("CREATE TABLE orders (id int PRIMARY KEY, note text, changed_at timestamptz)")
        cursor.execute("INSERT INTO orders SELECT n, 'note ' || n, now() FROM generate_series(1, 1000) n")
    return project
