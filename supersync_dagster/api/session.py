"""Logging in and out of the pages: a token becomes a browser session, in a cookie that no script can read.

The pages include `router` beside their own `GET /supersync/login`, whose form posts `token` and `next` to it. After a
wrong token that page is asked for again, with `failed=token`; after too many, with `failed=wait`.
"""

import re
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from supersync_core.domain.access import Role
from supersync_core.services.authentication import SESSION_LIFETIME
from supersync_dagster.api.auth import PERIMETER, anyone, require
from supersync_dagster.api.guard.answers import HOME, LOGIN, LOGOUT
from supersync_dagster.api.guard.perimeter import Perimeter
from supersync_dagster.api.guard.visit import Refused, Visit

HARMLESS = (LOGIN, LOGOUT)
"""Paths that change nothing but who one is: for `new_app(harmless=)`."""
# Browsers read `//host` and `/\\host` as another host, and leave out tabs and line breaks before they look.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)

router = APIRouter(include_in_schema=False)


@router.post(LOGIN, dependencies=[Depends(anyone)])
async def log_in(
    request: Request, token: Annotated[str, Form()] = "", following: Annotated[str, Form(alias="next")] = HOME
) -> Response:
    """Make a session, and lead on to `next`, which is a path of ours or else the board."""
    perimeter: Perimeter = request.scope[PERIMETER]
    visit = Visit(request.scope)
    following = following if _LOCAL.fullmatch(following) else HOME
    try:
        secret = await perimeter.log_in(visit, token)
    except Refused as refused:
        return _failed(refused, following, as_page="text/html" in visit.headers.get("accept", ""))
    response = RedirectResponse(following, status_code=303)
    response.set_cookie(
        perimeter.cookie_name(visit),
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        secure=perimeter.is_https(visit),
        httponly=True,
        samesite="strict",
    )
    return response


@router.post(LOGOUT, dependencies=[Depends(require(Role.VIEWER))])
async def log_out(request: Request) -> Response:
    """End the session; the token itself lives on."""
    perimeter: Perimeter = request.scope[PERIMETER]
    visit = Visit(request.scope)
    await perimeter.log_out(visit)
    response = RedirectResponse(LOGIN, status_code=303)
    response.delete_cookie(
        perimeter.cookie_name(visit), secure=perimeter.is_https(visit), httponly=True, samesite="strict"
    )
    return response


def _failed(refused: Refused, following: str, *, as_page: bool) -> Response:
    if as_page:
        failed = "wait" if refused.status == 429 else "token"
        return RedirectResponse(f"{LOGIN}?{urlencode({'failed': failed, 'next': following})}", status_code=303)
    body = {"code": refused.code, "message": refused.message}
    return JSONResponse(body, status_code=refused.status, headers=dict(refused.headers))
