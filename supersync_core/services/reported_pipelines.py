"""Pipelines that somebody else runs and reports; and what such a reporter may say of pipelines that supersync runs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule
from supersync_core.domain.pipeline import DesiredState, PipelineKind, fold_name
from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.checks import insert_rules
from supersync_core.ledger.pages import ALL, Page
from supersync_core.ledger.pipeline_types import put_pipeline_type
from supersync_core.ledger.reported_pipelines import (
    EVERY_PIPELINE,
    Found,
    PipelineFilter,
    ReportedPipeline,
    find_reported,
    find_reported_by_id,
    insert_reported,
    overwrite_reported,
    pipelines_version,
    select_reported_pipelines,
)
from supersync_core.ledger.tables import Pipeline, PipelineType

__all__ = [
    "PipelineFilter",
    "Reported",
    "ReportedPipeline",
    "amend_pipeline",
    "content_hash",
    "delete_pipeline",
    "list_reported_pipelines",
    "pipelines_version",
    "read_pipeline",
    "report_pipeline",
]

MAX_ID = 2**63 - 1
TUNABLE = frozenset(
    {
        *("extra", "load_lineage", "freshness_number", "freshness_datepart", "mute_freshness"),
        *("timeliness_number", "timeliness_datepart", "mute_timeliness"),
    }
)
"""What a reporter may change of a pipeline that supersync runs."""


@dataclass(frozen=True)
class Reported:
    """A pipeline as its reporter needs it.

    `watermark`: only for one that was there and got a next watermark. `changed`: it is new, or described anew.
    """

    id: int
    active: bool
    load_lineage: bool
    watermark: str | None
    is_new: bool
    changed: bool


def report_pipeline(  # noqa: PLR0913  # what is reported, and what it gets
    session: Session,
    name: str,
    type_name: str,
    given: Mapping[str, Any],
    *,
    rules: Sequence[AnomalyRule] = (),
    at: datetime,
) -> Reported:
    """Get the pipeline of that name, or create it as one that others run; many at once create it once.

    `given`: the columns that the reporter has named, None included. If they differ from what was last reported they
    are written, whatever an operator has changed since; if not, nothing is. `next_watermark` is written in any case.
    A new one gets `rules`. Of a pipeline that supersync runs only `TUNABLE` are written, and a `next_watermark` raises
    Conflict.
    """
    content = {key: value for key, value in given.items() if key != "next_watermark"}
    digest = content_hash({"name": fold_name(name), "type": fold_name(type_name), **content})
    found = find_reported(session, name)
    if found is None:
        type_id, _ = put_pipeline_type(session, type_name, at=at)
        values = {**given, "name": name, "type_id": type_id, "reported_hash": digest}
        made = insert_reported(session, values, at=at)
        if made is not None:
            insert_rules(session, made, rules, at=at)
            return Reported(made, active=True, load_lineage=True, watermark=None, is_new=True, changed=True)
        found = find_reported(session, name)
    if found is None:
        raise Conflict(f"the pipeline {name!r} is just being renamed or deleted: try again")
    changes = _changes(session, found, type_name, given, digest, at)
    if changes:
        overwrite_reported(session, found.id, changes)
    asked = given.get("next_watermark") is not None
    return Reported(
        id=found.id,
        active=found.desired_state is DesiredState.RUNNING,
        load_lineage=found.load_lineage,
        watermark=found.watermark if asked else None,
        is_new=False,
        changed="reported_hash" in changes,
    )


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of what was reported, the same on every machine and after every restart."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _changes(  # noqa: PLR0913  # what was reported, and what is there
    session: Session, found: Found, type_name: str, given: Mapping[str, Any], digest: str, at: datetime
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    external = found.kind is PipelineKind.EXTERNAL
    if given.get("next_watermark") is not None:
        if not external:
            raise _ours(found.name, "its watermarks are its own")
        changes["next_watermark"] = given["next_watermark"]
    if found.reported_hash != digest:
        changes |= {key: value for key, value in given.items() if key in TUNABLE}
        changes |= {"reported_hash": digest, "updated_at": at}
        if external:
            changes["type_id"] = put_pipeline_type(session, type_name, at=at)[0]
    return changes


def amend_pipeline(
    session: Session, changes: Mapping[str, Any], *, pipeline_id: int | None = None, name: str = "", at: datetime
) -> Pipeline:
    """Change columns of a pipeline, found by its id or else by its name; None clears one.

    `active` stands for whether it is wanted to run. Raises NotFound; BadData for a type that is not there; Conflict for
    a name that is taken, and for what only supersync itself may change of a pipeline that it runs: the same value again
    is no change.
    """
    pipeline = _locked(session, pipeline_id, name)
    wanted = dict(changes)
    if "active" in wanted:
        wanted["desired_state"] = DesiredState.RUNNING if wanted.pop("active") else DesiredState.PAUSED
    if wanted.get("type_id") is not None and session.get(PipelineType, wanted["type_id"]) is None:
        raise BadData(f"there is no pipeline type {wanted['type_id']}")
    if pipeline.kind is not PipelineKind.EXTERNAL:
        refused = [key for key in wanted if key not in TUNABLE and wanted[key] != getattr(pipeline, key)]
        if refused:
            raise _ours(pipeline.name, f"{', '.join(sorted(refused))} cannot be changed here")
    for key, value in wanted.items():
        setattr(pipeline, key, value)
    if "name" in wanted:
        pipeline.name_key = fold_name(pipeline.name)
    pipeline.updated_at = at
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"the name {wanted.get('name')!r} is taken") from error
    return pipeline


def delete_pipeline(session: Session, pipeline_id: int) -> str:
    """Delete a pipeline that others run, with its executions, lineage, rules and results; its name.

    Raises NotFound, and Conflict for a pipeline that supersync runs.
    """
    pipeline = _locked(session, pipeline_id, "")
    if pipeline.kind is not PipelineKind.EXTERNAL:
        raise _ours(pipeline.name, "it is deleted where it is declared")
    session.delete(pipeline)
    session.flush()
    return pipeline.name


def read_pipeline(session: Session, pipeline_id: int) -> ReportedPipeline:
    """A pipeline. Raises NotFound."""
    found = find_reported_by_id(session, pipeline_id) if 0 < pipeline_id <= MAX_ID else None
    if found is None:
        raise NotFound(f"there is no pipeline {pipeline_id}")
    return found


def list_reported_pipelines(
    session: Session, wanted: PipelineFilter = EVERY_PIPELINE, page: Page = ALL
) -> Sequence[ReportedPipeline]:
    """Pipelines that are not retired, ours too; all of them, or a page."""
    return select_reported_pipelines(session, wanted, page)


def _locked(session: Session, pipeline_id: int | None, name: str) -> Pipeline:
    which = Pipeline.id == pipeline_id if pipeline_id is not None else Pipeline.name_key == fold_name(name)
    pipeline = session.scalar(select(Pipeline).where(which).with_for_update())
    if pipeline is None:
        raise NotFound(f"there is no pipeline {pipeline_id if pipeline_id is not None else repr(name)}")
    return pipeline


def _ours(name: str, why: str) -> Conflict:
    return Conflict(f"{name} is a pipeline that supersync runs: {why}")
