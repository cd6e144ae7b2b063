"""The audit: how routes write into it, and `GET /api/v1/audit`."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from supersync_core.domain.access import Role
from supersync_core.services.audit import AuditEntry, AuditFilter, list_audit, record
from supersync_dagster.api.app import new_app
from supersync_dagster.api.auth import CallerDep, note_recorded, require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ClockDep, SessionDep

MAX_PAGE = 500

Audit = Callable[..., None]


async def _audit(request: Request, session: SessionDep, caller: CallerDep, clock: ClockDep) -> Audit:
    def write(action: str, target: str, *, result: int = 200) -> None:
        record(session, caller, action, target, result=result, at=clock())
        note_recorded(request.scope)

    return write


AuditDep = Annotated[Audit, Depends(_audit)]
"""`audit("sync.trigger", name)`: an entry in the transaction of the request, with the status that it will answer.

A change whose route writes none leaves an entry all the same, with its method and path, and so does one that fails.
"""


class Entry(BaseModel):
    """One thing that was done or refused."""

    id: int
    at: datetime
    actor: str = Field(description="name of the token; `anonymous`, or `local` where no authentication is configured")
    role: str | None
    via: str = Field(description="`token`, `static`, `session`, `local`, `cli` or `none`")
    action: str = Field(description="such as `sync.trigger` or `dagster.launchRun`; else the request's method")
    target: str = Field(description="of what: a pipeline's name, or the request's path")
    result: int | None = Field(description="HTTP status of the answer; null for what came over no HTTP")
    remote: str | None = Field(description="address of the client")
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "Entry":
        """From the ledger's row."""
        values: dict[str, Any] = {name: getattr(entry, name) for name in cls.model_fields if name != "role"}
        return cls(role=entry.role.word if entry.role else None, **values)


class Page(BaseModel):
    """Entries, the newest first. `next_cursor`: pass it as `cursor` for those that follow; null: there are no more."""

    audit: list[Entry]
    next_cursor: int | None


class Wanted(BaseModel):
    """Which entries: each filter is an exact match; `since` and `until` are inclusive."""

    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: int | None = Field(default=None, ge=1, le=2**63 - 1)
    actor: str | None = Field(default=None, max_length=300)
    action: str | None = Field(default=None, max_length=300)
    target: str | None = Field(default=None, max_length=300)
    result: int | None = Field(default=None, ge=100, le=599)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def filter(self) -> AuditFilter:
        """As the service asks for it."""
        # PostgreSQL holds no NUL, so no entry matches one.
        words = {name: value.replace("\0", "?") for name in _WORDS if (value := getattr(self, name)) is not None}
        return AuditFilter(**words, result=self.result, since=self.since, until=self.until, before=self.cursor)


_WORDS = ("actor", "action", "target")

router = APIRouter(tags=["audit"])


@router.get("/api/v1/audit", dependencies=[Depends(require(Role.ADMIN))])
def read_audit(session: SessionDep, wanted: Annotated[Wanted, Query()]) -> Page:
    """Who changed what, when, from where, and who was refused."""
    entries, following = list_audit(session, wanted.filter(), wanted.limit)
    return Page(audit=[Entry.of(entry) for entry in entries], next_cursor=following)


def create_app(context: ApiContext) -> FastAPI:
    """The application of the audit."""
    app = new_app(context, name="audit", title="supersync: audit")
    app.include_router(router)
    return app
