"""From plain data, as YAML or JSON gives it, to a Configuration: every problem is found, not only the first."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import connector_types, load_connector
from supersync_core.errors import ConfigError
from supersync_core.services.configuration.channel import ChannelConfig
from supersync_core.services.configuration.historical_sync import SupabaseConfig
from supersync_core.services.configuration.model import (
    PIPELINE_MODELS,
    Configuration,
    OpenLineageConfig,
    find_channel_problems,
    find_problems,
    find_users_problems,
)
from supersync_core.services.configuration.pipeline import PipelineConfig
from supersync_core.services.configuration.problems import Path, Problem, did_you_mean, read_problems

Model = TypeVar("Model", bound=BaseModel)
Report = Callable[[Problem], None]


def build_configuration(data: object) -> tuple[Configuration | None, list[Problem]]:
    """The configuration that `data` stands for, or None and what is wrong with it."""
    problems: list[Problem] = []
    report = problems.append
    if not isinstance(data, Mapping):
        return None, [Problem((), "a mapping with the keys connections and pipelines is expected")]
    for key in data:
        if key not in Configuration.model_fields:
            report(Problem((key,), f"unknown key {key!r}" + did_you_mean(key, Configuration.model_fields)))
    connections = _connections(data.get("connections") or {}, report)
    pipelines = _pipelines(data.get("pipelines") or [], report)
    problems += find_problems(connections, pipelines, declared=data.get("connections") or {})
    channels = _channels(data.get("alerts") or [], report)
    problems += find_channel_problems(channels)
    openlineage = None
    if data.get("openlineage") is not None:
        openlineage = _validated(OpenLineageConfig, data["openlineage"], ("openlineage",), report)
    supabase = None
    if data.get("supabase") is not None:
        supabase = _validated(SupabaseConfig, data["supabase"], ("supabase",), report)
    problems += find_users_problems(connections, supabase, declared=data.get("connections") or {})
    if problems:
        return None, problems
    return Configuration(
        connections=connections,
        pipelines=tuple(pipelines.values()),
        alerts=tuple(channels.values()),
        openlineage=openlineage,
        supabase=supabase,
    ), []


def _connections(data: object, report: Report) -> dict[str, ConnectorConfig]:
    if not isinstance(data, Mapping):
        report(Problem(("connections",), "connections: a mapping of names to connections is expected here"))
        return {}
    found = {}
    for name, entry in data.items():
        if not name.strip():
            report(Problem(("connections", name), "connections: a connection has a name"))
            continue
        connection = _connection(entry, ("connections", name), report)
        if connection is not None:
            found[name] = connection
    return found


def _connection(entry: object, at: Path, report: Report) -> ConnectorConfig | None:
    type_name = entry.get("type") if isinstance(entry, Mapping) else None
    if not isinstance(type_name, str):
        known = ", ".join(connector_types())
        report(Problem(at, f"a connection is a mapping with the key 'type', which is one of: {known}"))
        return None
    try:
        model: type[ConnectorConfig] = load_connector(type_name).Config
    except ConfigError as error:
        report(Problem((*at, "type"), str(error)))
        return None
    return _validated(model, entry, at, report)


def _pipelines(data: object, report: Report) -> dict[int, PipelineConfig]:
    if not isinstance(data, list):
        report(Problem(("pipelines",), "pipelines: a list of pipelines is expected here"))
        return {}
    found = {}
    for index, entry in enumerate(data):
        pipeline = _pipeline(entry, ("pipelines", index), report)
        if pipeline is not None:
            found[index] = pipeline
    return found


def _pipeline(entry: object, at: Path, report: Report) -> PipelineConfig | None:
    kind = entry.get("kind") if isinstance(entry, Mapping) else None
    known = ", ".join(PIPELINE_MODELS)
    if kind is None:
        report(Problem(at, f"a pipeline is a mapping with the key 'kind', which is one of: {known}"))
        return None
    if not isinstance(kind, str) or kind not in PIPELINE_MODELS:
        report(Problem((*at, "kind"), f"kind: a pipeline of kind {kind!r} cannot be declared; known kinds: {known}"))
        return None
    return _validated(PIPELINE_MODELS[kind], entry, at, report)


def _channels(data: object, report: Report) -> dict[int, ChannelConfig]:
    if not isinstance(data, list):
        report(Problem(("alerts",), "alerts: a list of channels is expected here"))
        return {}
    found = {}
    for index, entry in enumerate(data):
        at: Path = ("alerts", index)
        if not isinstance(entry, Mapping):
            report(Problem(at, "a channel is a mapping with the key 'name', and 'url' or 'webhook'"))
        elif (channel := _validated(ChannelConfig, entry, at, report)) is not None:
            found[index] = channel
    return found


def _validated(model: type[Model], entry: Any, at: Path, report: Report) -> Model | None:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        for problem in read_problems(error, model, at):
            report(problem)
        return None
