"""Rules on the numbers of a pipeline's executions, as somebody makes them over the API; one for each metric."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, Metric
from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.check_tables import CheckRule
from supersync_core.ledger.pages import ALL, Page, paged
from supersync_core.ledger.tables import Pipeline

__all__ = ["CheckRule", "amend_rule", "delete_rule", "list_rules", "put_rule", "read_rule"]

MAX_ID = 2**63 - 1


def put_rule(
    session: Session, pipeline_id: int, metric: Metric, settings: Mapping[str, Any], *, active: bool, at: datetime
) -> tuple[int, bool]:
    """The id of the pipeline's rule on that metric, and whether it is new. One that is there is left as it is.

    `settings`: z_threshold, lookback_days, minimum_executions and what else a rule has. Raises NotFound.
    """
    if session.get(Pipeline, pipeline_id) is None:
        raise NotFound(f"there is no pipeline {pipeline_id}")
    values = {"pipeline_id": pipeline_id, "kind": CheckKind.ANOMALY, "metric": metric.value}
    times = {"created_at": at, "updated_at": at}
    new = insert(CheckRule).values(**values, settings=dict(settings), active=active, **times)
    same = [CheckRule.pipeline_id, CheckRule.kind, CheckRule.metric]
    made = session.scalar(new.on_conflict_do_nothing(index_elements=same).returning(CheckRule.id))
    if made is not None:
        return made, True
    return session.scalars(select(CheckRule.id).filter_by(**values)).one(), False


def read_rule(session: Session, rule_id: int) -> CheckRule:
    """The rule. Raises NotFound."""
    found = session.get(CheckRule, rule_id) if 0 < rule_id <= MAX_ID else None
    if found is None or found.kind is not CheckKind.ANOMALY:
        raise NotFound(f"there is no anomaly detection rule {rule_id}")
    return found


def list_rules(
    session: Session,
    *,
    pipeline_id: int | None = None,
    metric: Metric | None = None,
    active: bool | None = None,
    page: Page = ALL,
) -> Sequence[CheckRule]:
    """Rules; all of them, or a page."""
    query = select(CheckRule).where(CheckRule.kind == CheckKind.ANOMALY)
    if pipeline_id is not None:
        query = query.where(CheckRule.pipeline_id == pipeline_id)
    if metric is not None:
        query = query.where(CheckRule.metric == metric.value)
    if active is not None:
        query = query.where(CheckRule.active.is_(active))
    return session.scalars(paged(query, CheckRule, page)).all()


def amend_rule(session: Session, rule_id: int, changes: Mapping[str, Any], *, at: datetime) -> CheckRule:
    """Change a rule: `pipeline_id`, `metric`, `active` or one of its settings.

    Raises NotFound, BadData for a pipeline that is not there, Conflict where the pipeline has a rule on that metric.
    """
    found = read_rule(session, rule_id)
    session.refresh(found, with_for_update=True)
    if changes.get("pipeline_id") is not None and session.get(Pipeline, changes["pipeline_id"]) is None:
        raise BadData(f"there is no pipeline {changes['pipeline_id']}")
    columns = {"pipeline_id", "metric", "active"}
    found.settings = {**found.settings, **{key: value for key, value in changes.items() if key not in columns}}
    for key in columns & changes.keys():
        setattr(found, key, changes[key])
    found.updated_at = at
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict("the pipeline has a rule on that metric already") from error
    return found


def delete_rule(session: Session, rule_id: int) -> None:
    """Delete a rule and what it has found. Raises NotFound."""
    session.delete(read_rule(session, rule_id))
    session.flush()
