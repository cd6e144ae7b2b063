"""The life of CDC pipelines: created, changed, paused, stopped, resumed, deleted. Runs follow what is wanted."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState, PipelineDeclaration, PipelineKind
from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.cdc_tables import TrackedTable
from supersync_core.ledger.pipelines import find_pipeline
from supersync_core.ledger.tables import Checkpoint, Pipeline
from supersync_core.services.cdc.findings import resolve_drift
from supersync_core.services.cdc.places import places
from supersync_core.services.cdc.spec import (
    CdcSpec,
    change_secrets,
    masked,
    put_at,
    read_spec,
    secret_paths,
    value_at,
)
from supersync_core.services.cdc.vault import Vault
from supersync_core.services.incidents import resolve_all_of
from supersync_core.services.lineage import record_lineage
from supersync_core.services.pipelines import declaration_of, register_pipeline

__all__ = [
    "NameMismatch",
    "Pipeline",
    "Stored",
    "amend_cdc_pipeline",
    "create_cdc_pipeline",
    "get_cdc_pipeline",
    "list_cdc_pipelines",
    "merge",
    "set_cdc_state",
    "shown_spec",
    "stored_spec",
]


class NameMismatch(BadData):
    """A change names another pipeline than the one that is to be changed."""


@dataclass(frozen=True)
class Stored:
    """A pipeline and its specification, secrets masked."""

    pipeline: Pipeline
    spec: dict[str, Any]


def create_cdc_pipeline(session: Session, data: Any, vault: Vault, *, at: datetime) -> Pipeline:
    """Register a pipeline that is to run. Raises BadData, and Conflict where the name is taken, whoever has it."""
    spec = read_spec(data)
    taken = find_pipeline(session, spec.metadata.name)
    if taken is not None and taken.retired_at is None:
        raise Conflict(f"pipeline {spec.metadata.name} already exists")
    return _write(session, spec, vault, at)


def amend_cdc_pipeline(
    session: Session, name: str, patch: Mapping[str, Any], vault: Vault, *, at: datetime
) -> Pipeline:
    """Merge a change into the specification; the pipeline runs with it from its checkpoint, also one that was stopped.

    Raises NotFound, NameMismatch, and BadData for what would not be a specification: then nothing has changed.
    """
    pipeline = get_cdc_pipeline(session, name)
    _lock(session, pipeline)
    before = stored_spec(pipeline, vault)
    data = _unmasked(merge(before.model_dump(mode="json"), patch), before)
    spec = read_spec(data)
    if spec.metadata.name != pipeline.name:
        raise NameMismatch(f"pipeline name mismatch: expected {pipeline.name}, got {spec.metadata.name}")
    pipeline = _write(session, spec, vault, at)
    ids = [sink.config["id"] for sink in spec.spec.sinks]
    if spec.spec.schema_sensing is None or not spec.spec.schema_sensing.enabled:
        resolve_drift(session, pipeline.id, at=at)
    gone = delete(Checkpoint).where(Checkpoint.pipeline_id == pipeline.id, Checkpoint.part.not_in(ids))
    session.execute(gone)
    return pipeline


def get_cdc_pipeline(session: Session, name: str) -> Pipeline:
    """The pipeline of that name. Raises NotFound."""
    found = find_pipeline(session, name)
    if found is None or found.kind is not PipelineKind.CDC or found.retired_at is not None:
        raise NotFound(f"pipeline {name} not found")
    return found


def list_cdc_pipelines(session: Session, labels: Sequence[str] = ()) -> Sequence[Pipeline]:
    """Pipelines by name that have all of the labels; each is `key:value`, or `key` for any value."""
    query = select(Pipeline).where(Pipeline.kind == PipelineKind.CDC, Pipeline.retired_at.is_(None))
    for label in labels:
        key, colon, value = label.partition(":")
        labelled = Pipeline.spec["metadata"]["labels"]
        query = query.where(labelled[key].astext == value if colon else labelled.has_key(key))
    return session.scalars(query.order_by(Pipeline.name_key)).all()


def set_cdc_state(session: Session, name: str, state: DesiredState, *, at: datetime) -> Pipeline:
    """Say what is wanted; the run obeys, or is launched. The same again is no change. Raises NotFound."""
    pipeline = get_cdc_pipeline(session, name)
    _lock(session, pipeline)
    if pipeline.desired_state is not state:
        pipeline.desired_state, pipeline.updated_at = state, at
        session.flush()
    return pipeline


def _lock(session: Session, pipeline: Pipeline) -> None:
    """Let others of us wait, but not who only refers to it.

    A run holds its execution while it writes its first status or checkpoint, which refer to the pipeline, and who
    deletes a pipeline locks that execution next: each would wait for the other.
    """
    session.refresh(pipeline, with_for_update={"key_share": True})


def forget_cdc_pipeline(session: Session, pipeline: Pipeline, *, at: datetime) -> None:
    """Let the name be free and the checkpoints gone; its history stays until it is cleaned up.

    To be called when no run of it lives.
    """
    for table in (Checkpoint, TrackedTable):
        session.execute(delete(table).where(table.pipeline_id == pipeline.id))
    pipeline.desired_state = DesiredState.STOPPED
    pipeline.retired_at = pipeline.updated_at = at
    resolve_all_of(session, pipeline.id, reason="the pipeline is deleted", at=at)


def stored_spec(pipeline: Pipeline, vault: Vault) -> CdcSpec:
    """The specification with its secrets, for whoever runs it. Raises ConfigError for secrets of another key."""
    return CdcSpec.model_validate(vault.open_all(pipeline.spec))


def shown_spec(pipeline: Pipeline, vault: Vault) -> dict[str, Any]:
    """The specification as it may be shown: of a DSN all but the password, of other secrets nothing."""
    spec = stored_spec(pipeline, vault)
    shown = spec.model_dump(mode="json")
    change_secrets(shown, secret_paths(spec), masked)
    return shown


def merge(old: Any, new: Any) -> Any:
    """A deep merge: objects key by key, arrays by index and never shorter, everything else replaced (DeltaForge)."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merge(old.get(key), value) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        merged = [merge(one, new[index]) if index < len(new) else one for index, one in enumerate(old)]
        return merged + new[len(old) :]
    return new


def _unmasked(data: Any, before: CdcSpec) -> Any:
    """A client that sends back what it was shown means the secrets that it was not shown."""
    plain = before.model_dump(mode="json")
    for path in secret_paths(before):
        with suppress(KeyError, IndexError, TypeError):
            secret = value_at(plain, path)
            if value_at(data, path) == masked(secret):
                put_at(data, path, secret)
    return data


def _write(session: Session, spec: CdcSpec, vault: Vault, at: datetime) -> Pipeline:
    data = spec.model_dump(mode="json")
    change_secrets(data, secret_paths(spec), vault.seal)
    tags = {key: value for key, value in spec.metadata.labels.items() if key and value}
    known = find_pipeline(session, spec.metadata.name)
    if known is not None and known.retired_at is None:
        # What is expected of it, and who cares for it, stays.
        declaration, declared_hash = replace(declaration_of(known), spec=data, tags=tags), known.declared_hash
    else:
        declaration, declared_hash = (
            PipelineDeclaration(spec.metadata.name, PipelineKind.CDC, spec=data, tags=tags),
            None,
        )
    pipeline = register_pipeline(session, declaration, at=at)
    # It is no file's: a file that does not change does not undo this, and one that does not know it leaves it alone.
    pipeline.declared_hash = declared_hash
    pipeline.desired_state, pipeline.updated_at = DesiredState.RUNNING, at
    session.flush()
    # Before its first run, so that Dagster shows it where it belongs from the start.
    record_lineage(session, pipeline.id, *places(spec), at=at)
    return pipeline
