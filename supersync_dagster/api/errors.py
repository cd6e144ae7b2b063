"""From an error to its HTTP status, once for all dialects. How the answer's body looks is each dialect's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from supersync_core import errors
from supersync_dagster.api.auth import Forbidden, answer_forbidden

STATUS: dict[type[errors.SupersyncError], HTTPStatus] = {
    errors.ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.IllegalTransition: HTTPStatus.CONFLICT,
    errors.LeaseLost: HTTPStatus.CONFLICT,
    errors.Cancelled: HTTPStatus.CONFLICT,
    errors.AccessDenied: HTTPStatus.FORBIDDEN,
    errors.SchemaMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.OutOfOrder: HTTPStatus.BAD_REQUEST,
    errors.BadData: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.AbortError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.PlatformError: HTTPStatus.BAD_GATEWAY,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.RetryError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SupersyncError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
RETRY_AFTER_S = 5
"""What a client is told to wait when an error does not say how long."""


@dataclass(frozen=True)
class Problem:
    """What went wrong, for a dialect to put into words.

    `kind`: the error's class such as `NotFound`, or `Validation`, `MethodNotAllowed`, `Internal`, ... `mistakes`: for
    Validation, each as `{"where": "body.job_id", "message": ...}`; `details`: the same as FastAPI has them, with `loc`,
    `msg` and `type`. Never what the client sent, which may be a secret.
    """

    status: int
    kind: str
    message: str
    mistakes: tuple[Mapping[str, str], ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


Body = Callable[[Problem], Any]
"""A dialect's error body: anything that JSON can say."""


class ProblemBody(BaseModel):
    """What went wrong, where a document gives no other body. `errors`: each mistake in what was sent."""

    detail: str
    error: str
    errors: list[dict[str, str]] | None = None


def problem_body(problem: Problem) -> dict[str, Any]:
    """The error body where a document gives none, in FastAPI's own shape; `errors` only where there are several."""
    body: dict[str, Any] = {"detail": problem.message, "error": problem.kind}
    if problem.mistakes:
        body["errors"] = [dict(mistake) for mistake in problem.mistakes]
    return body


def problem_of(error: Exception) -> Problem:
    """The error as a problem. What no client may know, it does not say."""
    if isinstance(error, errors.SupersyncError):
        return _supersync(error)
    if isinstance(error, RequestValidationError):
        details = tuple(
            {"loc": list(one["loc"]), "msg": str(one["msg"]).removeprefix("Value error, "), "type": one["type"]}
            for one in error.errors()
        )
        mistakes = tuple({"where": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in details)
        message = "; ".join(f"{one['where']}: {one['message']}" for one in mistakes)
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Validation", message, mistakes, details)
    if isinstance(error, HTTPException):
        kind = HTTPStatus(error.status_code).phrase.title().replace(" ", "")
        return Problem(error.status_code, kind, str(error.detail), headers=dict(error.headers or {}))
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal", "internal error; the server's log says more")


def answer_errors(app: FastAPI, body: Body, mistake_status: int) -> None:
    """Let every error of `app` be answered in the shape that `body` gives it.

    `mistake_status`: the status for a mistake in what was sent.
    """

    async def answer(_: Request, error: Exception) -> JSONResponse:
        problem = problem_of(error)
        if problem.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            problem = replace(problem, status=mistake_status)
        return JSONResponse(body(problem), status_code=problem.status, headers=dict(problem.headers))

    for kind in (errors.SupersyncError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Forbidden, answer_forbidden)


def _supersync(error: errors.SupersyncError) -> Problem:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {}
    if isinstance(error, errors.RetryError):
        headers["Retry-After"] = str(max(1, round(error.retry_after or RETRY_AFTER_S)))
    return Problem(status, type(error).__name__, str(error), headers=headers)
