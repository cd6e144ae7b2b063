"""Register, find, pause and retire pipelines."""

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches

from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule, CheckKind, Freshness, Timeliness
from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind, fold_name
from supersync_core.domain.schedule import Cadence
from supersync_core.errors import NotFound
from supersync_core.ledger.checks import replace_declared_rules
from supersync_core.ledger.pipelines import find_pipeline, get_or_create_pipeline, select_pipelines
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.incidents import resolve_all_of
from supersync_core.services.schedules import put_schedule

__all__ = [
    "Pipeline",
    "declaration_of",
    "get_pipeline",
    "list_pipelines",
    "register_pipeline",
    "retire_pipeline",
    "set_desired_state",
]


def register_pipeline(
    session: Session, declaration: PipelineDeclaration, *, at: datetime, content_hash: str | None = None
) -> Pipeline:
    """Write a declaration into the ledger, unless this very one was the last to be written.

    So an unchanged file never undoes what an operator has changed since. What the operator wants (`desired_state`,
    a schedule switched off) stays in any case. A pipeline that was retired comes back. `content_hash`: what the
    declaration is known by, where that is not the hash of what is written.
    """
    content_hash = content_hash or declaration.content_hash
    pipeline = get_or_create_pipeline(session, declaration.name, declaration.kind, at=at)
    if pipeline.declared_hash == content_hash and pipeline.retired_at is None:
        return pipeline
    if pipeline.declared_hash != content_hash:
        _write(session, pipeline, declaration, at)
        pipeline.declared_hash = content_hash
    pipeline.retired_at, pipeline.updated_at = None, at
    session.flush()
    session.refresh(pipeline)
    return pipeline


def declaration_of(pipeline: Pipeline) -> PipelineDeclaration:
    """The pipeline as a declaration: what was declared, with what an operator has changed since."""
    cadence, freshness, timeliness = None, None, None
    if pipeline.schedule is not None:
        cadence = Cadence(pipeline.schedule.cron, pipeline.schedule.every_s, pipeline.schedule.timezone)
    if pipeline.freshness_number is not None and pipeline.freshness_datepart is not None:
        freshness = Freshness(pipeline.freshness_number, pipeline.freshness_datepart)
    if pipeline.timeliness_number is not None and pipeline.timeliness_datepart is not None:
        timeliness = Timeliness(pipeline.timeliness_number, pipeline.timeliness_datepart)
    rules = [rule for rule in pipeline.rules if rule.kind is CheckKind.ANOMALY and rule.active]
    return PipelineDeclaration(
        name=pipeline.name,
        kind=pipeline.kind,
        title=pipeline.title,
        spec=pipeline.spec,
        cadence=cadence,
        freshness=freshness,
        timeliness=timeliness,
        anomalies=tuple(AnomalyRule.from_settings(rule.metric, rule.settings) for rule in rules),
        owners=tuple(pipeline.owners),
        group=pipeline.group_name,
        tags=pipeline.tags,
    )


def get_pipeline(session: Session, name: str, *, kind: PipelineKind | None = None) -> Pipeline:
    """The pipeline of that name, whatever its case. Raises NotFound with the nearest names.

    With `kind`, only one of that kind that is not retired.
    """
    pipeline = find_pipeline(session, name)
    if pipeline is not None and (kind is None or (pipeline.kind is kind and pipeline.retired_at is None)):
        return pipeline
    names = {known.name_key: known.name for known in select_pipelines(session, kind=kind)}
    near = [repr(names[key]) for key in get_close_matches(fold_name(name), names)]
    raise NotFound(f"there is no pipeline {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))


def list_pipelines(session: Session, *, kind: PipelineKind | None = None) -> Sequence[Pipeline]:
    """Pipelines by name, without those that are retired."""
    return select_pipelines(session, kind=kind)


def set_desired_state(session: Session, name: str, state: DesiredState, *, at: datetime) -> Pipeline:
    """Say what is wanted of a pipeline. A run that goes on is not touched. Raises NotFound."""
    pipeline = get_pipeline(session, name)
    if pipeline.desired_state is not state:
        pipeline.desired_state, pipeline.updated_at = state, at
    return pipeline


def retire_pipeline(session: Session, name: str, *, at: datetime) -> Pipeline:
    """Take a pipeline out of use, because nobody declares it any more. Raises NotFound.

    Its history stays; its incidents are resolved.
    """
    pipeline = get_pipeline(session, name)
    if pipeline.retired_at is None:
        pipeline.retired_at = pipeline.updated_at = at
        resolve_all_of(session, pipeline.id, reason="the pipeline is retired", at=at)
    return pipeline


def _write(session: Session, pipeline: Pipeline, declaration: PipelineDeclaration, at: datetime) -> None:
    pipeline.name, pipeline.kind, pipeline.title = declaration.name, declaration.kind, declaration.title
    pipeline.spec, pipeline.group_name = dict(declaration.spec), declaration.group
    pipeline.owners, pipeline.tags = list(declaration.owners), dict(declaration.tags)
    pipeline.freshness_number, pipeline.freshness_datepart = declaration.freshness or (None, None)
    pipeline.timeliness_number, pipeline.timeliness_datepart = declaration.timeliness or (None, None)
    pipeline.declared_hash = declaration.content_hash
    put_schedule(session, pipeline, declaration.cadence, at=at)
    rules = {rule.metric_field.value: rule.settings for rule in declaration.anomalies}
    replace_declared_rules(session, pipeline.id, CheckKind.ANOMALY, rules, at=at)
