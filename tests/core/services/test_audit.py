"""The audit: what it keeps, and that it keeps it."""

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from supersync_core.domain.access import Identity, Role
from supersync_core.ledger.database import Ledger
from supersync_core.services.audit import AuditFilter, Caller, list_audit, record
from supersync_core.services.tokens import create_token, revoke_token

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
CI = Caller(Identity("ci", Role.OPERATOR, "token"), "192.0.2.7", "request-1")


def write(ledger: Ledger, *actions: str, caller: Caller = CI) -> None:
    with ledger.begin() as session:
        for minute, action in enumerate(actions):
            record(session, caller, action, "orders", result=200, at=NOON + timedelta(minutes=minute))


def actions(ledger: Ledger, wanted: AuditFilter = AuditFilter(), limit: int = 50) -> list[str]:  # noqa: B008
    with ledger.begin() as session:
        return [entry.action for entry in list_audit(session, wanted, limit)[0]]


def test_an_entry_says_who_did_what_when_and_from_where(ledger: Ledger) -> None:
    write(ledger, "sync.trigger")
    with ledger.begin() as session:
        entry = list_audit(session, AuditFilter(), 1)[0][0]
    assert (entry.actor, entry.role, entry.via) == ("ci", Role.OPERATOR, "token")
    assert (entry.action, entry.target, entry.result) == ("sync.trigger", "orders", 200)
    assert (entry.at, entry.remote, entry.request_id) == (NOON, "192.0.2.7", "request-1")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE supersync.audit SET actor = 'nobody'", "DELETE FROM supersync.audit", "TRUNCATE supersync.audit"],
)
def test_an_entry_is_neither_changed_nor_removed(ledger: Ledger, statement: str) -> None:
    write(ledger, "sync.trigger")
    with pytest.raises(DBAPIError, match="neither changed nor removed"), ledger.begin() as session:
        session.execute(text(statement))
    assert actions(ledger) == ["sync.trigger"]


def test_an_entry_goes_with_the_transaction_of_what_was_done(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.begin() as session:
        record(session, CI, "sync.trigger", "orders", result=200, at=NOON)
        raise ZeroDivisionError
    assert actions(ledger) == []


def test_what_a_stranger_writes_is_kept_as_plain_text(ledger: Ledger) -> None:
    write(ledger, "a\0b\x1b[31m\n\ud800" + "x" * 1000, caller=Caller(None))
    assert actions(ledger) == [("a?b?[31m??" + "x" * 1000)[:300]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(AuditFilter(), ["c", "b", "a"], id="all, the newest first"),
        pytest.param(AuditFilter(action="b"), ["b"], id="action"),
        pytest.param(AuditFilter(actor="nobody"), [], id="actor"),
        pytest.param(AuditFilter(target="orders", result=200), ["c", "b", "a"], id="target and result"),
        pytest.param(AuditFilter(since=NOON + timedelta(minutes=1)), ["c", "b"], id="since"),
        pytest.param(AuditFilter(until=NOON + timedelta(minutes=1)), ["b", "a"], id="until"),
    ],
)
def test_entries_are_found_by_what_they_say(ledger: Ledger, wanted: AuditFilter, found: list[str]) -> None:
    write(ledger, "a", "b", "c")
    assert actions(ledger, wanted) == found


def test_pages_follow_each_other_without_gap_or_overlap(ledger: Ledger) -> None:
    write(ledger, *"abcde")
    pages, before = [], None
    while True:
        with ledger.begin() as session:
            entries, before = list_audit(session, AuditFilter(before=before), 2)
        pages.append([entry.action for entry in entries])
        if before is None:
            break
    assert pages == [["e", "d"], ["c", "b"], ["a"]]


def test_making_and_revoking_a_token_leave_entries_without_the_token(ledger: Ledger) -> None:
    with ledger.begin() as session:
        token, new = create_token(session, "ci", Role.VIEWER, caller=CI, at=NOON)
        revoke_token(session, token.id, caller=CI, at=NOON)
        revoke_token(session, token.id, caller=CI, at=NOON)
        entries = list_audit(session, AuditFilter(), 10)[0]
    assert [(entry.action, entry.target) for entry in entries] == [
        ("token.revoke", f"{token.id} ci"),
        ("token.create", f"{token.id} ci"),
    ]
    assert new.text not in str([vars(entry) for entry in entries])
