"""`/supersync/channels`: chat channels; and one of them, with how far its sync is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.domain.pipeline import dagster_key
from supersync_core.errors import ConfigError, NotFound
from supersync_core.services.audit import record
from supersync_core.services.channel_sync.directory import Directory, Listing, find_pipeline_of
from supersync_core.services.channel_sync.jobs import SHARES, list_jobs
from supersync_core.services.channel_sync.knowledge import KnownChannel, list_channels
from supersync_core.services.channel_sync.requests import StartRequest, cancel_sync, start_sync
from supersync_dagster.api.auth import TRAIL, IdentityDep, caller_of, require
from supersync_dagster.api.channel_sync.wire import ChannelId
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.web.render import page

PATH = "/supersync/channels"
SHOWN = 10
"""Jobs of a channel."""
STAGES = {"fetch": "Messages", "extract": "Facts", "graph": "Graph", "wiki": "Wiki"}
VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_channels(request: Request, session: SessionDep) -> Response:
    """All of them."""
    listing = _listing(request)
    found = list_channels(session, listing)
    return page(request, "channels.html", channels=found, problems=listing.problems)


@router.post(PATH, dependencies=[Depends(require(Role.OPERATOR))])
def act(  # noqa: PLR0913  # what the request is, and what it needs
    channel_id: Annotated[ChannelId, Form()],
    action: Annotated[Literal["start", "force", "cancel"], Form()],
    request: Request,
    context: ContextDep,
    identity: IdentityDep,
    job: Annotated[int, Form(ge=0, le=2**63 - 1)] = 0,
) -> Response:
    """Start a sync or cancel it, and lead to the channel's page."""
    if action == "cancel":
        cancel_sync(context.ledger, context.launcher, job, at=context.clock())
    with context.ledger.begin() as session:
        if action != "cancel":
            wanted = StartRequest(channel_id, force=action == "force")
            directory = _directory(request)
            start_sync(session, context.launcher, directory, wanted, caller=identity.name, at=context.clock())
        what = "cancel" if action == "cancel" else "start"
        record(session, caller_of(request.scope), f"channel_sync.{what}", channel_id, result=303, at=context.clock())
        context.board.forget_after(session)
    request.scope[TRAIL].recorded = True
    return RedirectResponse(f"channels/{channel_id}", 303)


@router.get(f"{PATH}/{{channel_id}}", dependencies=VIEWER)
def read_channel(channel_id: str, request: Request, session: SessionDep) -> Response:
    """One of them."""
    return page(request, "channel.html", **_about(session, _found(channel_id, request, session)))


@router.get(f"{PATH}/{{channel_id}}/jobs", dependencies=VIEWER)
def read_jobs(channel_id: str, request: Request, session: SessionDep) -> Response:
    """How far its sync is, and those before, for the page to show while somebody looks at it."""
    about = _about(session, _found(channel_id, request, session))
    return page(request, "channel_jobs.html", page_path=f"{PATH}/{channel_id}", **about)


def _found(channel_id: str, request: Request, session: Session) -> KnownChannel:
    found = next((one for one in list_channels(session, _listing(request)) if one.channel_id == channel_id), None)
    if found is None:
        raise NotFound(f"there is no channel {channel_id!r}")
    return found


def _about(session: Session, found: KnownChannel) -> dict[str, Any]:
    is_known = find_pipeline_of(session, found.channel_id) is not None
    jobs = list_jobs(session, found.channel_id, limit=SHOWN) if is_known else []
    live = jobs[0] if jobs and not jobs[0].state.is_final else None
    order = [stage.value for stage in SHARES]
    return {
        "channel": found,
        "jobs": jobs,
        "live": live,
        "stages": STAGES,
        "at_stage": order.index(live.stage.value) if live and live.stage else -1,
        "key": dagster_key(found.pipeline.name) if found.pipeline else None,
    }


def _directory(request: Request) -> Directory:
    directory: Directory = request.app.state.directory
    return directory


def _listing(request: Request) -> Listing:
    try:
        return _directory(request).listing()
    except ConfigError:
        return Listing((), {})
