"""How data flows: edges that a pipeline's reporter draws, and the graph around an address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.lineage import Place
from supersync_core.domain.pipeline import fold_name
from supersync_core.ledger.addresses import get_or_create_places
from supersync_core.ledger.lineage import Direction, replace_edges, select_reach, select_reported_places
from supersync_core.ledger.lineage_tables import Address, AddressType, LineageEdge
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.addresses import ReportedAddress, report_addresses

__all__ = [
    "Direction",
    "Drawn",
    "Edge",
    "Flow",
    "Graph",
    "Node",
    "lineage_around",
    "record_lineage",
    "report_lineage",
    "reported_flows",
]


@dataclass(frozen=True)
class Drawn:
    """How many edges a pipeline has by its report; `changed`: whether that made a difference."""

    edges: int
    changed: bool


def report_lineage(
    session: Session,
    pipeline_id: int,
    sources: Sequence[ReportedAddress],
    targets: Sequence[ReportedAddress],
    *,
    at: datetime,
) -> Drawn | None:
    """Let the reported edges of a pipeline be those from each source to each target.

    Addresses are made as they are needed; an empty side means no edges. None, and nothing is written, where there is no
    such pipeline or it does not take lineage at present (Watcher: `load_lineage`).
    """
    # Locked, so that of two at once the later one's edges are there as a whole.
    takes = select(Pipeline.load_lineage).where(Pipeline.id == pipeline_id).with_for_update(key_share=True)
    if not session.scalar(takes):
        return None
    everything = {fold_name(one.name): one for one in (*sources, *targets)}
    found = report_addresses(session, list(everything.values()), at=at) if everything else {}
    source_ids, target_ids = ({found[fold_name(one.name)][0] for one in side} for side in (sources, targets))
    changed = replace_edges(session, pipeline_id, source_ids, target_ids, reported=True, at=at)
    return Drawn(len(source_ids) * len(target_ids), changed)


@dataclass(frozen=True)
class Flow:
    """What a pipeline reads and writes, as it was reported; by name."""

    reads: tuple[Place, ...] = ()
    writes: tuple[Place, ...] = ()


def reported_flows(session: Session) -> dict[int, Flow]:
    """The flow of each pipeline of which one was reported, by its id."""
    sides: dict[int, dict[bool, list[Place]]] = {}
    for pipeline_id, is_read, *place in select_reported_places(session):
        sides.setdefault(pipeline_id, {True: [], False: []})[is_read].append(Place(*place))
    return {id_: Flow(tuple(side[True]), tuple(side[False])) for id_, side in sides.items()}


def record_lineage(
    session: Session, pipeline_id: int, sources: Sequence[Place], targets: Sequence[Place], *, at: datetime
) -> None:
    """Let what our runs have seen of a pipeline be: from each source to each target. What was reported stays."""
    ids = get_or_create_places(session, [*sources, *targets], at=at)
    replace_edges(session, pipeline_id, ids[: len(sources)], ids[len(sources) :], at=at)


@dataclass(frozen=True)
class Node:
    """An address in a graph. `depth`: edges between it and the one that was asked for; negative upstream of it."""

    id: int
    name: str
    type_name: str
    depth: int


@dataclass(frozen=True)
class Edge:
    """Data flows from one address to another through a pipeline. `reported`: somebody said so, no run of ours."""

    source_id: int
    target_id: int
    pipeline_id: int
    pipeline: str
    reported: bool


@dataclass(frozen=True)
class Graph:
    """Addresses by depth and name, and the edges between them."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]


def lineage_around(session: Session, address: Address, direction: Direction, *, depth: int) -> Graph:
    """What an address is made from, what is made from it, or both, as far as `depth` edges away.

    An address that is reached on several ways is there once, as near as it is.
    """
    reached = select_reach(session, address.id, direction)
    depths = {address.id: 0}
    if direction is not Direction.DOWNSTREAM:
        depths = _depths(reached, address.id, depth, forwards=False) | depths
    if direction is not Direction.UPSTREAM:
        forwards = _depths(reached, address.id, depth, forwards=True)
        depths |= {id_: far for id_, far in forwards.items() if far < abs(depths.get(id_, depth + 1))}
    kept = [edge for edge in reached if edge.source_id in depths and edge.target_id in depths]
    return Graph(_nodes(session, depths), _edges(session, kept))


def _depths(edges: Sequence[LineageEdge], start: int, depth: int, *, forwards: bool) -> dict[int, int]:
    import networkx as nx  # here, because few processes draw lineage

    graph = nx.DiGraph((edge.source_id, edge.target_id) for edge in edges)
    graph.add_node(start)
    ways = graph if forwards else graph.reverse(copy=False)
    found = nx.single_source_shortest_path_length(ways, start, cutoff=depth)
    return {id_: far if forwards else -far for id_, far in found.items()}


def _nodes(session: Session, depths: dict[int, int]) -> Sequence[Node]:
    named = select(Address.id, Address.name, AddressType.name).join(AddressType, AddressType.id == Address.type_id)
    found = session.execute(named.where(Address.id.in_(depths)))
    nodes = [Node(id_, name, type_name, depths[id_]) for id_, name, type_name in found]
    return sorted(nodes, key=lambda node: (node.depth, node.name))


def _edges(session: Session, edges: Sequence[LineageEdge]) -> Sequence[Edge]:
    ids = {edge.pipeline_id for edge in edges}
    rows = session.execute(select(Pipeline.id, Pipeline.name).where(Pipeline.id.in_(ids)))
    names = {id_: name for id_, name in rows}
    return [
        Edge(edge.source_id, edge.target_id, edge.pipeline_id, names[edge.pipeline_id], edge.reported) for edge in edges
    ]
