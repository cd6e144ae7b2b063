"""What `dg scaffold defs supersync_dagster.SupersyncComponent NAME` writes: defs.yaml and supersync.yaml beside it."""

from pathlib import Path

import dagster as dg
from pydantic import BaseModel, Field

CONFIG_NAME = "supersync.yaml"

_EXAMPLE = """\
connections:
  source: {type: postgres, dsn: "${SOURCE_DSN:-postgresql://127.0.0.1/source}"}
  target: {type: postgres, dsn: "${TARGET_DSN:-postgresql://127.0.0.1/target}"}

pipelines:
  - name: orders
    title: Orders
    kind: table_sync
    source: {connection: source, table: public.orders}
    target: {connection: target, table: public.orders}
    cron: "*/5 * * * *"
"""


class SupersyncScaffoldParams(BaseModel):
    """What may be said on the command line."""

    config_path: str = Field(default=CONFIG_NAME, description="supersync.yaml, relative to the new folder")


class SupersyncScaffolder(dg.Scaffolder[SupersyncScaffoldParams]):
    """Writes the component's folder. A configuration that is there already is left alone."""

    @classmethod
    def get_scaffold_params(cls) -> type[SupersyncScaffoldParams]:
        """The parameters and their defaults."""
        return SupersyncScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[SupersyncScaffoldParams]) -> None:
        """Write defs.yaml, and an example configuration where there is none."""
        config_path = request.params.config_path if request.params else CONFIG_NAME
        dg.scaffold_component(request, {"config_path": config_path})
        path = Path(request.target_path) / config_path
        if not path.exists():
            path.write_text(_EXAMPLE)
