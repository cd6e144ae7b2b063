"""Agencies: who belongs to one, and the pipelines that import its calls."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.connectors.registry import load_connector
from supersync_core.domain.historical_sync import ANY_AGENCY
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.domain.table import TableName
from supersync_core.errors import ConfigError, Conflict, NotFound
from supersync_core.ledger.historical_jobs import find_agency
from supersync_core.ledger.pipelines import get_or_create_pipeline
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.configuration import Configuration

KIND = PipelineKind.HISTORICAL_SYNC


def agency_of(session: Session, configuration: Configuration | None, user_id: uuid.UUID) -> uuid.UUID | None:
    """The agency of a user; None for nobody we know, and for somebody of none.

    Raises ConfigError, and what the connection of the users raises.
    """
    users = configuration.supabase.users if configuration and configuration.supabase else None
    if configuration is None or users is None:
        return find_agency(session, user_id)
    config = configuration.connections[users.connection]
    find = load_connector(config.type).find_value
    found = find(config, TableName.parse(users.table), (users.id, str(user_id)), users.agency)
    try:
        return uuid.UUID(found) if found else None
    except ValueError:
        raise ConfigError(f"{users.table}.{users.agency} holds something that is no uuid") from None


def is_template(pipeline: Pipeline) -> bool:
    """Whether it stands for any agency: those that ask get a pipeline of their own, made after it."""
    return pipeline.kind is KIND and pipeline.spec.get("agency") == ANY_AGENCY


def pipeline_of_agency(
    session: Session, agency_id: uuid.UUID, *, provider: str | None, at: datetime
) -> tuple[Pipeline, bool]:
    """The pipeline that imports the agency's calls, and whether it is new.

    `provider`: its source's connection, where there are several. Raises NotFound.
    """
    known = _find(session, str(agency_id), provider)
    if known:
        return known[0], False
    templates = _find(session, ANY_AGENCY, provider)
    if not templates:
        of = f" from {provider!r}" if provider else ""
        raise NotFound(f"no import of calls{of} is set up for this agency")
    return _register(session, templates[0], agency_id, at), True


def _find(session: Session, agency: str, provider: str | None) -> Sequence[Pipeline]:
    mine = select(Pipeline).where(
        Pipeline.kind == KIND, Pipeline.retired_at.is_(None), Pipeline.spec["agency"].astext == agency
    )
    if provider is not None:
        mine = mine.where(Pipeline.spec["source"]["connection"].astext == provider)
    return session.scalars(mine.order_by(Pipeline.id)).all()


def _register(session: Session, template: Pipeline, agency_id: uuid.UUID, at: datetime) -> Pipeline:
    name = f"{template.name[:100].strip()} {agency_id}"
    pipeline = get_or_create_pipeline(session, name, KIND, at=at)
    if pipeline.kind is KIND and pipeline.retired_at is None and pipeline.spec.get("agency") == str(agency_id):
        return pipeline  # somebody else has just registered it
    if pipeline.kind is not KIND or (pipeline.spec and pipeline.retired_at is None):
        raise Conflict(f"another pipeline has the name {name!r}")
    # Nobody has declared it: what a file declares else retires what has left it.
    pipeline.spec = {**template.spec, "name": name, "agency": str(agency_id)}
    pipeline.title, pipeline.group_name, pipeline.owners = template.title, template.group_name, template.owners
    pipeline.declared_hash, pipeline.retired_at, pipeline.updated_at = None, None, at
    session.flush()
    session.refresh(pipeline)
    return pipeline
