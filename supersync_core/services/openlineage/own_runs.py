"""Which runs of ours a receiver of OpenLineage events is to be told of, and where their data flows.

Every execution is marked once its end was told. So one that is written late, or by a machine whose clock is behind, is
not passed over, and none is forgotten while the receiver is away.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from supersync_core.connectors.config import ConnectorConfig, Location
from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.domain.table_sync import Relation
from supersync_core.ledger import emissions as rows
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.emissions import OwnRun
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.configuration import TableSyncConfig

__all__ = ["Flow", "OwnRun", "Side", "note_told", "running_runs", "still_untold", "untold_runs", "where_it_flows"]


def untold_runs(ledger: Ledger, *, since: datetime, limit: int) -> Sequence[OwnRun]:
    """Executions that ended at `since` or later and of whose end nobody was told, in the order of their ends."""
    with ledger.begin() as session:
        return rows.select_unemitted(session, since=since, limit=limit)


def running_runs(ledger: Ledger, *, but: Collection[int]) -> Sequence[OwnRun]:
    """Executions that run, but not those of these ids."""
    with ledger.begin() as session:
        return rows.select_running(session, but=but)


def still_untold(ledger: Ledger, ids: Collection[int]) -> set[int]:
    """Those of the executions of whose end nobody was told."""
    with ledger.begin() as session:
        return rows.still_unemitted(session, ids)


def note_told(ledger: Ledger, ids: Collection[int], *, at: datetime) -> None:
    """Note that a receiver was told of the ends of these executions."""
    with ledger.begin() as session:
        rows.note_emitted(session, ids, at=at)


@dataclass(frozen=True)
class Side:
    """Where data comes from or goes to. `location` None: the connection is not declared, or leads nowhere by name."""

    connection: str
    type_name: str
    relation: Relation
    location: Location | None


@dataclass(frozen=True)
class Flow:
    """From where to where a pipeline moves data: sides of a table sync, or places as its runs have named them."""

    sources: Sequence[Side | Place] = ()
    targets: Sequence[Side | Place] = ()


def where_it_flows(ledger: Ledger, pipeline: Pipeline, connections: Mapping[str, ConnectorConfig]) -> Flow:
    """What the pipeline reads and writes, as far as that is known. Raises ConfigError for a DSN that cannot be read."""
    if pipeline.kind is PipelineKind.TABLE_SYNC:
        declared = TableSyncConfig.model_validate(pipeline.spec)
        sync = declared.to_sync(pipeline.name)
        source = _side(declared.source.connection, sync.source, connections)
        target = _side(declared.target.connection, Relation(table=sync.target), connections)
        return Flow([source], [target])
    with ledger.begin() as session:
        return Flow(*rows.select_seen_places(session, pipeline.id))


def _side(name: str, relation: Relation, connections: Mapping[str, ConnectorConfig]) -> Side:
    connection = connections.get(name)
    if connection is None:
        return Side(name, "dataset", relation, None)
    return Side(name, connection.type, relation, connection.location())
