"""Errors as pages, and as messages on the page from which something was asked."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from supersync_core.errors import SupersyncError
from supersync_dagster.api.auth import Forbidden
from supersync_dagster.api.errors import problem_of
from supersync_dagster.web.render import page, unknown

_TITLES = {403: "Not allowed", 404: "Not found", 409: "Not now", 503: "Not available"}


def answer_with_pages(app: FastAPI) -> None:
    """Let every error of `app` be answered for people."""
    for kind in (SupersyncError, Forbidden, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, error: Exception) -> Response:
    problem = problem_of(error)
    status = 403 if isinstance(error, Forbidden) else problem.status
    message = str(error) if isinstance(error, Forbidden) else problem.message
    if wants_fragment(request):
        answer = page(request, "toast_partial.html", status=status, message=message, good=False)
    else:
        title = _TITLES.get(status, "Something went wrong")
        answer = page(
            request, "failure.html", status=status, title=title, message=message, code=status, open_incidents=unknown
        )
    answer.headers.update(problem.headers)
    return answer


def wants_fragment(request: Request) -> bool:
    """Whether a script on our page asks, and not the browser itself."""
    return request.headers.get("hx-request") == "true"
