"""Statements that are planned once for each connection."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.ledger.database import Ledger
from supersync_core.ledger.prepared import Prepared

DOUBLED = Prepared(
    "doubled", "SELECT number * 2 FROM unnest(CAST(:numbers AS int[])) number WHERE number > CAST(:least AS int)"
)
PLANS = text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'doubled'")


def doubled(session: Session, *numbers: int, least: int = 0) -> list[int]:
    return [row[0] for row in DOUBLED.execute(session, {"least": least, "numbers": list(numbers)})]


def test_a_prepared_statement_takes_its_parameters_by_name(session: Session) -> None:
    assert doubled(session, 1, 2, 3, least=1) == [4, 6]


def test_it_is_planned_once_for_a_connection(ledger: Ledger) -> None:
    ledger.engine.dispose()
    for _ in range(3):
        with ledger.begin() as session:
            doubled(session, 1)

    with ledger.begin() as session:
        assert tuple(session.execute(PLANS).one()) == (3, 0)


def test_it_is_there_after_the_transaction_that_prepared_it_was_rolled_back(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.begin() as session:
        doubled(session, 1)
        raise ZeroDivisionError

    with ledger.begin() as session:
        assert doubled(session, 2) == [4]


def test_each_connection_prepares_it_for_itself(ledger: Ledger) -> None:
    with ledger.begin() as one, ledger.begin() as another:
        assert doubled(one, 1) == doubled(another, 1) == [2]


def test_it_is_prepared_anew_once_a_connection_is_lost(ledger: Ledger) -> None:
    with ledger.begin() as session:
        doubled(session, 1)
    ledger.engine.dispose()

    with ledger.begin() as session:
        assert doubled(session, 1) == [2]
