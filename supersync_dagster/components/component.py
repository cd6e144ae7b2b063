"""The component: a configuration file as a folder of a Dagster project.

No `from __future__ import annotations` here: Dagster reads the annotations of fields as objects.
"""

from dataclasses import dataclass
from typing import Annotated

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver

from supersync_dagster.components.scaffolder import CONFIG_NAME, SupersyncScaffolder
from supersync_dagster.definitions import build_supersync_defs
from supersync_dagster.translator import PipelineData, SupersyncTranslator


@dg.scaffold_with(SupersyncScaffolder)
@dataclass
class SupersyncComponent(dg.Component, dg.Resolvable):
    """The pipelines of a supersync.yaml as assets with jobs, schedules and sensors. A project has one.

    `config_path` is relative to the folder of defs.yaml. `translation` changes the assets; it may use
    `{{ pipeline }}`, the pipeline's declaration, and `{{ spec }}`:

        type: supersync_dagster.SupersyncComponent
        attributes:
          config_path: supersync.yaml
          translation:
            group_name: raw
            key_prefix: warehouse
    """

    config_path: str = CONFIG_NAME
    translation: (
        Annotated[
            TranslationFn[PipelineData],
            TranslationFnResolver[PipelineData](lambda data: {"pipeline": data.declaration}),
        ]
        | None
    ) = None

    def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
        """The asset of a pipeline. Override it for what `translation` cannot say."""
        spec = SupersyncTranslator().get_asset_spec(data)
        return self.translation(spec, data) if self.translation else spec

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the configuration. Raises ConfigError where it is wrong."""
        return build_supersync_defs(context.path / self.config_path, translator=_ComponentTranslator(self))


class _ComponentTranslator(SupersyncTranslator):
    """Asks the component, so that its subclasses are asked."""

    def __init__(self, component: SupersyncComponent) -> None:
        self._component = component

    def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
        return self._component.get_asset_spec(data)
