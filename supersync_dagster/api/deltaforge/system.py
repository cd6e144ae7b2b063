"""`/log-level` and `/validate`. `/health` and `/ready` belong to the system: two documents claim them."""

import logging
import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from supersync_core.domain.access import Role
from supersync_core.errors import BadData
from supersync_core.services.cdc.spec import read_spec
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import require
from supersync_dagster.api.deltaforge.wire import Invalid, Valid, errors

router = APIRouter(tags=["system"])

LEVELS = ("critical", "error", "warning", "warn", "info", "debug")
_PART = re.compile(rf"(?:(?P<name>[A-Za-z_][\w.]*)=)?(?P<level>{'|'.join(LEVELS)})")


class LogLevel(BaseModel):
    """Levels by logger, as in `supersync_core=debug,info`; the one without a name is everybody else's."""

    level: str = Field(min_length=1, max_length=1000)


@router.get("/log-level", dependencies=[Depends(require(Role.VIEWER))], responses=errors())
def get_log_level() -> LogLevel:
    """How much the web server logs."""
    named = [
        f"{name}={logging.getLevelName(logger.level).lower()}"
        for name, logger in sorted(logging.Logger.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and logger.level and name.startswith("supersync")
    ]
    return LogLevel(level=",".join([*named, logging.getLevelName(logging.getLogger().level).lower()]))


@router.put("/log-level", dependencies=[Depends(require(Role.ADMIN))], responses=errors())
def put_log_level(body: LogLevel, audit: AuditDep) -> LogLevel:
    """Change how much the web server logs, until it ends."""
    parts = [part.strip().lower() for part in body.level.split(",")]
    found = [_PART.fullmatch(part) for part in parts]
    if not all(found):
        raise BadData(f"a level is one of {', '.join(LEVELS)}, alone or as logger=level; several with commas")
    for match in found:
        assert match is not None
        logging.getLogger(match["name"]).setLevel({"warn": "WARNING"}.get(match["level"], match["level"].upper()))
    audit("log-level", body.level)
    return get_log_level()


@router.post(
    "/validate",
    dependencies=[Depends(require(Role.OPERATOR))],
    response_model=Valid,
    responses={400: {"model": Invalid, "description": "The specification cannot be used"}, 503: errors()[503]},
)
def validate(body: Annotated[Any, Body(description="`metadata` and `spec`.")] = None) -> Response | Valid:
    """Whether a specification can be used. Nothing is created, and nothing connected."""
    try:
        spec = read_spec(body)
    except BadData as error:
        return JSONResponse({"valid": False, "error": str(error)}, status_code=400)
    return Valid(pipeline=spec.metadata.name, source_type=spec.spec.source.type, sink_count=len(spec.spec.sinks))
