"""From a pipeline to its names in Dagster: asset, source asset, job, schedule. The one place to override them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_shared.libraries import DagsterLibraryRegistry

from supersync_core.domain.check import Freshness
from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import PipelineDeclaration, PipelineKind, dagster_key, dagster_name, fold_name
from supersync_core.domain.table import TableName

PIPELINE = "supersync/pipeline"
"""Key of an asset's metadata (the pipeline's name), of a run's tag and a schedule's metadata (the pipeline's key)."""
EXECUTION = "supersync/execution"
"""Key of a run's tag: the execution in the ledger that the run takes up."""
KIND = "supersync/kind"
"""Key of an asset's metadata and of a run's tag: the pipeline's kind."""
LAUNCHER = "supersync_launcher"
"""The sensor by which a webserver knows the repositories with pipelines."""
JOBS = "supersync/jobs"
"""Key of that sensor's metadata: the name of each pipeline's job by the pipeline's key."""
ANY_PIPELINE = "*"
"""Its key for the job that runs a pipeline which was registered after the definitions were loaded."""

ADDRESS = "address"
"""First part of the asset key of an address whose name has one part."""

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
_TAG_KEY = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class PipelineData:
    """What a translator knows of a pipeline.

    `scheduled`: whether its schedule is on when Dagster sees it for the first time. `connection_types`: type of each
    connection by its name, such as `{"warehouse": "redshift"}`. `reads`, `writes`: addresses that somebody has reported
    as its sources and targets. `watermark`: how far it had come at the load. `page`: address of its page.
    `checks`: what is expected of it, in words, by the names of the checks.
    """

    declaration: PipelineDeclaration
    scheduled: bool = True
    connection_types: Mapping[str, str] = field(default_factory=dict)
    reads: tuple[Place, ...] = ()
    writes: tuple[Place, ...] = ()
    watermark: str | None = None
    page: str | None = None
    checks: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The pipeline's name in letters, digits and underscores."""
        return dagster_key(self.declaration.name)

    def side(self, name: str) -> Mapping[str, Any]:
        """The part of the specification called `source` or `target`; {} where its kind has none."""
        part = self.declaration.spec.get(name)
        return part if isinstance(part, Mapping) else {}

    def place(self, name: str) -> Place | None:
        """The address that its runs report for that side; None where it has none that is its own, as SQL has not."""
        side = self.side(name)
        connection = str(side.get("connection") or "")
        relation = (
            TableName.parse(str(side["table"])) if side.get("table") else side.get("query") or side.get("channel")
        )
        if not connection or not relation:
            return None
        return Place(f"{connection}.{relation}", self.connection_types.get(connection, ""))


class SupersyncTranslator:
    """How pipelines look in Dagster. Override a method to change keys, groups, deps, tags or names.

    >>> class Ours(SupersyncTranslator):
    ...     def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
    ...         return super().get_asset_spec(data).replace_attributes(group_name="raw")
    """

    def get_asset_spec(self, data: PipelineData) -> dg.AssetSpec:
        """The asset that a run of the pipeline materialises."""
        declared = data.declaration
        source = self.get_source_spec(data)
        # Dagster goes by materialisations, and a stream in which nothing comes has none: our own check knows its lag.
        streams = declared.kind is PipelineKind.CDC
        return dg.AssetSpec(
            key=dg.AssetKey([data.key]),
            deps=[*([source.key] if source else []), *self._reported_keys(data.reads, source)],
            description=_description(data),
            group_name=re.sub(r"[^A-Za-z0-9_]", "_", declared.group or declared.kind.value),
            kinds=_kinds(data, "source", "target"),
            owners=[_owner(owner) for owner in declared.owners if owner.strip() not in ("", "team:")],
            tags={k: v for k, v in declared.tags.items() if _TAG_KEY.fullmatch(k) and _TAG_VALUE.fullmatch(v)},
            freshness_policy=None if streams else freshness_policy(declared.freshness),
            metadata=_metadata(data),
        )

    def get_check_specs(self, data: PipelineData) -> list[dg.AssetCheckSpec]:
        """The checks on that asset, one for each rule of the pipeline."""
        if not data.checks:
            return []
        key = self.get_asset_spec(data).key
        return [dg.AssetCheckSpec(name, asset=key, description=words) for name, words in data.checks.items()]

    def get_source_spec(self, data: PipelineData) -> dg.AssetSpec | None:
        """The external asset that the pipeline reads; None where nothing says what it reads."""
        side = data.side("source")
        connection = str(side.get("connection") or "")
        path = _relation_path(side, data.key)
        if not connection or not path:
            return None
        return dg.AssetSpec(
            key=dg.AssetKey([dagster_name(connection), *path]),
            description=f"{_relation(side)} of the connection {connection}",
            group_name=dagster_name(connection),
            kinds=_kinds(data, "source"),
        )

    def get_address_spec(self, place: Place) -> dg.AssetSpec:
        """The external asset of an address that somebody has reported: its name in parts, without regard to case."""
        path = _address_path(place.name)
        return dg.AssetSpec(
            key=dg.AssetKey(path),
            description=place.name,
            group_name=path[0],
            kinds={place.type_name} if _TAG_VALUE.fullmatch(place.type_name) and place.type_name else set(),
        )

    def get_target_key(self, data: PipelineData) -> dg.AssetKey | None:
        """The key under which another pipeline would read what this one writes; it joins the lineage of the two."""
        side = data.side("target")
        path = _relation_path(side, data.key)
        return dg.AssetKey([dagster_name(str(side["connection"])), *path]) if path and side.get("connection") else None

    def get_job_name(self, data: PipelineData) -> str:
        """The job that runs this pipeline alone."""
        return f"sync__{data.key}"

    def get_schedule_name(self, data: PipelineData) -> str:
        """The schedule of that job."""
        return f"{self.get_job_name(data)}__schedule"

    def _reported_keys(self, places: Iterable[Place], source: dg.AssetSpec | None) -> list[dg.AssetKey]:
        keys = dict.fromkeys(self.get_address_spec(place).key for place in places)
        return [key for key in keys if source is None or key != source.key]


def freshness_policy(freshness: Freshness | None) -> dg.FreshnessPolicy | None:
    """Dagster's policy with the same window; None without one, and for one that is longer than time can be."""
    try:
        return dg.FreshnessPolicy.time_window(fail_window=freshness.window) if freshness else None
    except OverflowError:
        return None


def _kinds(data: PipelineData, *sides: str) -> set[str]:
    """The types of the connections of those sides, as far as they are known."""
    if data.declaration.kind is PipelineKind.CDC:
        return {place.type_name for place in (*data.reads, *data.writes) if place.type_name}
    names = (str(data.side(side).get("connection")) for side in sides)
    return {data.connection_types[name] for name in names if name in data.connection_types}


def _relation_path(side: Mapping[str, Any], key: str) -> list[str]:
    """What is read or written below its connection: schema and table, a query's name, or `sql` and the pipeline."""
    if side.get("table"):
        table = TableName.parse(str(side["table"]))
        return [dagster_name(part) for part in (table.schema, table.name) if part]
    if side.get("query") or side.get("channel"):
        return [dagster_name(str(side.get("query") or side["channel"]))]
    return ["sql", key] if side.get("sql") else []


def _address_path(name: str) -> list[str]:
    """The parts of an address' name between its dots: at least two, so that none is the key of a pipeline."""
    parts = [dagster_name(part) or "_x_" for part in fold_name(name).split(".")]
    if len(parts) == 1:
        return [ADDRESS, *parts]
    # What begins like those of one part is told from them.
    return [f"_x{ord(ADDRESS[0]):x}_{ADDRESS[1:]}", *parts[1:]] if parts[0] == ADDRESS else parts


def _relation(side: Mapping[str, Any]) -> str:
    named = side.get("table") or side.get("query")
    channel = f"the channel {side['channel']}" if side.get("channel") else None
    return str(named or channel or ("SQL" if side.get("sql") else "data"))


def _description(data: PipelineData) -> str:
    lines = [data.declaration.title or data.declaration.name]
    source, target = data.side("source"), data.side("target")
    if source and target:
        lines.append(
            f"Copies {_relation(source)} of {source.get('connection')} to {_relation(target)} of "
            f"{target.get('connection')}."
        )
    if data.declaration.kind is PipelineKind.CHANNEL_SYNC:
        lines.append(f"Makes facts, a graph and a wiki from {_relation(source)} of {source.get('connection')}.")
    if data.declaration.kind is PipelineKind.EXTERNAL:
        lines.append("Run by somebody else, who reports it to supersync.")
    return "\n\n".join(lines)


def _metadata(data: PipelineData) -> dict[str, Any]:
    declared, target = data.declaration, data.side("target").get("table")
    found: dict[str, Any] = {
        "dagster/table_name": str(target) if target else None,
        "supersync/configuration": dg.MetadataValue.json(dict(declared.spec)) if _is_shown(declared) else None,
        "supersync/writes": ", ".join(place.name for place in data.writes) or None,
        "supersync/watermark": data.watermark,
        "supersync/page": dg.MetadataValue.url(data.page) if data.page else None,
    }
    known = {name: value for name, value in found.items() if value is not None}
    return {PIPELINE: declared.name, KIND: declared.kind.value, **known}


def _is_shown(declared: PipelineDeclaration) -> bool:
    """A stream's specification holds secrets, sealed: its own page shows the rest."""
    return bool(declared.spec) and declared.kind is not PipelineKind.CDC


def _owner(owner: str) -> str:
    """An owner as Dagster accepts it: an address of e-mail, or a team."""
    owner = owner.strip()
    return owner if _EMAIL.fullmatch(owner) or re.match(r"team:.", owner) else f"team:{owner.removeprefix('team:')}"


DagsterLibraryRegistry.register("supersync", version("supersync"), is_dagster_package=False)
