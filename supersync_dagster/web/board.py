"""`/supersync`: every pipeline with its state, live."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from supersync_core.domain.access import Role
from supersync_dagster.api.auth import require
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web.health import UNKNOWN, chips_now
from supersync_dagster.web.live import View
from supersync_dagster.web.render import fragment, page
from supersync_dagster.web.rows import TILES, matching
from supersync_dagster.web.stream import stream

PATH = "/supersync"
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_board(
    request: Request, context: ContextDep, q: Annotated[str, Query(max_length=200)] = "", state: str = "all"
) -> Response:
    """The board. Rows that the filter leaves out are there, hidden: the browser filters without asking again."""
    view: View = request.app.state.live.view()
    tile = state if state in dict(TILES) else "all"
    shown = matching(view.rows, q, tile)
    chips = chips_now(context) or UNKNOWN
    return page(request, "board.html", view=view, shown=shown, q=q, tile=tile, tiles=TILES, chips=chips)


@router.get(f"{PATH}/", dependencies=VIEWER)
def read_slash() -> Response:
    """The board without the slash."""
    return RedirectResponse("../supersync", status_code=308)


@router.get(f"{PATH}/events", dependencies=VIEWER)
async def read_events(request: Request, since: str | None = None) -> Response:
    """Rows that have changed."""
    return stream(request, BoardPainter(), page_path=PATH, tag=since)


class BoardPainter:
    """Rows and tiles."""

    def paint(self, view: View, seen: str | None, around: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
        """One event: each row that has changed, or all when others are there."""
        rows = view.since(seen)
        template = "rows_partial.html" if rows is not None else "board_partial.html"
        values = {"view": view, "rows": view.rows if rows is None else rows, "tiles": TILES, "shown": None}
        yield None, fragment(template, **values, **around)
