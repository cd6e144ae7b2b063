"""supersync as a component: `type: supersync_dagster.SupersyncComponent` in a `defs.yaml`."""

from supersync_dagster.components.component import SupersyncComponent
from supersync_dagster.components.scaffolder import SupersyncScaffolder

__all__ = ["SupersyncComponent", "SupersyncScaffolder"]
