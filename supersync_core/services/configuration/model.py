"""What `supersync.yaml` may say, as frozen pydantic models: unknown keys are refused."""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.domain.historical_sync import ANY_AGENCY
from supersync_core.domain.pipeline import PipelineKind, fold_name
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Deletes, Mode, Reading, Relation, TableSync
from supersync_core.errors import ConfigError
from supersync_core.services.configuration.cdc import CdcConfig
from supersync_core.services.configuration.channel import ChannelConfig
from supersync_core.services.configuration.channel_sync import ChannelSyncConfig
from supersync_core.services.configuration.historical_sync import HistoricalSyncConfig, SupabaseConfig, tells_apart
from supersync_core.services.configuration.part import Part
from supersync_core.services.configuration.pipeline import PipelineConfig, Use, as_problem
from supersync_core.services.configuration.problems import Path, Problem, did_you_mean
from supersync_core.services.configuration.values import Duration, Names, Sql, Table, Text


class TableSourceConfig(Part):
    """What to read: one of `table`, `query` (built into the connector) and `sql`; and how much of it.

    `cursor` is the column that grows when a row is new or changed. With `window` the rows of the last so much are read
    each time; with a cursor alone those since the last run (`lookback` more, for rows that commit late); else all.
    """

    connection: Text
    table: Table | None = None
    query: Text | None = None
    sql: Sql | None = None
    cursor: Text | None = None
    window: Duration | None = None
    lookback: Duration | None = None
    mode: Mode | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "TableSourceConfig":
        with as_problem():
            self.relation()
            reading = self.reading()
        if self.lookback is not None and reading.mode is not Mode.INCREMENTAL:
            raise ValueError(f"lookback has no meaning in mode {reading.mode.value}: it is for mode incremental")
        return self

    def relation(self) -> Relation:
        """What to read. Raises ConfigError for none or several."""
        return Relation(table=TableName.parse(self.table) if self.table else None, query=self.query, sql=self.sql)

    def reading(self) -> Reading:
        """How much to read, with the mode that follows from the other keys. Raises ConfigError for a contradiction."""
        derived = Mode.WINDOW if self.window else Mode.INCREMENTAL if self.cursor else Mode.FULL
        return Reading(mode=self.mode or derived, cursor=self.cursor, window=self.window, lookback=self.lookback)


class TableTargetConfig(Part):
    """Where rows go. `primary_key` identifies a row; without it the source's own is used."""

    connection: Text
    table: Table
    primary_key: Names = ()


class TableSyncConfig(PipelineConfig):
    """One pipeline of kind `table_sync`."""

    kind: Literal["table_sync"]
    source: TableSourceConfig
    target: TableTargetConfig
    deletes: Deletes = Deletes.KEEP

    @model_validator(mode="after")
    def _makes_sense(self) -> "TableSyncConfig":
        with as_problem():
            self.to_sync(self.name)
        return self

    def uses(self) -> Sequence[Use]:
        """Where it reads, and where it writes."""
        return (
            Use("source", self.source.connection, "table_source", "read tables"),
            Use("target", self.target.connection, "table_sink", "hold tables"),
        )

    def to_sync(self, name: str) -> TableSync:
        """What the engine is told, with `name` as the key of the checkpoint. Raises ConfigError."""
        return TableSync(
            key=fold_name(name),
            source=self.source.relation(),
            target=TableName.parse(self.target.table),
            primary_key=self.target.primary_key,
            reading=self.source.reading(),
            deletes=self.deletes,
        )


PIPELINE_MODELS: Mapping[str, type[PipelineConfig]] = {
    PipelineKind.TABLE_SYNC.value: TableSyncConfig,
    PipelineKind.CDC.value: CdcConfig,
    PipelineKind.CHANNEL_SYNC.value: ChannelSyncConfig,
    PipelineKind.HISTORICAL_SYNC.value: HistoricalSyncConfig,
}
"""One model per kind of pipeline that a file may declare."""


class OpenLineageConfig(Part):
    """Where to send OpenLineage events of our runs, and in which namespace our jobs are.

    `transport` is what the client of OpenLineage calls so: `{type: http, url: ..., auth: ...}`, or another type of its.
    """

    transport: dict[str, Any] = Field(repr=False)
    namespace: Text | None = None

    @model_validator(mode="after")
    def _has_a_type(self) -> "OpenLineageConfig":
        if not isinstance(self.transport.get("type"), str):
            raise ValueError("transport needs the key 'type': http, kafka, file, console, composite, ...")
        return self


class Configuration(Part):
    """Connections by name, the pipelines that use them, where to send alerts and OpenLineage events; Supabase."""

    connections: dict[Text, SerializeAsAny[ConnectorConfig]] = Field(default_factory=dict)
    pipelines: tuple[SerializeAsAny[PipelineConfig], ...] = ()
    alerts: tuple[ChannelConfig, ...] = ()
    openlineage: OpenLineageConfig | None = None
    supabase: SupabaseConfig | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Configuration":
        problems = find_problems(self.connections, dict(enumerate(self.pipelines)))
        problems += find_channel_problems(dict(enumerate(self.alerts)))
        problems += find_users_problems(self.connections, self.supabase)
        if problems:
            raise ConfigError("\n".join(str(problem) for problem in problems))
        return self


def find_problems(
    connections: Mapping[str, ConnectorConfig],
    pipelines: Mapping[int, PipelineConfig],
    declared: Container[str] = (),
) -> list[Problem]:
    """What no part can see alone: a name that is taken, a connection that is not there or cannot do what it should.

    `pipelines` by their place in the list. `declared` connections are there but have problems of their own.
    """
    problems = _taken_names("pipelines", {index: pipeline.name for index, pipeline in pipelines.items()})
    for index, pipeline in pipelines.items():
        at: Path = ("pipelines", index)
        for use in pipeline.uses():
            if use.connection in declared and use.connection not in connections:
                continue
            problem = _connection_problem(connections, use)
            if problem:
                problems.append(Problem((*at, use.side, "connection"), problem))
        problems += _agency_problems(connections, pipeline, at)
    return problems


def find_channel_problems(channels: Mapping[int, ChannelConfig]) -> list[Problem]:
    """Names that are taken. `channels` by their place in the list."""
    return _taken_names("alerts", {index: channel.name for index, channel in channels.items()})


def _agency_problems(connections: Mapping[str, ConnectorConfig], pipeline: PipelineConfig, at: Path) -> list[Problem]:
    """Calls of one agency that any would get."""
    if not isinstance(pipeline, HistoricalSyncConfig) or pipeline.agency != ANY_AGENCY:
        return []
    name = pipeline.source.connection
    if name not in connections or tells_apart(connections[name]):
        return []
    message = f"agency: any agency would get the calls of {name!r}: write {{agency}} into its path, or name the agency"
    return [Problem((*at, "agency"), message)]


def find_users_problems(
    connections: Mapping[str, ConnectorConfig], supabase: SupabaseConfig | None, declared: Container[str] = ()
) -> list[Problem]:
    """A connection of Supabase's users that is not there, or has none. `declared`: as in `find_problems`."""
    if supabase is None or supabase.users is None:
        return []
    use = Use("users", supabase.users.connection, "find_value", "know users")
    if use.connection in declared and use.connection not in connections:
        return []
    problem = _connection_problem(connections, use)
    return [Problem(("supabase", "users", "connection"), problem)] if problem else []


def _taken_names(key: str, names: Mapping[int, str]) -> list[Problem]:
    problems, taken = [], dict[str, int]()
    for index, name in names.items():
        first = taken.setdefault(fold_name(name), index)
        if first != index:
            message = f"name: {name!r} is taken by entry {first + 1} of the list; case makes no difference"
            problems.append(Problem((key, index, "name"), message))
    return problems


def _connection_problem(connections: Mapping[str, ConnectorConfig], use: Use) -> str | None:
    name = use.connection
    if name not in connections:
        return f"connection: there is no connection {name!r}" + did_you_mean(name, connections)
    if not hasattr(load_connector(connections[name].type), use.function):
        return f"connection: {name!r} is of type {connections[name].type}, which cannot {use.verb}"
    return None
