"""What a specification says about schema sensing (DeltaForge: `spec.schema_sensing`)."""

from pydantic import AliasChoices, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    """Unknown keys are ignored, as everywhere in a CDC specification."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Names(_Part):
    """What is meant: all, or those in `include`; never those in `exclude`. A name may end in `*` or `%`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class DeepInspect(_Part):
    """How far one looks into documents. `max_sample_size`: events without anything new until it is stable; 0: never."""

    enabled: bool = True
    max_depth: int = Field(default=10, ge=1, le=100)
    max_sample_size: int = Field(default=1000, ge=0)
    columns: Names = Names()


class Sampling(_Part):
    """After `warmup_events` of a table only each `sample_rate`-th one is looked at."""

    warmup_events: int = Field(default=1000, ge=0)
    sample_rate: int = Field(default=10, ge=1)
    structure_cache: bool = True
    structure_cache_size: int = Field(default=100, ge=1, le=100_000)


class Tracking(_Part):
    """Accepted for specifications that have it. What was null is always kept; values never are."""

    field_statistics: bool = False
    null_rates: bool = True
    enum_detection: bool = True
    enum_max_cardinality: int = Field(default=50, ge=1)


class Output(_Part):
    """`expose_api`: the API answers; `export_json_schema`: also with JSON Schema. `emit_events`: the log tells too."""

    expose_api: bool = True
    emit_events: bool = False
    export_json_schema: bool = True


class HighCardinality(_Part):
    """When an object's keys are data: see `maps`."""

    enabled: bool = True
    min_events: int = Field(default=100, ge=2)
    stable_threshold: float = Field(default=0.5, gt=0, le=1)
    min_dynamic_fields: int = Field(default=5, ge=1)
    confidence_threshold: float = Field(
        default=0.7, ge=0, le=1, validation_alias=AliasChoices("confidence_threshold", "confidence")
    )
    reevaluate_interval: int = Field(
        default=10_000, ge=1, validation_alias=AliasChoices("reevaluate_interval", "reevaluate")
    )


class SensingConfig(_Part):
    """Off by default."""

    enabled: bool = False
    tables: Names = Names()
    deep_inspect: DeepInspect = DeepInspect()
    sampling: Sampling = Sampling()
    tracking: Tracking = Tracking()
    output: Output = Output()
    high_cardinality: HighCardinality = HighCardinality()
