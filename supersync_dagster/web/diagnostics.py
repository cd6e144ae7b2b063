"""`/supersync/diagnostics`: how the database, the daemon and the sensors do, and what waits for them."""

import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, Depends, Request, Response

from supersync_core.domain.access import Role
from supersync_core.errors import Unavailable
from supersync_core.services.diagnostics import SLOW_S, Diagnosis, diagnose
from supersync_core.services.launcher import DaemonState, SensorState
from supersync_dagster.api.auth import require
from supersync_dagster.api.context import ApiContext
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.web.health import UNKNOWN, chips_now
from supersync_dagster.web.render import page
from supersync_dagster.web.stream import Still, stream

PATH = "/supersync/diagnostics"
PACKAGES = ("supersync", "dagster", "dagster-webserver", "dagster-postgres", "sqlalchemy", "fastapi", "uvicorn")
LATE = 4
"""A sensor that has missed so many ticks is called late: its daemon looks at all of them in turn."""

VIEWER = [Depends(require(Role.VIEWER))]

router = APIRouter(include_in_schema=False)


@router.get(PATH, dependencies=VIEWER)
def read_diagnostics(request: Request, context: ContextDep) -> Response:
    """The page; of what does not answer it says so."""
    database, away = _database(context)
    daemon, sensors, silent = _engine(context)
    now = context.clock()
    return page(
        request,
        "diagnostics.html",
        chips=chips_now(context) or UNKNOWN,
        database=database,
        away=away,
        slow_s=SLOW_S,
        warning_bytes=context.settings.retained_warning_bytes,
        daemon=daemon,
        sensors=[(sensor, is_late(sensor, now)) for sensor in sensors],
        silent=silent,
        versions=_versions(database),
    )


@router.get(f"{PATH}/events", dependencies=VIEWER)
async def read_events(request: Request) -> Response:
    """The banner, as it changes."""
    return stream(request, Still(), page_path=PATH, tag=None)


def is_late(sensor: SensorState, now: datetime) -> bool:
    """Whether a sensor that is switched on does not tick as it should."""
    if not sensor.running:
        return False
    return sensor.ticked_at is None or (now - sensor.ticked_at).total_seconds() > LATE * max(sensor.interval_s, 30)


def _database(context: ApiContext) -> tuple[Diagnosis | None, str | None]:
    try:
        return diagnose(context.ledger), None
    except Unavailable as error:
        return None, str(error)


def _engine(context: ApiContext) -> tuple[DaemonState | None, Sequence[SensorState], str | None]:
    try:
        return context.launcher.daemon(), context.launcher.sensors(), None
    except Unavailable as error:
        return None, (), str(error)


def _versions(database: Diagnosis | None) -> dict[str, str]:
    found = {name: _version(name) for name in PACKAGES}
    found["Python"] = platform.python_version()
    if database is not None:
        found |= {"PostgreSQL": database.server.version, "ledger": database.server.revision}
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
