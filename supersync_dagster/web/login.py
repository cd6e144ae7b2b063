"""`/supersync/login`: a token for a browser session. The form posts to the route that makes it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from supersync_dagster.api.auth import PERIMETER, anyone
from supersync_dagster.api.guard.answers import HOME, LOGIN
from supersync_dagster.web.render import page, unknown

router = APIRouter(include_in_schema=False)


@router.get(LOGIN, dependencies=[Depends(anyone)])
async def read_login(
    request: Request,
    following: Annotated[str, Query(alias="next", max_length=2000)] = HOME,
    failed: Literal["token", "wait"] | None = None,
) -> Response:
    """The form, or that nobody needs it."""
    needed = await request.scope[PERIMETER].is_on()
    return page(request, "login.html", following=following, failed=failed, needed=needed, open_incidents=unknown)
