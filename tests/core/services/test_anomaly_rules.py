"""Rules on the numbers of executions: one for each metric of a pipeline."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.domain.check import Metric
from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.services.anomaly_rules import amend_rule, delete_rule, list_rules, put_rule, read_rule
from tests.core.services.reports import MINUTE, NOON, at_once, reported


def rule(session: Session, pipeline: int, metric: Metric = Metric.TOTAL_ROWS, **settings: Any) -> int:
    return put_rule(session, pipeline, metric, {"z_threshold": 3.0} | settings, active=True, at=NOON)[0]


def test_of_many_who_make_one_rule_at_once_one_makes_it(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
    put = at_once(ledger, 16, lambda s: put_rule(s, pipeline, Metric.INSERTS, {}, active=True, at=NOON))
    assert [is_new for _, is_new in put].count(True) == 1
    assert len({id_ for id_, _ in put}) == 1


def test_a_rule_that_is_there_is_left_as_it_is(session: Session) -> None:
    pipeline = reported(session)
    first = rule(session, pipeline, z_threshold=2.0)
    assert rule(session, pipeline, z_threshold=5.0) == first
    assert read_rule(session, first).settings["z_threshold"] == 2.0


def test_a_rule_needs_its_pipeline(session: Session) -> None:
    with pytest.raises(NotFound):
        rule(session, 7)


def test_what_is_named_is_changed(session: Session) -> None:
    id_ = rule(session, reported(session), lookback_days=30)
    amend_rule(session, id_, {"z_threshold": 2.5, "active": False, "metric": "updates"}, at=NOON + MINUTE)
    found = read_rule(session, id_)
    assert found.settings == {"z_threshold": 2.5, "lookback_days": 30}
    assert (found.metric, found.active, found.updated_at) == ("updates", False, NOON + MINUTE)


@pytest.mark.parametrize(("changes", "error"), [({"metric": "inserts"}, Conflict), ({"pipeline_id": 10**12}, BadData)])
def test_a_change_that_cannot_be_is_refused(ledger: Ledger, changes: dict[str, Any], error: type[Exception]) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
        id_ = rule(session, pipeline)
        rule(session, pipeline, Metric.INSERTS)
    with pytest.raises(error), ledger.begin() as session:
        amend_rule(session, id_, changes, at=NOON)


def test_rules_are_listed_by_pipeline_and_deleted(session: Session) -> None:
    pipelines = [reported(session, name) for name in ("a", "b")]
    ids = [rule(session, pipeline) for pipeline in pipelines]
    assert [one.id for one in list_rules(session)] == ids
    delete_rule(session, ids[0])
    assert [one.id for one in list_rules(session, pipeline_id=pipelines[1])] == ids[1:]
    with pytest.raises(NotFound):
        read_rule(session, ids[0])
