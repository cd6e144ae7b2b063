"""A pipeline of kind `cdc` in `supersync.yaml`: DeltaForge's specification, to the letter."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, model_validator

from supersync_core.domain.pipeline import PipelineDeclaration
from supersync_core.errors import BadData
from supersync_core.services.cdc.spec import CdcSpec, read_spec
from supersync_core.services.configuration.pipeline import PipelineConfig, Use
from supersync_core.services.configuration.values import Text


class CdcConfig(PipelineConfig):
    """One pipeline of kind `cdc`. `spec`: the inner part of the API's body; `tenant` and `labels`: of its metadata.

    It streams as long as it is declared, so it has no cadence.
    """

    kind: Literal["cdc"]
    tenant: Text = "default"
    labels: dict[str, str] = Field(default_factory=dict)
    spec: dict[str, Any] = Field(repr=False)

    @model_validator(mode="after")
    def _makes_sense(self) -> "CdcConfig":
        if self.every is not None or self.cron is not None:
            raise ValueError("every and cron have no meaning for kind cdc: it streams")
        try:
            self.to_spec()
        except BadData as error:
            raise ValueError(str(error)) from error
        return self

    def uses(self) -> Sequence[Use]:
        """None: its source and its sinks say themselves where they are."""
        return ()

    def to_spec(self) -> CdcSpec:
        """The whole specification, with its defaults and its secrets. Raises BadData."""
        metadata = {"name": self.name, "tenant": self.tenant, "labels": self.labels}
        return read_spec({"metadata": metadata, "spec": self.spec})

    def declaration(self) -> PipelineDeclaration:
        """What the ledger keeps once its secrets are sealed."""
        declared = super().declaration()
        labels = {key: value for key, value in self.labels.items() if key and value}
        return replace(declared, spec=self.to_spec().model_dump(mode="json"), tags={**labels, **declared.tags})
