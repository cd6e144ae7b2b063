"""`/supersync/lineage`: from where an address gets its data, and who gets it from there; as a drawing and as tables."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from supersync_core.domain.access import Role
from supersync_core.errors import NotFound
from supersync_core.ledger.lineage_tables import Address
from supersync_core.services.address_search import search_addresses
from supersync_core.services.addresses import find_address
from supersync_core.services.lineage import Direction, lineage_around
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import SessionDep
from supersync_dagster.web.asked import Words
from supersync_dagster.web.drawing import drawing_of
from supersync_dagster.web.live import View
from supersync_dagster.web.render import page

PATH = "/supersync/lineage"
MAX_DEPTH, FOUND = 10, 30
VIEWER = [Depends(require(Role.VIEWER))]
DIRECTIONS = {
    Direction.BOTH: "both ways",
    Direction.UPSTREAM: "upstream: from where it comes",
    Direction.DOWNSTREAM: "downstream: where it goes",
}
Depth = Annotated[int, Query(ge=1, le=MAX_DEPTH)]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_lineage(
    request: Request,
    session: SessionDep,
    address: Words = "",
    direction: Direction = Direction.BOTH,
    depth: Depth = 2,
) -> Response:
    """What is around an address; else the addresses whose names contain the text."""
    view: View = request.app.state.live.view()
    center = _find(session, address)
    drawing = None
    if center is not None:
        graph = lineage_around(session, center, direction, depth=depth)
        drawing = drawing_of(graph, center.id, view.rows)
    return page(
        request,
        "lineage.html",
        address=address,
        center=center,
        direction=direction,
        depth=depth,
        depths=range(1, MAX_DEPTH + 1),
        directions=DIRECTIONS,
        drawing=drawing,
        found=None if center else search_addresses(session, address, limit=FOUND),
        most=FOUND,
    )


@router.get(f"{PATH}/addresses", dependencies=VIEWER)
def read_addresses(request: Request, session: SessionDep, address: Words = "") -> Response:
    """Those whose names contain the text, while somebody types it."""
    found = search_addresses(session, address, limit=FOUND) if address else None
    around: dict[str, Any] = {"address": address, "direction": None, "depth": None, "most": FOUND}
    return page(request, "addresses.html", page_path=PATH, found=found, **around)


def _find(session: SessionDep, name: str) -> Address | None:
    try:
        return find_address(session, name) if name else None
    except NotFound:
        return None
