"""`/supersync/freshness`: how fresh all data is and how punctual executions are; mutes are set and lifted here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import fold_name
from supersync_core.services.audit import record
from supersync_core.services.freshness_board import Freshness, Standing, freshness_board, freshness_of
from supersync_core.services.pipeline_types import amend_pipeline_type, list_pipeline_types
from supersync_core.services.reported_pipelines import amend_pipeline
from supersync_dagster.api.auth import TRAIL, CallerDep, require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.web.asked import Words
from supersync_dagster.web.failures import wants_fragment
from supersync_dagster.web.render import page

PATH = "/supersync/freshness"
TILES = (
    ("all", "All"),
    ("stale", "Stale"),
    ("late", "Late"),
    ("muted", "Muted"),
    ("unknown", "No data yet"),
    ("none", "Nothing expected"),
)
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Wish:
    """What a button says. `whose`: `pipeline` or `type`, with its id; `check`: which of the two."""

    whose: str
    id: int
    check: str
    muted: bool


def _wish(mute: Annotated[str, Form(pattern=r"^(pipeline|type)-\d{1,19}-(freshness|timeliness)-(on|off)$")]) -> Wish:
    whose, id_, check, switch = mute.split("-")
    return Wish(whose, int(id_), check, switch == "on")


@dataclass(frozen=True)
class FreshnessRow:
    """A pipeline on this board."""

    it: Freshness
    tiles: frozenset[str]
    search: str


@dataclass(frozen=True)
class FreshnessView:
    """All rows, and how many there are under each tile."""

    rows: Sequence[FreshnessRow]
    tiles: dict[str, int]


@router.get(PATH, dependencies=VIEWER)
def read_freshness(
    request: Request, session: SessionDep, context: ContextDep, q: Words = "", state: str = "all"
) -> Response:
    """The board. Rows that the filter leaves out are there, hidden: the browser filters without asking again."""
    tile = state if state in dict(TILES) else "all"
    view = _view(session, context)
    folded = fold_name(q)
    shown = {row.it.id for row in view.rows if folded in row.search and tile in row.tiles}
    types = list_pipeline_types(session)
    return page(request, "freshness.html", view=view, shown=shown, q=q, tile=tile, tiles=TILES, types=types)


@router.post(f"{PATH}/mutes", dependencies=[Depends(require(Role.OPERATOR))])
def set_mute(
    request: Request, context: ContextDep, caller: CallerDep, wish: Annotated[Wish, Depends(_wish)]
) -> Response:
    """Mute a check, or lift the mute; of a pipeline, or of all that are of a type. Then show how it is now."""
    of_pipeline, at = wish.whose == "pipeline", context.clock()
    with context.ledger.begin() as session:
        change = {f"mute_{wish.check}": wish.muted}
        if of_pipeline:
            name = amend_pipeline(session, change, pipeline_id=wish.id, at=at).name
        else:
            name = amend_pipeline_type(session, change, type_id=wish.id, at=at).name
        action = f"{wish.check}.{'mute' if wish.muted else 'unmute'}"
        record(session, caller, action, name, result=200, at=at)
        context.board.forget_after(session)
    request.scope[TRAIL].recorded = True
    if not wants_fragment(request):
        return RedirectResponse("../freshness", 303)
    with context.ledger.begin() as session:
        one = freshness_of(session, wish.id, at=at) if of_pipeline else None
        values: dict[str, Any] = {
            "view": _view(session, context),
            "types": list_pipeline_types(session),
            "tiles": TILES,
            "shown": None,
        }
    toast = f"{name}: {wish.check} is {'muted' if wish.muted else 'looked after again'}"
    rows = [row_of(one)] if one else []
    return page(request, "freshness_partial.html", page_path=PATH, rows=rows, toast=toast, **values)


def row_of(it: Freshness) -> FreshnessRow:
    """How a pipeline looks on this board."""
    words = {
        "stale": it.fresh is Standing.BAD,
        "late": it.punctual is Standing.BAD,
        "muted": Standing.MUTED in (it.fresh, it.punctual),
        "unknown": it.fresh is Standing.UNKNOWN,
        "none": it.fresh is Standing.NONE and it.punctual is Standing.NONE,
    }
    tiles = frozenset({"all", *(word for word, so in words.items() if so)})
    return FreshnessRow(it, tiles, fold_name(f"{it.name} {it.title} {it.type_name or ''}"))


def _view(session: Session, context: ApiContext) -> FreshnessView:
    rows = [row_of(it) for it in freshness_board(session, at=context.clock())]
    counts = {word: sum(word in row.tiles for row in rows) for word, _ in TILES}
    return FreshnessView(rows, counts)
