"""What routes ask for: the ledger's session, the launcher, the clock."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from supersync_core.clock import Clock
from supersync_core.errors import AccessDenied
from supersync_core.services.launcher import Launcher
from supersync_dagster.api.context import ApiContext

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def context_of(request: Request) -> ApiContext:
    """What the application was created with."""
    context: ApiContext = request.app.state.context
    return context


# Dependencies that never wait are `async`: others are called in a thread of the pool, which costs more than they do.
async def _context(request: Request) -> ApiContext:
    return context_of(request)


ContextDep = Annotated[ApiContext, Depends(_context)]


def session_per_request(context: ContextDep) -> Iterator[Session]:
    """One transaction per request: committed on success, rolled back on error."""
    with context.ledger.begin() as session:
        yield session


# scope="function": committed before the answer is sent, so that a commit that fails is not answered with success.
SessionDep = Annotated[Session, Depends(session_per_request, scope="function")]


async def _launcher(context: ContextDep) -> Launcher:
    return context.launcher


async def _clock(context: ContextDep) -> Clock:
    return context.clock


LauncherDep = Annotated[Launcher, Depends(_launcher)]
ClockDep = Annotated[Clock, Depends(_clock)]


async def refuse_when_read_only(request: Request, context: ContextDep) -> None:
    """Raise AccessDenied for a method that may change something, on a server that may only be looked at."""
    if request.method in SAFE_METHODS or not context.launcher.read_only:
        return
    if request.url.path not in request.app.state.harmless:
        raise AccessDenied("this server is read-only (--read-only): nothing can be changed through it")
