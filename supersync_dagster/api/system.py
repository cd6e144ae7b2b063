"""What every dialect shares: `/health` of the table sync and of the CDC document in one, `/ready`, `/metrics`."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from supersync_core.domain.access import Role
from supersync_core.services.cdc.metrics import stream_metrics
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.connectivity import Finding, Side
from supersync_core.services.health import LedgerHealth, ledger_health
from supersync_core.services.metrics import PipelineMetrics, pipeline_metrics
from supersync_core.services.refresh import Refreshed
from supersync_core.services.wellbeing import ConnectionFinding, Wellbeing
from supersync_dagster.api.app import new_app
from supersync_dagster.api.auth import IDENTITY, anyone, require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deltaforge.pipelines import shown_all
from supersync_dagster.api.deltaforge.wire import PipeInfo
from supersync_dagster.api.prometheus import Scrape, exposition
from supersync_dagster.api.stream_metrics import StreamFamilies

KEPT_S = 5.0
"""However many ask whether we are ready, we ask the ledger at most this often."""
SCRAPE_S = 1.0

Word = Literal["healthy", "unhealthy", "unknown"]


class Check(BaseModel):
    """`message`: what is wrong. `latency_ms`: how long the answer took."""

    status: Word
    latency_ms: int | None = None
    message: str | None = None

    @classmethod
    def of(cls, finding: Finding) -> "Check":
        """From what a probe found."""
        status: Word = "unhealthy" if finding.problem else "healthy"
        return cls(status=status, latency_ms=round(finding.seconds * 1000), message=finding.problem)


class ConnectionCheck(Check):
    """One connection of the configuration. `type`: such as `redshift`."""

    type: str


class SideCheck(BaseModel):
    """The connections on one side of the syncs; `unknown` where there is none."""

    status: Word
    connections: dict[str, ConnectionCheck]

    @classmethod
    def of(cls, side: Mapping[str, ConnectionFinding]) -> "SideCheck":
        """From what the probes found."""
        checks = {
            name: ConnectionCheck(type=one.type, **Check.of(one.finding).model_dump()) for name, one in side.items()
        }
        bad = any(check.status == "unhealthy" for check in checks.values())
        return cls(status="unhealthy" if bad else "healthy" if checks else "unknown", connections=checks)


class Checks(BaseModel):
    """`redshift`: what the syncs read; `postgresql`: what they write (the table sync document's two sides)."""

    redshift: SideCheck
    postgresql: SideCheck
    database: Check
    daemon: Check
    configuration: Check


class Health(BaseModel):
    """200: this process does its work, though what it depends on may not. 503: a continuous pipeline has failed."""

    status: Literal["healthy", "degraded", "unhealthy"]
    degraded: bool
    pipelines: int | None = Field(description="how many there are; null while the ledger does not say")
    failed_pipelines: list[str] | None = None
    checks: Checks

    @classmethod
    def of(cls, found: Wellbeing) -> "Health":
        """From what was found, for those who may know all."""
        word: Any = "unhealthy" if found.failed else "degraded" if found.degraded else "healthy"
        return cls(
            status=word,
            degraded=found.degraded,
            pipelines=found.pipelines,
            failed_pipelines=list(found.failed) or None,
            checks=Checks(
                redshift=SideCheck.of(found.sides[Side.SOURCE]),
                postgresql=SideCheck.of(found.sides[Side.TARGET]),
                database=Check.of(found.database),
                daemon=Check.of(found.daemon),
                configuration=Check.of(found.configuration),
            ),
        )

    def for_strangers(self) -> "Health":
        """Without the connections, and without what drivers say of them: names, hosts and users are in it."""
        checks = Checks(
            redshift=SideCheck(status=self.checks.redshift.status, connections={}),
            postgresql=SideCheck(status=self.checks.postgresql.status, connections={}),
            database=Check(status=self.checks.database.status),
            daemon=Check(status=self.checks.daemon.status),
            configuration=Check(status=self.checks.configuration.status),
        )
        return self.model_copy(update={"checks": checks})


class Ready(BaseModel):
    """Whether requests can be served. `reason`: why not. `pipelines`: of change data capture, for a caller with a role.

    Strangers are not told of pipelines: their specifications say where the data is.
    """

    status: Literal["ready", "not ready"]
    reason: str | None = None
    pipelines: list[PipeInfo] | None = None


class System:
    """What the routes share: each answer is made once for all who ask within its time."""

    def __init__(self, context: ApiContext) -> None:
        """Nothing is asked yet."""
        self.wellbeing = context.wellbeing
        self.ready = Refreshed(lambda: ledger_health(context.ledger.url), KEPT_S)
        self.streams = Refreshed(lambda: _streams(context), SCRAPE_S)
        self.metrics = Refreshed(lambda: _scrape(context), SCRAPE_S)


router = APIRouter(tags=["system"])


@router.get("/health", dependencies=[Depends(anyone)], response_model=Health, responses={503: {"model": Health}})
async def read_health(request: Request) -> Response:
    """Whether supersync does well, and what it depends on: where that is and what is wrong, with a token only."""
    known = request.scope.get(IDENTITY) is not None
    status, body = _health(await _shared(request.app.state.system.wellbeing), known)
    return Response(body, status, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/ready", dependencies=[Depends(anyone)], response_model=Ready, responses={503: {"model": Ready}})
async def read_ready(request: Request) -> Response:
    """Whether the ledger answers, in the form that this version needs."""
    found: LedgerHealth = await _shared(request.app.state.system.ready)
    reason = found.problem if found.schema is not None else "the ledger cannot be reached" if found.problem else None
    known = request.scope.get(IDENTITY) is not None
    pipelines = await _shared(request.app.state.system.streams) if known and not reason else None
    answer = Ready(status="not ready" if reason else "ready", reason=reason, pipelines=pipelines)
    body = answer.model_dump_json(exclude_none=True, exclude_unset=True)
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if reason else {})
    return Response(body, 503 if reason else 200, media_type="application/json", headers=headers)


@router.get(
    "/metrics",
    dependencies=[Depends(require(Role.VIEWER))],
    response_class=PlainTextResponse,
    responses={503: {"description": "The ledger does not answer"}},
)
async def read_metrics(request: Request, accept: str = Header(default="")) -> Response:
    """Durations, rows and errors of all jobs for Prometheus; OpenMetrics where `Accept` asks for it."""
    scrape: Scrape = await _shared(request.app.state.system.metrics)
    body, content_type = exposition(scrape, accept)
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def create_app(context: ApiContext) -> FastAPI:
    """The application of the routes that belong to no dialect."""
    app = new_app(context, name="system", title="supersync: system")
    app.state.system = System(context)
    app.include_router(router)
    return app


def _health(found: Wellbeing, known: bool) -> tuple[int, bytes]:
    health = Health.of(found)
    if not known:
        health = health.for_strangers()
    return (503 if health.failed_pipelines else 200), health.model_dump_json(exclude_none=True).encode()


def _streams(context: ApiContext) -> list[PipeInfo]:
    with context.ledger.begin() as session:
        return shown_all(session, open_vault(context.settings))


def _scrape(context: ApiContext) -> Scrape:
    snapshot = context.board.snapshot()
    pipelines: list[PipelineMetrics] = pipeline_metrics(context.ledger, snapshot)
    with context.ledger.begin() as session:
        streams = stream_metrics(session, at=context.clock())
    warning = context.settings.retained_warning_bytes
    return Scrape(pipelines, snapshot.daemon_alive, StreamFamilies(streams, warning))


async def _shared(answer: "Refreshed[Any]") -> Any:
    fresh = answer.fresh()
    return fresh if fresh is not None else await asyncio.wrap_future(answer.future())
