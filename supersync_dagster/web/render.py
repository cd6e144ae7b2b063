"""Draw pages and fragments from templates. Everything is escaped; links are relative to the page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from supersync_dagster.api.auth import IDENTITY, Identity, Role, csrf_token
from supersync_dagster.api.deps import context_of
from supersync_dagster.web import static, words
from supersync_dagster.web.rows import Row

_templates = Environment(
    loader=PackageLoader(__package__, "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_templates.filters |= {
    "lasting": words.length,
    "number": words.number,
    "count": words.count,
    "short": words.short,
    "flat": words.flat,
    "size": words.size,
    "moment": words.moment,
    "machine": words.machine,
    "ago": words.ago,
}


# The ledger holds no NUL, so it can mark the places that each page fills in.
_MARKS = {name: Markup(f"\0{name}\0") for name in ("hidden", "csrf", "last", "next")}


def draw_row(row: Row, around: Mapping[str, Any], *, hidden: bool = False) -> Markup:
    """A row of the board. It is drawn once, for all pages until it changes; a page fills in what is its own.

    Of a thousand rows the template alone takes longer than people like to wait.
    """
    kind = "with buttons" if around["can_act"] else "without"
    if kind not in row.drawn:
        row.drawn[kind] = fragment("row.html", row=row, mark=_MARKS, **{**around, "csrf": _MARKS["csrf"]}).split("\0")
    standing, now = row.standing, around["now"]
    own = {
        "hidden": " hidden" if hidden else "",
        "csrf": around["csrf"],
        "last": words.ago(standing.last.ended_at, now) if standing.last else "",
        "next": words.ago(standing.next_at, now) if standing.next_at else "",
    }
    return Markup("".join(own[part] if number % 2 else part for number, part in enumerate(row.drawn[kind])))


def page(
    request: Request, template: str, *, status: int = 200, page_path: str | None = None, **values: Any
) -> HTMLResponse:
    """A whole page, or the part of the page at `page_path`. It is true for a moment only, so nobody keeps it.

    A whole page waits for the number of open incidents; on the event loop give it `open_incidents=unknown`.
    """
    html = fragment(template, **{**surroundings(request, page_path=page_path), **values})
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def unknown() -> None:
    """Nobody has counted."""


def fragment(template: str, **values: Any) -> Markup:
    """A part of a page."""
    return Markup(_templates.get_template(template).render(**values))


def surroundings(request: Request, *, page_path: str | None = None) -> Mapping[str, Any]:
    """What every template may use.

    `up`: from the page to the root. `page_path`: of the page that a fragment goes into; else the request's own.
    """
    context = context_of(request)
    identity: Identity | None = request.scope.get(IDENTITY)
    path = page_path or request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    up = "../" * (path.count("/") - 1) or "./"
    below = context.ui_path.strip("/")
    now: datetime = context.clock()
    around: dict[str, Any] = {
        "up": up,
        "static": lambda name: up + static.address(name),
        "dagster": f"{up}{below}/" if below else up,
        "identity": identity,
        "csrf": csrf_token(request),
        "read_only": context.launcher.read_only,
        "can_act": identity is not None and identity.role >= Role.OPERATOR and not context.launcher.read_only,
        "now": now,
        "open_incidents": request.app.state.incidents.open,
    }
    around["draw_row"] = lambda row, hidden=False: draw_row(row, around, hidden=hidden)
    return around
