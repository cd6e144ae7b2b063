"""Read and write check rules."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from supersync_core.domain.check import AnomalyRule, CheckKind
from supersync_core.ledger.check_tables import CheckRule


def has_anomaly_rule(session: Session, pipeline_id: int) -> bool:
    """Whether an execution of the pipeline is to be judged."""
    active = select(CheckRule.id).where(
        CheckRule.pipeline_id == pipeline_id, CheckRule.kind == CheckKind.ANOMALY, CheckRule.active
    )
    return session.scalar(active.limit(1)) is not None


def insert_rules(session: Session, pipeline_id: int, rules: Collection[AnomalyRule], *, at: datetime) -> None:
    """Give these rules to a pipeline that has none."""
    shared = {"pipeline_id": pipeline_id, "kind": CheckKind.ANOMALY, "created_at": at, "updated_at": at}
    rows = [{**shared, "metric": rule.metric_field.value, "settings": rule.settings} for rule in rules]
    if rows:
        session.execute(insert(CheckRule), rows)


def replace_declared_rules(
    session: Session, pipeline_id: int, kind: CheckKind, rules: Mapping[str, Mapping[str, Any]], *, at: datetime
) -> None:
    """Let the pipeline's declared rules of that kind be exactly `rules`: settings by metric.

    A rule that somebody else made for the same metric becomes the declared one; one that was switched off stays off.
    """
    gone = delete(CheckRule).where(
        CheckRule.pipeline_id == pipeline_id,
        CheckRule.kind == kind,
        CheckRule.declared,
        CheckRule.metric.not_in(rules),
    )
    session.execute(gone)
    for metric, settings in rules.items():
        values = {"settings": dict(settings), "declared": True, "updated_at": at}
        new = insert(CheckRule).values(pipeline_id=pipeline_id, kind=kind, metric=metric, created_at=at, **values)
        same = [CheckRule.pipeline_id, CheckRule.kind, CheckRule.metric]
        session.execute(new.on_conflict_do_update(index_elements=same, set_=values))
