"""Incidents: opened, counted, alerted, taken care of; many at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from supersync_core.domain.incident import Finding, IncidentKind, IncidentState, Level
from supersync_core.errors import BadData, IllegalTransition, NotFound
from supersync_core.ledger.check_tables import Alert, Incident
from supersync_core.ledger.database import Ledger
from supersync_core.services.incidents import (
    IncidentFilter,
    acknowledge_incident,
    count_incidents,
    list_incidents,
    mute_incident,
    read_incident,
    report_finding,
    report_findings,
    resolve_incident,
    resolve_subject,
    unmute_incident,
)
from tests.core.services.reports import MINUTE, NOON, at_once, reported

STALE = Finding(IncidentKind.FRESHNESS, "freshness:7", Level.WARNING, "orders is stale", "nothing since noon")
ONCE = replace(STALE, repeats=False)
LATER = NOON + MINUTE


def find(session: Session, finding: Finding = STALE, minutes: int = 0) -> int:
    return report_finding(session, finding, at=NOON + minutes * MINUTE)


def told(session: Session) -> list[str]:
    """The titles of the alerts, in their order."""
    return list(session.scalars(select(Alert.title).order_by(Alert.id)))


def one(session: Session) -> Incident:
    session.expire_all()
    return session.scalars(select(Incident)).one()


def test_a_finding_opens_an_incident_and_alerts(session: Session) -> None:
    pipeline = reported(session)
    id_ = find(session, replace(STALE, pipeline_id=pipeline, details={"newest": "noon"}))
    row = one(session)
    assert (row.id, row.pipeline_id, row.kind, row.subject) == (id_, pipeline, IncidentKind.FRESHNESS, "freshness:7")
    assert (row.state, row.level, row.title, row.details) == ("open", "warning", STALE.title, {"newest": "noon"})
    assert (row.findings, row.opened_at, row.last_found_at, row.resolved_at) == (1, NOON, NOON, None)
    alert = session.scalars(select(Alert)).one()
    assert (alert.incident_id, alert.level, alert.title, alert.message) == (id_, "warning", STALE.title, STALE.message)
    assert (alert.details, alert.created_at, alert.expanded_at) == ({"newest": "noon"}, NOON, None)


def test_another_finding_of_the_same_subject_is_counted_and_alerts_again(session: Session) -> None:
    worse = replace(STALE, level=Level.CRITICAL, title="still stale")
    assert find(session) == find(session, worse, 1)
    row = one(session)
    assert (row.findings, row.level, row.title, row.opened_at, row.last_found_at) == (
        *(2, Level.CRITICAL, "still stale"),
        *(NOON, LATER),
    )
    assert told(session) == ["orders is stale", "still stale"]


def test_other_subjects_have_incidents_of_their_own(session: Session) -> None:
    assert find(session) != find(session, replace(STALE, subject="freshness:8"))


@pytest.mark.parametrize(
    ("findings", "alerts"),
    [
        pytest.param([ONCE, ONCE], 1, id="the first alone alerts"),
        pytest.param([ONCE, replace(ONCE, level=Level.CRITICAL), ONCE], 2, id="and one that is worse"),
        pytest.param([replace(ONCE, level=Level.CRITICAL), ONCE], 1, id="one that is better does not"),
    ],
)
def test_what_goes_on_does_not_alert_again(session: Session, findings: list[Finding], alerts: int) -> None:
    for finding in findings:
        find(session, finding)
    assert (len(told(session)), one(session).findings) == (alerts, len(findings))


def test_many_findings_at_once_are_as_many_one_after_the_other(session: Session) -> None:
    find(session)
    other = replace(ONCE, subject="freshness:8", title="b")
    ids = report_findings(session, [STALE, other, replace(STALE, title="again"), other], at=LATER)
    assert sorted(ids) == ["freshness:7", "freshness:8"]
    counts = {row.subject: row.findings for row in session.scalars(select(Incident))}
    assert (counts, told(session)) == ({"freshness:7": 3, "freshness:8": 2}, [STALE.title, STALE.title, "again", "b"])


def test_nothing_found_is_nothing_reported(session: Session) -> None:
    assert report_findings(session, [], at=NOON) == {}


def test_many_who_find_the_same_at_once_open_one_incident_and_lose_no_alert(ledger: Ledger) -> None:
    ids = at_once(ledger, 16, find)
    with ledger.begin() as session:
        assert (len(set(ids)), one(session).findings, len(told(session))) == (1, 16, 16)


def test_many_who_find_what_goes_on_at_once_alert_once(ledger: Ledger) -> None:
    at_once(ledger, 16, lambda session: find(session, ONCE))
    with ledger.begin() as session:
        assert (one(session).findings, len(told(session))) == (16, 1)


def test_two_who_find_the_same_things_in_another_order_do_not_wait_for_each_other(ledger: Ledger) -> None:
    several = [replace(STALE, subject=f"freshness:{number}") for number in range(50)]
    orders = iter([several, several[::-1]] * 4)
    at_once(ledger, 8, lambda session: report_findings(session, next(orders), at=NOON))
    with ledger.begin() as session:
        assert {row.findings for row in session.scalars(select(Incident))} == {8}


def test_what_is_found_after_the_end_is_a_new_incident(session: Session) -> None:
    first = find(session)
    assert resolve_subject(session, STALE.subject, reason="fresh again", at=LATER)
    assert not resolve_subject(session, STALE.subject, at=LATER)
    row = one(session)
    assert (row.state, row.resolved_at, row.reason, row.changed_by) == ("resolved", LATER, "fresh again", "supersync")
    assert find(session, minutes=2) != first
    assert len(told(session)) == 2


def test_an_incident_that_somebody_takes_care_of_is_counted_and_alerts_nobody(session: Session) -> None:
    id_ = find(session)
    acknowledge_incident(session, id_, by="ann", reason="on it", at=LATER)
    find(session, minutes=2)
    row = one(session)
    assert (row.state, row.changed_by, row.reason, row.findings) == ("acknowledged", "ann", "on it", 2)
    assert len(told(session)) == 1


@pytest.mark.parametrize("finding", [STALE, ONCE], ids=["repeats", "goes on"])
def test_a_mute_ends_by_itself(session: Session, finding: Finding) -> None:
    id_ = find(session, finding)
    mute_incident(session, id_, by="ann", reason="moving", until=NOON + 5 * MINUTE, at=NOON)
    find(session, finding, 4)
    assert (one(session).state, len(told(session))) == ("muted", 1)
    states = [read_incident(session, id_, at=NOON + minutes * MINUTE).state for minutes in (4, 5)]
    assert states == [IncidentState.MUTED, IncidentState.OPEN]
    find(session, finding, 5)
    assert (one(session).state, one(session).muted_until, len(told(session))) == ("open", None, 2)


def test_a_mute_without_an_end_lasts_until_somebody_ends_it(session: Session) -> None:
    id_ = find(session)
    mute_incident(session, id_, by="ann", reason=None, until=None, at=NOON)
    find(session, minutes=10**6)
    assert len(told(session)) == 1
    unmute_incident(session, id_, by="bob")
    find(session)
    assert (one(session).state, one(session).changed_by, len(told(session))) == ("open", "bob", 2)


def resolve(session: Session, id_: int) -> Incident:
    return resolve_incident(session, id_, by="ann", reason="mended", at=LATER)


def acknowledge(session: Session, id_: int) -> Incident:
    return acknowledge_incident(session, id_, by="ann", at=LATER)


def mute(session: Session, id_: int) -> Incident:
    return mute_incident(session, id_, by="ann", reason="later", until=LATER + MINUTE, at=LATER)


def unmute(session: Session, id_: int) -> Incident:
    return unmute_incident(session, id_, by="ann")


CHANGES = [acknowledge, mute, unmute, resolve]


@pytest.mark.parametrize("change", CHANGES)
def test_an_incident_that_is_not_there_is_not_changed(session: Session, change: Callable[..., Any]) -> None:
    for id_ in (0, -1, 7, 2**63):
        with pytest.raises(NotFound, match=f"there is no incident {id_}"):
            change(session, id_)


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_resolved_stays_as_it_is(session: Session, change: Callable[..., Any]) -> None:
    id_ = find(session)
    resolve(session, id_)
    with pytest.raises(IllegalTransition):
        change(session, id_)
    assert (one(session).state, one(session).resolved_at, one(session).reason) == ("resolved", LATER, "mended")


@pytest.mark.parametrize("after", [acknowledge, mute, resolve])
@pytest.mark.parametrize("before", [acknowledge, mute])
def test_what_is_not_resolved_may_become_anything(
    session: Session, before: Callable[..., Any], after: Callable[..., Any]
) -> None:
    id_ = find(session)
    before(session, id_)
    after(session, id_)
    session.flush()
    assert (one(session).state, one(session).muted_until is not None) == (
        {acknowledge: "acknowledged", mute: "muted", resolve: "resolved"}[after],
        after is mute,
    )


def test_only_a_muted_incident_is_unmuted(session: Session) -> None:
    id_ = find(session)
    with pytest.raises(IllegalTransition, match="is open, not muted"):
        unmute(session, id_)


@pytest.mark.parametrize("reason", ["x" * 2001, "a\0b"])
def test_a_reason_that_cannot_be_kept_is_refused(session: Session, reason: str) -> None:
    id_ = find(session)
    with pytest.raises(BadData):
        acknowledge_incident(session, id_, by="ann", reason=reason, at=NOON)
    assert one(session).state is IncidentState.OPEN


def test_a_mute_that_is_over_is_refused(session: Session) -> None:
    id_ = find(session)
    with pytest.raises(BadData):
        mute_incident(session, id_, by="ann", reason=None, until=NOON, at=NOON)
    assert one(session).state is IncidentState.OPEN


@pytest.fixture
def several(session: Session) -> dict[str, int]:
    """An incident in each state, by a word for it."""
    pipeline = reported(session)
    kinds = {"muted": IncidentKind.FAILURE, "resolved": IncidentKind.QUEUE}
    made = {}
    for word in ("open", "acknowledged", "muted", "lapsed", "resolved"):
        level = Level.CRITICAL if word == "muted" else Level.INFO if word == "open" else Level.WARNING
        kind = kinds.get(word, IncidentKind.FRESHNESS)
        owner = pipeline if word == "open" else None
        made[word] = find(session, replace(STALE, subject=word, kind=kind, level=level, pipeline_id=owner))
    acknowledge(session, made["acknowledged"])
    mute(session, made["muted"])
    mute_incident(session, made["lapsed"], by="ann", reason=None, until=NOON + MINUTE / 2, at=NOON)
    resolve(session, made["resolved"])
    return made


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        pytest.param(IncidentFilter(), "resolved lapsed muted acknowledged open", id="all, the newest first"),
        pytest.param(IncidentFilter(states=(IncidentState.OPEN,)), "lapsed open", id="open, also by time"),
        pytest.param(IncidentFilter(states=(IncidentState.MUTED,)), "muted", id="muted"),
        pytest.param(
            IncidentFilter(states=(IncidentState.ACKNOWLEDGED, IncidentState.RESOLVED)),
            "resolved acknowledged",
            id="several states",
        ),
        pytest.param(IncidentFilter(kinds=(IncidentKind.FAILURE, IncidentKind.QUEUE)), "resolved muted", id="kinds"),
        pytest.param(IncidentFilter(level=Level.WARNING), "resolved lapsed muted acknowledged", id="this bad or worse"),
        pytest.param(IncidentFilter(level=Level.CRITICAL), "muted", id="the worst"),
    ],
)
def test_incidents_are_listed(session: Session, several: dict[str, int], wanted: IncidentFilter, words: str) -> None:
    found, more = list_incidents(session, wanted, limit=9, at=LATER)
    assert ([entry.incident.subject for entry in found], more) == (words.split(), None)


def test_incidents_of_a_pipeline_come_with_its_name(session: Session, several: dict[str, int]) -> None:
    pipeline = read_incident(session, several["open"], at=LATER).incident.pipeline_id
    found, _ = list_incidents(session, IncidentFilter(pipeline_id=pipeline), limit=9, at=LATER)
    assert [(entry.incident.subject, entry.pipeline) for entry in found] == [("open", "orders")]
    assert read_incident(session, several["muted"], at=LATER).pipeline is None


def test_pages_of_incidents_neither_miss_nor_repeat_one(session: Session, several: dict[str, int]) -> None:
    seen, before = [], None
    while True:
        page, before = list_incidents(session, IncidentFilter(before=before), limit=2, at=LATER)
        seen += [entry.incident.id for entry in page]
        find(session, replace(STALE, subject=f"new {len(seen)}"))
        if before is None:
            break
    assert seen == sorted(several.values(), reverse=True)


def test_incidents_are_counted_by_level(session: Session, several: dict[str, int]) -> None:
    counts = count_incidents(session, IncidentFilter(states=(IncidentState.OPEN,)), at=LATER)
    assert counts == {Level.INFO: 1, Level.WARNING: 1, Level.CRITICAL: 0}


def test_an_unknown_incident_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        read_incident(session, 2**70, at=NOON + timedelta(days=1))
