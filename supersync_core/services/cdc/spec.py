"""The specification of a CDC pipeline, as DeltaForge documents it: read, filled with defaults, and shown.

Unknown keys are ignored, as the document's clients expect. What a source, a sink or a processor is configured with is
read by its own connector or step.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from supersync_core.connectors.dsn import MASK, masked_dsn
from supersync_core.connectors.registry import (
    change_sink_types,
    change_source_types,
    load_change_sink,
    load_change_source,
)
from supersync_core.domain.pipeline import MAX_NAME
from supersync_core.engines.cdc.sensing.config import SensingConfig
from supersync_core.engines.cdc.settings import Policy, Settings
from supersync_core.engines.cdc.steps import read_step
from supersync_core.errors import BadData, ConfigError


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be printable, and not empty")
    return text


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_name)]


class Part(BaseModel):
    """A part of the specification. Values are never shown in errors: they may be secrets."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Metadata(Part):
    """Who it is. `labels` can be searched for."""

    name: Name
    tenant: Name
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Connector(Part):
    """A source or a sink: its type, and what that type wants to know."""

    type: str
    config: dict[str, Any]


class Batch(Part):
    """Where a batch ends, whichever comes first."""

    max_events: int | None = Field(default=2000, ge=1, le=1_000_000)
    max_bytes: int | None = Field(default=16 << 20, ge=1, le=1 << 30)
    max_ms: int | None = Field(default=50, ge=0, le=600_000)
    respect_source_tx: bool | None = True
    max_inflight: int | None = Field(default=1, ge=1, le=64)


class CommitPolicy(Part):
    """Which sinks must have a batch before it is committed."""

    mode: Policy = Policy.REQUIRED
    quorum: int | None = Field(default=None, ge=1)


class DeadLetters(Part):
    """How many dead letters are kept for how long, and what happens when there are more."""

    max_entries: int = Field(default=10_000, ge=1)
    max_age_secs: int = Field(default=604_800, ge=1)
    overflow_policy: Literal["drop_oldest", "reject", "block"] = "drop_oldest"


class JournalSpec(Part):
    """Dead letters: opt-in."""

    enabled: bool = False
    max_event_bytes: int = Field(default=262_144, ge=1)
    dlq: DeadLetters = Field(default_factory=DeadLetters)


class Spec(Part):
    """What flows from where to where, and how."""

    source: Connector
    processors: list[dict[str, Any]]
    sinks: list[Connector]
    sharding: dict[str, Any] | None = None
    connection_policy: dict[str, Any] | None = None
    batch: Batch | None = None
    commit_policy: CommitPolicy | None = None
    sink_batch_deadline_secs: float | None = Field(default=None, gt=0)
    schema_sensing: SensingConfig | None = None
    journal: JournalSpec | None = None

    def settings(self) -> Settings:
        """What the runtime is told; what is not set has its default."""
        given = self.batch.model_dump(exclude_none=True) if self.batch else {}
        policy = self.commit_policy or CommitPolicy()
        quorum = policy.quorum or 1
        return Settings(**given, policy=policy.mode, quorum=quorum, deadline_s=self.sink_batch_deadline_secs)


class CdcSpec(Part):
    """The whole: `{"metadata": ..., "spec": ...}`."""

    metadata: Metadata
    spec: Spec


def read_spec(data: Any) -> CdcSpec:
    """A specification from JSON, complete and with every default. Raises BadData that says what is wrong and where.

    Nothing is connected; but every source, sink and step must be of a known type, and its configuration readable.
    """
    try:
        spec = CdcSpec.model_validate(data)
    except ValidationError as error:
        raise BadData(_problem(error)) from error
    spec.spec.source.config = _checked(spec.spec.source, source_config, change_source_types(), "spec.source")
    spec.spec.processors = [_step(one, f"spec.processors[{i}]") for i, one in enumerate(spec.spec.processors)]
    for index, sink in enumerate(spec.spec.sinks):
        sink.config = _checked(sink, sink_config, change_sink_types(), f"spec.sinks[{index}]")
    ids = [sink.config["id"] for sink in spec.spec.sinks]
    if not ids:
        raise BadData("spec.sinks: at least one sink is needed")
    if len(set(ids)) < len(ids):
        raise BadData("spec.sinks: two sinks have one id")
    return spec


def _step(data: Mapping[str, Any], at: str) -> dict[str, Any]:
    try:
        return read_step(data)
    except ValidationError as error:
        raise BadData(f"{at}: {_problem(error)}") from error
    except BadData as error:
        raise BadData(f"{at}: {error}") from error


def source_config(part: Connector) -> BaseModel:
    """The configuration of a source as its connector reads it. Raises ConfigError, ValidationError."""
    model: type[BaseModel] = load_change_source(part.type).ChangeSourceConfig
    return model.model_validate(part.config)


def sink_config(part: Connector) -> BaseModel:
    """The configuration of a sink as its connector reads it. Raises ConfigError, ValidationError."""
    model: type[BaseModel] = load_change_sink(part.type).ChangeSinkConfig
    return model.model_validate(part.config)


def _checked(part: Connector, read: Callable[[Connector], BaseModel], known: list[str], at: str) -> dict[str, Any]:
    if part.type not in known:
        raise BadData(f"{at}: unknown type `{part.type}`, expected one of {', '.join(known)}")
    try:
        config = read(part)
    except ValidationError as error:
        raise BadData(f"{at}.config: {_problem(error)}") from error
    except ConfigError as error:
        raise BadData(f"{at}: {error}") from error
    return _plain(config)


def _plain(config: BaseModel) -> dict[str, Any]:
    """As JSON, secrets in the clear: who calls this seals or masks them."""
    found = config.model_dump(mode="json")
    for path, secret in _secrets(config):
        put_at(found, path, secret.get_secret_value())
    return found


def secret_paths(spec: CdcSpec) -> list[tuple[str | int, ...]]:
    """Where in the whole specification secrets are."""
    found: list[tuple[str | int, ...]] = []
    configs = [(("spec", "source", "config"), source_config(spec.spec.source))]
    sinks = [(("spec", "sinks", index, "config"), sink_config(sink)) for index, sink in enumerate(spec.spec.sinks)]
    for at, config in (*configs, *sinks):
        found += [(*at, *path) for path, _ in _secrets(config)]
    return found


def change_secrets(data: Any, paths: list[tuple[str | int, ...]], change: Callable[[str], str]) -> None:
    """Replace the secrets of a specification as JSON, in place."""
    for path in paths:
        value = value_at(data, path)
        if isinstance(value, str):
            put_at(data, path, change(value))


def masked(secret: str) -> str:
    """A secret as it may be shown: a DSN without its password, of anything else nothing."""
    return masked_dsn(secret) if "://" in secret or "=" in secret else MASK


def _secrets(config: BaseModel) -> Iterator[tuple[tuple[str | int, ...], SecretStr]]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, SecretStr):
            yield (name,), value
        elif isinstance(value, BaseModel):
            yield from (((name, *path), secret) for path, secret in _secrets(value))
        elif isinstance(value, dict):
            yield from (((name, k), v) for k, v in value.items() if isinstance(v, SecretStr))


def value_at(data: Any, path: tuple[str | int, ...]) -> Any:
    """What is there in JSON. Raises KeyError, IndexError or TypeError where nothing is."""
    for step in path:
        data = data[step]
    return data


def put_at(data: Any, path: tuple[str | int, ...], value: Any) -> None:
    """Replace what is there in JSON."""
    value_at(data, path[:-1])[path[-1]] = value


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong, where it is, and how many more there are."""
    first, *others = error.errors(include_input=False)
    place = ".".join(str(step) for step in first["loc"])
    words = {"missing": f"missing field `{first['loc'][-1]}`"} if first["loc"] else {}
    text = words.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place}: {text}" + (f" (and {len(others)} more)" if others else "")
