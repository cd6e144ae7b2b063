"""Lineage as it is drawn and as tables tell it: addresses, and the pipelines between them with their last states."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from supersync_core.services.lineage import Edge, Graph, Node
from supersync_dagster.web.rows import Row

MAX_NODES = 500
"""More than this nobody can look at; the nearest are drawn."""
GONE = "gone"
"""The state of a pipeline that nobody declares any more."""
STATES = ("failed", "running", "queued", "cancelled", "never", GONE, "succeeded")
"""An address is shown in the first of these that a pipeline has which writes to it."""


@dataclass(frozen=True)
class Through:
    """A pipeline of the drawing, and what it reads and writes there. `key`: of its page; None: it has none."""

    id: int
    title: str
    key: str | None
    state: str
    reads: Sequence[Node]
    writes: Sequence[Node]


@dataclass(frozen=True)
class Drawing:
    """`left_out`: addresses that are too many. `data`: JSON for `lineage.js`."""

    nodes: Sequence[Node]
    pipelines: Sequence[Through]
    left_out: int
    data: str


def drawing_of(graph: Graph, center: int, rows: Iterable[Row]) -> Drawing:
    """The drawing of a graph around the address with the id `center`; `rows`: of the board, for the states."""
    nodes = sorted(graph.nodes, key=lambda node: (abs(node.depth), node.depth, node.name))[:MAX_NODES]
    shown = {node.id: node for node in nodes}
    edges = [edge for edge in graph.edges if edge.source_id in shown and edge.target_id in shown]
    pipelines = _pipelines(edges, shown, {row.standing.id: row for row in rows})
    data = {
        "center": center,
        "nodes": [
            {"id": node.id, "name": node.name, "type": node.type_name, "depth": node.depth, "state": state}
            for node, state in zip(nodes, _states(nodes, pipelines), strict=True)
        ],
        "edges": [[edge.source_id, edge.target_id, edge.pipeline_id] for edge in edges],
        "pipelines": {one.id: {"title": one.title, "key": one.key, "state": one.state} for one in pipelines},
    }
    by_depth = sorted(nodes, key=lambda node: (node.depth, node.name))
    return Drawing(by_depth, pipelines, len(graph.nodes) - len(nodes), json.dumps(data, separators=(",", ":")))


def _pipelines(edges: Sequence[Edge], nodes: Mapping[int, Node], rows: Mapping[int, Row]) -> list[Through]:
    names = {edge.pipeline_id: edge.pipeline for edge in edges}
    sides: dict[int, tuple[dict[int, Node], dict[int, Node]]] = {id_: ({}, {}) for id_ in names}
    for edge in edges:
        for side, end in zip(sides[edge.pipeline_id], (edge.source_id, edge.target_id), strict=True):
            side[end] = nodes[end]
    found = [
        Through(
            id=id_,
            title=rows[id_].standing.title if id_ in rows else name,
            key=rows[id_].key if id_ in rows else None,
            state=rows[id_].state if id_ in rows else GONE,
            reads=_by_name(sides[id_][0]),
            writes=_by_name(sides[id_][1]),
        )
        for id_, name in names.items()
    ]
    return sorted(found, key=lambda one: (STATES.index(one.state), one.title.casefold()))


def _by_name(side: Mapping[int, Node]) -> list[Node]:
    return sorted(side.values(), key=lambda node: node.name)


def _states(nodes: Sequence[Node], pipelines: Sequence[Through]) -> list[str | None]:
    """The state of each address, None where none of the pipelines writes to it. They come with the worst first."""
    worst: dict[int, str] = {}
    for one in pipelines:
        for node in one.writes:
            worst.setdefault(node.id, one.state)
    return [worst.get(node.id) for node in nodes]
