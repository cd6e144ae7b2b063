"""Checks that somebody asks for are made once, by the function that a schedule calls; how many wait is watched."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.check import CheckKind, Metric
from supersync_core.domain.incident import Level
from supersync_core.errors import BadData
from supersync_core.ledger.check_tables import CheckRequest
from supersync_core.ledger.database import Ledger
from supersync_core.services import check_requests
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.check_requests import answer_requests, request_check
from supersync_core.services.judging import judge
from supersync_core.services.queue_monitor import Queue, check_queue, read_queue
from supersync_core.services.reported_executions import report_start
from tests.core.services.expecting import FRESH, HOUR, QUICK, incidents, pipeline_that_changed, told
from tests.core.services.reports import MINUTE, NOON, at_once, ended, reported

LATER = NOON + 9 * HOUR
FRESHNESS, TIMELINESS = CheckKind.FRESHNESS, CheckKind.TIMELINESS


def ask(ledger: Ledger, kind: CheckKind = FRESHNESS, **settings: Any) -> int:
    with ledger.begin() as session:
        return request_check(session, kind, settings, by="ann", at=NOON)


def requests(ledger: Ledger) -> list[CheckRequest]:
    with ledger.begin() as session:
        return list(session.scalars(select(CheckRequest).order_by(CheckRequest.id)))


def found(ledger: Ledger) -> list[str]:
    with ledger.begin() as session:
        return [subject for subject, _, _ in incidents(session)]


def test_a_request_is_kept_until_it_is_answered(ledger: Ledger) -> None:
    id_ = ask(ledger, TIMELINESS, lookback_minutes=60)
    (request,) = requests(ledger)
    assert (request.id, request.kind, request.settings) == (id_, TIMELINESS, {"lookback_minutes": 60})
    assert (request.requested_by, request.requested_at, request.done_at) == ("ann", NOON, None)
    assert answer_requests(ledger, at=LATER) == 1
    assert [request.done_at for request in requests(ledger)] == [LATER]
    assert answer_requests(ledger, at=LATER) == 0


def test_each_kind_makes_its_check(ledger: Ledger) -> None:
    with ledger.begin() as session:
        stale = pipeline_that_changed(session, **FRESH)
        late = reported(session, "late", **QUICK)
        report_start(session, late, started_at=NOON)
    assert answer_requests(ledger, at=LATER) == 0
    assert found(ledger) == []
    ask(ledger)
    answer_requests(ledger, at=LATER)
    assert found(ledger) == [f"freshness:{stale}"]
    ask(ledger, TIMELINESS)
    answer_requests(ledger, at=LATER)
    assert found(ledger) == [f"freshness:{stale}", f"timeliness:{late}"]


def test_many_requests_are_one_check_over_the_longest_lookback(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    for kind in ("freshness", "timeliness"):
        monkeypatch.setattr(check_requests, f"check_{kind}", lambda session, lookback=0, at=None: made.append(lookback))
    for minutes in (60, 600, 5):
        ask(ledger, TIMELINESS, lookback_minutes=minutes)
    ask(ledger), ask(ledger)
    assert answer_requests(ledger, at=LATER) == 5
    assert made == [0, 600 * MINUTE]
    ask(ledger, TIMELINESS), ask(ledger, TIMELINESS, lookback_minutes=7)
    answer_requests(ledger, at=LATER)
    assert set(made[2:]) == {None, 7 * MINUTE}


def test_a_lookback_longer_than_the_calendar_is_as_good_as_ever(ledger: Ledger) -> None:
    with ledger.begin() as session:
        late = reported(session, **QUICK)
        ended(session, late, start=NOON - 10**4 * HOUR, seconds=9000)
    ask(ledger, TIMELINESS, lookback_minutes=10**30)
    answer_requests(ledger, at=LATER)
    assert found(ledger) == [f"timeliness:{late}"]


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (CheckKind.ANOMALY, {}, "anomaly cannot be asked for"),
        (CheckKind.DRIFT, {}, "drift cannot be asked for"),
        (FRESHNESS, {"lookback_minutes": 60}, "has no setting 'lookback_minutes'"),
        (TIMELINESS, {"lookback": 60}, "has no setting 'lookback'"),
        (TIMELINESS, {"lookback_minutes": 4}, "at least 5"),
        (TIMELINESS, {"lookback_minutes": 60.5}, "a whole number"),
        (TIMELINESS, {"lookback_minutes": None}, "a whole number"),
        (TIMELINESS, {"lookback_minutes": True}, "a whole number"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    ledger: Ledger, kind: CheckKind, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadData, match=message):
        ask(ledger, kind, **settings)
    assert requests(ledger) == []


def test_a_check_that_fails_is_asked_for_still_and_does_not_hold_up_the_others(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_requests, "check_freshness", lambda session, at: 1 / 0)
    ask(ledger), ask(ledger, TIMELINESS)
    with pytest.raises(ZeroDivisionError):
        answer_requests(ledger, at=LATER)
    assert [(request.kind, request.done_at) for request in requests(ledger)] == [(FRESHNESS, None), (TIMELINESS, LATER)]
    monkeypatch.undo()
    assert answer_requests(ledger, at=LATER) == 1


def test_many_that_answer_at_once_answer_each_request_once(ledger: Ledger) -> None:
    for _ in range(10):
        ask(ledger)
    answered = at_once(ledger, 6, lambda _: answer_requests(ledger, at=LATER))
    assert sum(answered) == 10


# The queue


def wait_for_judgement(session: Session, count: int) -> None:
    pipeline = reported(session)
    put_rule(session, pipeline, Metric.INSERTS, {}, active=True, at=NOON)
    for _ in range(count):
        ended(session, pipeline)


def ask_often(session: Session, count: int) -> None:
    for _ in range(count):
        request_check(session, FRESHNESS, by="ann", at=NOON)


def test_the_queue_holds_what_is_asked_for_and_what_is_not_judged(session: Session) -> None:
    assert (read_queue(session).total, read_queue(session).level) == (0, None)
    wait_for_judgement(session, 3)
    ask_often(session, 2)
    request_check(session, TIMELINESS, by="ann", at=NOON)
    queue = read_queue(session)
    assert queue.waiting == {FRESHNESS: 2, TIMELINESS: 1, CheckKind.ANOMALY: 3, CheckKind.DRIFT: 0}
    assert queue.total == 6


@pytest.mark.parametrize(
    ("waiting", "level"), [(49, None), (50, Level.WARNING), (99, Level.WARNING), (100, Level.CRITICAL)]
)
def test_too_much_that_waits_is_a_warning_and_then_critical(waiting: int, level: Level | None) -> None:
    assert Queue({FRESHNESS: 1, CheckKind.ANOMALY: waiting - 1}).level is level


def test_a_long_queue_is_an_incident_until_it_is_short(ledger: Ledger) -> None:
    seen = []
    for ask_for in (49, 1, 10, 40, 0):
        with ledger.begin() as session:
            ask_often(session, ask_for)
            check_queue(session, at=NOON)
            seen.append((incidents(session), told(session)))
    assert seen == [
        ([], []),
        ([("queue", "open", 1)], ["50 checks wait"]),
        ([("queue", "open", 2)], ["50 checks wait"]),
        ([("queue", "open", 3)], ["50 checks wait", "100 checks wait"]),
        ([("queue", "open", 4)], ["50 checks wait", "100 checks wait"]),
    ]
    answer_requests(ledger, at=LATER)
    with ledger.begin() as session:
        assert check_queue(session, at=LATER).total == 0
        assert [state for _, state, _ in incidents(session)] == ["resolved"]


def test_the_judgement_of_what_waits_shortens_the_queue(ledger: Ledger) -> None:
    with ledger.begin() as session:
        wait_for_judgement(session, 3)
    judge(ledger, at=NOON)
    with ledger.begin() as session:
        assert read_queue(session).total == 0
