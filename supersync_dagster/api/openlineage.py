"""OpenLineage events, as its clients and Marquez's send them: `POST /api/v1/lineage`, and `/batch` for many at once."""

import zlib
from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from sqlalchemy import event as hooks
from starlette.exceptions import HTTPException

from supersync_core.domain.access import Role
from supersync_core.services.openlineage import AnyEvent, Taken, take_events
from supersync_dagster.api.app import new_app
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep, SessionDep
from supersync_dagster.api.json_route import StrictRequest

MAX_UNPACKED = 16_000_000
"""Bytes of a body once it is unpacked."""

_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_JOB = {"namespace": "airflow", "name": "daily.load_orders"}
_RUN = "0176a8c2-fe01-7439-87e6-56a1a1b4029f"
_BASE = {"job": _JOB, "producer": "https://example.com/airflow", "schemaURL": _SCHEMA}
_OUTPUT = {
    "namespace": "postgres://db:5432",
    "name": "shop.public.orders",
    "outputFacets": {"outputStatistics": {"rowCount": 1247, "size": 65536}},
}
START: dict[str, Any] = {
    "eventType": "START",
    "eventTime": "2026-11-22T12:00:00.000Z",
    "run": {"runId": _RUN, "facets": {"nominalTime": {"nominalStartTime": "2026-11-22T12:00:00Z"}}},
    "inputs": [{"namespace": "s3://landing", "name": "orders/2026-11-22.csv"}],
    **_BASE,
}
COMPLETE: dict[str, Any] = {
    "eventType": "COMPLETE",
    "eventTime": "2026-11-22T12:00:04.231Z",
    "run": {"runId": _RUN},
    "outputs": [_OUTPUT],
    **_BASE,
}
FAIL: dict[str, Any] = {
    "eventType": "FAIL",
    "eventTime": "2026-11-22T12:00:04.231Z",
    "run": {
        "runId": _RUN,
        "facets": {"errorMessage": {"message": "no such table", "programmingLanguage": "PYTHON"}},
    },
    **_BASE,
}


class Accepted(BaseModel):
    """What an event was about."""

    pipeline: str | None = Field(description="the job's pipeline; null for an event about a dataset")
    execution_id: int | None = Field(description="the run's execution; null for an event without a run")

    @classmethod
    def of(cls, taken: Taken) -> "Accepted":
        """From the service."""
        return cls(pipeline=taken.pipeline, execution_id=taken.execution_id)


class Batch(BaseModel):
    """What each event was about, in the order in which they came."""

    events: list[Accepted]


class _Unpacked(StrictRequest):
    """A request whose body may have been packed with gzip."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            body = await super().body()
            if "gzip" in self.headers.get("content-encoding", "").lower():
                body = unpacked(body)
            self._body = body
        return self._body


def unpacked(body: bytes) -> bytes:
    """What gzip has packed. Raises HTTPException for what it has not, and for more than `MAX_UNPACKED`."""
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        found = unpacker.decompress(body, MAX_UNPACKED + 1)
    except zlib.error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the body is not packed with gzip, as its header says") from None
    if len(found) > MAX_UNPACKED:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {MAX_UNPACKED} bytes")
    return found


class _Unpacking(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(_Unpacked(request.scope, request.receive))

        return handler


router = APIRouter(
    prefix="/api/v1/lineage",
    tags=["OpenLineage"],
    route_class=_Unpacking,
    dependencies=[Depends(require(Role.OPERATOR))],
    responses={
        400: {"description": "The body cannot be unpacked"},
        409: {"description": "The job is a pipeline that supersync runs, or the run is another job's"},
        413: {"description": f"The body is larger than {MAX_UNPACKED} bytes, as it comes or once it is unpacked"},
        422: {"description": "What is wrong with the event, and where; nothing is written"},
        503: {"description": "The ledger does not answer: see Retry-After"},
    },
)

_EXAMPLES: Any = {name: {"value": value} for name, value in (("START", START), ("COMPLETE", COMPLETE), ("FAIL", FAIL))}


@router.post("", status_code=HTTPStatus.CREATED)
def take_event(
    event: Annotated[AnyEvent, Body(openapi_examples=_EXAMPLES)],
    session: SessionDep,
    context: ContextDep,
    audit: AuditDep,
) -> Accepted:
    """Take a RunEvent, a JobEvent or a DatasetEvent of OpenLineage 2-0-2. Sent again, it changes nothing.

    A job is a pipeline of kind external named `namespace/name`, and a run is an execution of it, whose public id is
    the `runId`. Facets that are not understood are let through.
    """
    return _take(session, context, audit, [event], status=HTTPStatus.CREATED)[0]


@router.post("/batch")
def take_batch(
    events: Annotated[list[AnyEvent], Body(examples=[[START, COMPLETE]])],
    session: SessionDep,
    context: ContextDep,
    audit: AuditDep,
) -> Batch:
    """Take many events, of one run or of several: all of them, or none where one is refused."""
    return Batch(events=_take(session, context, audit, events, status=HTTPStatus.OK))


def _take(
    session: SessionDep, context: ContextDep, audit: AuditDep, events: Sequence[AnyEvent], *, status: HTTPStatus
) -> list[Accepted]:
    taken = take_events(session, events, at=context.clock())
    names = sorted({one.pipeline for one in taken if one.pipeline})
    audit("lineage.events", ", ".join(names) or "datasets", result=status)
    if any(one.is_new for one in taken):
        # So that the pipeline is among Dagster's assets.
        hooks.listen(session, "after_commit", lambda _: context.launcher.reload(), once=True)
    return [Accepted.of(one) for one in taken]


def create_app(context: ApiContext) -> FastAPI:
    """The application of OpenLineage's intake."""
    app = new_app(context, name="openlineage", title="supersync: OpenLineage")
    app.include_router(router)
    return app
