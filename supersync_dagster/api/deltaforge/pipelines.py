"""`/pipelines`: their life."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Response
from sqlalchemy.orm import Session

from supersync_core.domain.access import Role
from supersync_core.services.cdc import requests
from supersync_core.services.cdc.forgetting import forget_source
from supersync_core.services.cdc.pipelines import Pipeline, get_cdc_pipeline, list_cdc_pipelines, shown_spec
from supersync_core.services.cdc.vault import Vault, open_vault
from supersync_core.services.cdc.views import operations, view_pipelines
from supersync_dagster.api.audit import AuditDep
from supersync_dagster.api.auth import require
from supersync_dagster.api.deltaforge.wire import NamePath, Ops, PipeInfo, errors
from supersync_dagster.api.deps import ClockDep, ContextDep, LauncherDep, SessionDep

router = APIRouter(prefix="/pipelines", tags=["pipelines"])

VIEWER, OPERATOR, ADMIN = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN))


def _vault(context: ContextDep) -> Vault:
    return open_vault(context.settings)


VaultDep = Annotated[Vault, Depends(_vault)]
Labels = Annotated[
    list[str], Query(alias="label", description="`key:value`, or `key` for any value; several: all of them.")
]
Spec = Annotated[dict[str, Any], Body(description="`metadata` and `spec`.")]


def shown(session: Session, pipeline: Pipeline, vault: Vault, ops: Ops | None = None) -> PipeInfo:
    """A pipeline as it is shown."""
    (view,) = view_pipelines(session, [pipeline])
    return PipeInfo.of(view, shown_spec(pipeline, vault), ops)


def shown_all(session: Session, vault: Vault, labels: list[str] | None = None) -> list[PipeInfo]:
    """All pipelines that have these labels."""
    views = view_pipelines(session, list_cdc_pipelines(session, labels or []))
    return [PipeInfo.of(view, shown_spec(view.pipeline, vault)) for view in views]


@router.get("", dependencies=VIEWER, responses=errors(), response_model_exclude_unset=True)
def list_pipelines(session: SessionDep, vault: VaultDep, labels: Labels = []) -> list[PipeInfo]:  # noqa: B006  # FastAPI copies it
    """All pipelines, or those with all of the labels."""
    return shown_all(session, vault, labels)


@router.get("/{name}", dependencies=VIEWER, responses=errors(404), response_model_exclude_unset=True)
def get_pipeline(name: NamePath, session: SessionDep, vault: VaultDep, clock: ClockDep) -> PipeInfo:
    """A pipeline, with how it goes."""
    pipeline = get_cdc_pipeline(session, name)
    return shown(session, pipeline, vault, Ops.of(operations(session, pipeline, at=clock())))


@router.post("", dependencies=OPERATOR, responses=errors(409), response_model_exclude_unset=True)
def create_pipeline(  # noqa: PLR0913  # what the request is, and what it needs
    body: Spec, session: SessionDep, launcher: LauncherDep, vault: VaultDep, clock: ClockDep, audit: AuditDep
) -> PipeInfo:
    """Create a pipeline from a full specification; it starts at once."""
    pipeline = requests.create(session, launcher, body, vault, at=clock())
    audit("cdc.create", pipeline.name)
    return shown(session, pipeline, vault)


@router.patch("/{name}", dependencies=OPERATOR, responses=errors(404), response_model_exclude_unset=True)
def patch_pipeline(  # noqa: PLR0913  # what the request is, and what it needs
    name: NamePath,
    body: Spec,
    session: SessionDep,
    launcher: LauncherDep,
    vault: VaultDep,
    clock: ClockDep,
    audit: AuditDep,
) -> PipeInfo:
    """Merge a change into the specification; the pipeline runs with it from its last checkpoint.

    Objects are merged key by key, arrays by index: element i of the change into element i, further ones are appended.
    """
    changes: Mapping[str, Any] = body
    pipeline = requests.amend(session, launcher, name, changes, vault, at=clock())
    audit("cdc.change", pipeline.name)
    return shown(session, pipeline, vault)


@router.post("/{name}/pause", dependencies=OPERATOR, responses=errors(404), response_model_exclude_unset=True)
def pause_pipeline(name: NamePath, session: SessionDep, vault: VaultDep, clock: ClockDep, audit: AuditDep) -> PipeInfo:
    """Hold processing; the connection to the source is kept."""
    pipeline = requests.pause(session, name, at=clock())
    audit("cdc.pause", pipeline.name)
    return shown(session, pipeline, vault)


@router.post("/{name}/resume", dependencies=OPERATOR, responses=errors(404), response_model_exclude_unset=True)
def resume_pipeline(  # noqa: PLR0913  # what the request is, and what it needs
    name: NamePath,
    session: SessionDep,
    launcher: LauncherDep,
    vault: VaultDep,
    clock: ClockDep,
    audit: AuditDep,
) -> PipeInfo:
    """Go on where it was paused; or start again from the last checkpoint, also after a failure."""
    pipeline = requests.resume(session, launcher, name, at=clock())
    audit("cdc.resume", pipeline.name)
    return shown(session, pipeline, vault)


@router.post("/{name}/stop", dependencies=OPERATOR, responses=errors(404), response_model_exclude_unset=True)
def stop_pipeline(name: NamePath, session: SessionDep, vault: VaultDep, clock: ClockDep, audit: AuditDep) -> PipeInfo:
    """Deliver what is in flight, store the checkpoints, disconnect. The pipeline stays, to be resumed."""
    pipeline = requests.stop(session, name, at=clock())
    audit("cdc.stop", pipeline.name)
    return shown(session, pipeline, vault)


@router.delete("/{name}", dependencies=ADMIN, status_code=204, responses=errors(404))
def delete_pipeline(
    name: NamePath, context: ContextDep, vault: VaultDep, session: SessionDep, audit: AuditDep
) -> Response:
    """Remove a pipeline with its checkpoints, and the replication slot that it has made."""
    get_cdc_pipeline(session, name)
    deleted = requests.delete(
        context.ledger, name, lambda found: forget_source(context.ledger, found, vault), context.clock
    )
    audit("cdc.delete", deleted.name, result=204)
    context.launcher.reload()
    return Response(status_code=204)
