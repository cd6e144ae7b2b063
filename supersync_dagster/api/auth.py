"""What a route asks of whoever calls it: who that is, and a role.

The guard around the whole web server has found the identity out; a route only says which role it needs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from starlette.types import Scope

from supersync_core.domain.access import Identity, Role
from supersync_core.services.audit import Caller

__all__ = ["CallerDep", "Forbidden", "Identity", "IdentityDep", "Role", "answer_forbidden", "anyone", "require"]

IDENTITY, REQUEST_ID, CSRF = "supersync.identity", "supersync.request_id", "supersync.csrf"
PERIMETER, TRAIL = "supersync.perimeter", "supersync.trail"
"""Keys of the ASGI scope in which the guard leaves what it knows."""


@dataclass
class Trail:
    """What a request has left in the audit itself: `recorded` with what it did, or `settled` whatever it answers."""

    recorded: bool = False
    settled: bool = False


def note_recorded(scope: Scope) -> None:
    """Say that what this request did is in the audit."""
    trail: Trail | None = scope.get(TRAIL)
    if trail is not None:
        trail.recorded = True


class Forbidden(Exception):
    """The caller's role is too small. No error of the core: what one may do there, nobody asks."""


def identity_of(request: Request) -> Identity:
    """Who asks. Raises Forbidden for nobody, which the guard lets through to public routes alone."""
    identity: Identity | None = request.scope.get(IDENTITY)
    if identity is None:
        raise Forbidden("this needs a token")
    return identity


# Dependencies that never wait are `async`: others are called in a thread of the pool, which costs more than they do.
async def _identity(request: Request) -> Identity:
    return identity_of(request)


IdentityDep = Annotated[Identity, Depends(_identity)]


def require(role: Role) -> Callable[[Request], Awaitable[Identity]]:
    """A dependency that lets through whoever has at least this role, and gives the identity.

    Every route declares it, or `anyone`: `dependencies=[Depends(require(Role.OPERATOR))]`.
    """

    async def check(request: Request) -> Identity:
        identity = identity_of(request)
        if identity.role < role:
            raise Forbidden(f"this needs the role {role.word}; {identity.name} has {identity.role.word}")
        return identity

    check.role = role  # type: ignore[attr-defined]  # read by `role_of`
    return check


async def anyone() -> None:
    """A dependency that says: this route is public, also where authentication is on."""


def caller_of(scope: Scope) -> Caller:
    """Who asks, from where, by which request."""
    client = scope.get("client")
    return Caller(scope.get(IDENTITY), client[0] if client else None, scope.get(REQUEST_ID))


async def _caller(request: Request) -> Caller:
    return caller_of(request.scope)


CallerDep = Annotated[Caller, Depends(_caller)]


def csrf_token(request: Request) -> str:
    """What a page sends back with each change, as the header X-CSRF-Token or the field `csrf_token` of a form.

    Empty where there is no session: then it need not.
    """
    return str(request.scope.get(CSRF, ""))


def answer_forbidden(_: Request, error: Exception) -> JSONResponse:
    """403, in the same words in every dialect."""
    return JSONResponse({"code": "FORBIDDEN", "message": str(error)}, status_code=403)
