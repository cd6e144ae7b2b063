"""`/supersync/wiki`: what syncs of channels have written, with citations; and the graph behind it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from markupsafe import Markup

from supersync_core.domain.access import Role
from supersync_core.services.channel_sync.knowledge import (
    EntityNotFound,
    Neighbourhood,
    Node,
    graph_around,
    list_pages,
    read_page,
    search_facts,
)
from supersync_core.services.channel_sync.knowledge import FactFilter as Facts
from supersync_core.services.channel_sync.rendering import as_html
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import SessionDep
from supersync_dagster.web.asked import Words
from supersync_dagster.web.render import page

PATH, GRAPH = "/supersync/wiki", "/supersync/graph"
LISTED, MOST, FACTS = 200, 40, 20
WIDTH, HEIGHT = 900, 560
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_pages(request: Request, session: SessionDep, q: Words = "") -> Response:
    """Pages by channel, or those with these words."""
    found = list_pages(session, words=q or None, limit=LISTED + 1)
    return page(request, "wiki.html", found=found[:LISTED], q=q, more=len(found) > LISTED)


@router.get(f"{PATH}/{{slug}}", dependencies=VIEWER)
def read_wiki_page(
    slug: str, request: Request, session: SessionDep, version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None
) -> Response:
    """A page, or an old version of it."""
    found = read_page(session, slug.replace("\0", ""), version)
    # The renderer gives no HTML but its own: what people have written is text in it.
    return page(request, "wiki_page.html", found=found, html=Markup(as_html(found.markdown)))  # noqa: S704


@router.get(GRAPH, dependencies=VIEWER)
def read_graph(request: Request, session: SessionDep, entity: Words = "") -> Response:
    """What is around an entity, or what most facts name: as a drawing and as tables."""
    try:
        found = graph_around(session, entity or None, None, depth=1, most=MOST)
    except EntityNotFound:
        found = Neighbourhood((), (), ())
    facts = search_facts(session, Facts(entity=_name(found)), limit=FACTS).facts if found.centre else ()
    names = {(node.type, node.key): node.name for node in found.nodes}
    return page(request, "graph.html", entity=entity, found=found, facts=facts, names=names, drawing=drawing_of(found))


@dataclass(frozen=True)
class Dot:
    """An entity in the drawing."""

    node: Node
    x: float
    y: float
    r: float
    is_centre: bool


@dataclass(frozen=True)
class Drawing:
    """Entities, and lines between them as x, y, x, y and a class of width, 1 to 3."""

    dots: Sequence[Dot]
    lines: Sequence[tuple[float, float, float, float, int]]


def drawing_of(found: Neighbourhood) -> Drawing:
    """Entities in a ring around the centre, what is named together side by side; the same for the same graph."""
    import networkx as nx  # here, because few pages draw

    graph: Any = nx.Graph()
    graph.add_nodes_from((node.type, node.key) for node in found.nodes)
    for link in found.links:
        if link.source != link.target:
            graph.add_edge(link.source, link.target, weight=link.facts)
    places: Mapping[Any, Any] = nx.spring_layout(graph, seed=1, k=2 / math.sqrt(max(1, len(graph)))) if graph else {}
    at = {key: _place(place) for key, place in places.items()}
    largest = max((node.facts for node in found.nodes), default=1) or 1
    dots = [
        Dot(
            node,
            *at[(node.type, node.key)],
            round(6 + 12 * math.sqrt(node.facts / largest), 1),
            (node.type, node.key) in found.centre,
        )
        for node in found.nodes
    ]
    return Drawing(dots, [_line(one, other, data["weight"], at) for one, other, data in graph.edges(data=True)])


def _place(place: Sequence[float]) -> tuple[float, float]:
    x, y = float(place[0]), float(place[1])
    return round(WIDTH / 2 + x * (WIDTH / 2 - 90), 1), round(HEIGHT / 2 + y * (HEIGHT / 2 - 40), 1)


def _line(
    one: Any, other: Any, facts: int, at: Mapping[Any, tuple[float, float]]
) -> tuple[float, float, float, float, int]:
    return (*at[one], *at[other], 1 if facts < 2 else 2 if facts < 5 else 3)


def _name(found: Neighbourhood) -> str:
    centre = found.centre[0]
    return next((node.name for node in found.nodes if (node.type, node.key) == centre), centre[1])
