"""Addresses are made at first use and changed when their report does."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from supersync_core.errors import BadData, Conflict, NotFound
from supersync_core.ledger.database import Ledger
from supersync_core.ledger.pages import Page
from supersync_core.services.address_types import (
    amend_address_type,
    delete_address_type,
    list_address_types,
    put_address_type,
)
from supersync_core.services.addresses import (
    ReportedAddress,
    amend_address,
    delete_address,
    list_addresses,
    read_address,
    report_address,
    report_addresses,
)
from tests.core.services.reports import MINUTE, NOON, at_once

LATER = NOON + MINUTE


def table(name: str = "db.public.orders", **given: Any) -> ReportedAddress:
    """A table of a PostgreSQL database."""
    return ReportedAddress(name, "postgres", "database", given)


def test_of_many_first_reports_at_once_one_creates_the_address(ledger: Ledger) -> None:
    made = at_once(ledger, 16, lambda session: report_address(session, table(), at=NOON))
    assert [is_new for _, is_new in made].count(True) == 1
    assert len({id_ for id_, _ in made}) == 1


def test_of_many_first_reports_at_once_one_creates_the_type(ledger: Ledger) -> None:
    made = at_once(ledger, 16, lambda session: put_address_type(session, "postgres", "database", at=NOON))
    assert [is_new for _, is_new in made].count(True) == 1


def test_reports_of_the_same_addresses_in_any_order_never_block_each_other(ledger: Ledger) -> None:
    names = [f"a{number}" for number in range(20)]
    orders = [names, names[::-1]] * 4

    def report(session: Session) -> int:
        order = orders.pop()
        return len(report_addresses(session, [table(name, primary_key=order[0]) for name in order], at=NOON))

    assert at_once(ledger, 8, report) == [20] * 8


@pytest.mark.parametrize(
    ("name", "group", "given", "parts"),
    [
        pytest.param("db.s.t", "database", {}, ("db", "s", "t"), id="three parts"),
        pytest.param("db.s.t", "Database", {"table_name": "x"}, ("db", "s", "t"), id="the name decides"),
        pytest.param("db.s.t", "stream", {"table_name": "x"}, (None, None, "x"), id="another group"),
        pytest.param("s.t", "database", {"schema_name": "s"}, (None, "s", None), id="two parts"),
    ],
)
def test_a_name_in_three_parts_tells_database_schema_and_table(
    session: Session, name: str, group: str, given: dict[str, Any], parts: tuple[str | None, ...]
) -> None:
    id_, _ = report_address(session, ReportedAddress(name, "some type", group, given), at=NOON)
    found = read_address(session, id_)
    assert (found.database_name, found.schema_name, found.table_name) == parts


def test_the_same_report_writes_nothing_and_another_what_it_names(session: Session) -> None:
    id_, _ = report_address(session, table(primary_key="id", extra={"a": 1}), at=NOON)
    amend_address(session, {"primary_key": "by hand"}, address_id=id_, at=NOON)
    report_address(session, table(primary_key="id", extra={"a": 1}), at=LATER)
    session.expire_all()
    assert (read_address(session, id_).primary_key, read_address(session, id_).updated_at) == ("by hand", NOON)
    assert report_address(session, table(primary_key="id2"), at=LATER) == (id_, False)
    session.expire_all()
    found = read_address(session, id_)
    assert (found.primary_key, found.extra, found.updated_at) == ("id2", {"a": 1}, LATER)


def test_a_type_that_is_there_keeps_its_group(session: Session) -> None:
    first, _ = put_address_type(session, "postgres", "database", at=NOON)
    assert put_address_type(session, "Postgres", "stream", at=NOON) == (first, False)
    assert [one.group_name for one in list_address_types(session)] == ["database"]


def test_an_address_takes_no_type_that_is_not_there_and_no_name_that_is_taken(ledger: Ledger) -> None:
    with ledger.begin() as session:
        report_addresses(session, [table("a"), table("b")], at=NOON)
    with pytest.raises(BadData), ledger.begin() as session:
        amend_address(session, {"type_id": 10**12}, name="a", at=NOON)
    with pytest.raises(Conflict), ledger.begin() as session:
        amend_address(session, {"name": "B"}, name="a", at=NOON)


def test_a_type_takes_no_name_that_is_taken(ledger: Ledger) -> None:
    with ledger.begin() as session:
        ids = [put_address_type(session, name, "database", at=NOON)[0] for name in ("a", "b")]
    with pytest.raises(Conflict), ledger.begin() as session:
        amend_address_type(session, {"name": "A"}, type_id=ids[1], at=NOON)


def test_addresses_are_listed_as_they_are_asked_for(session: Session) -> None:
    report_addresses(session, [table("db.a"), table("db.B"), table("x")], at=NOON)
    assert [one.name for one in list_addresses(session, contains="DB.")] == ["db.a", "db.B"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", ["id", "name_key", "created_at"])
def test_pages_of_any_order_give_everything_once(session: Session, order: str, descending: bool) -> None:
    for number, name in enumerate("cabfed"):
        report_address(session, table(name), at=NOON + MINUTE * (number // 2))
    everything = list_addresses(session, page=Page(order, descending=descending))
    found, after = list[str](), None
    while page := list_addresses(session, page=Page(order, descending, after, 4)):
        found += [one.name for one in page]
        after = (getattr(page[-1], order), page[-1].id)
    assert found == [one.name for one in everything]
    assert len(found) == 6
    assert [one.name for one in everything] == sorted(found, key=lambda name: _place(order, name), reverse=descending)


def _place(order: str, name: str) -> tuple[int | str, int]:
    number = "cabfed".index(name)
    return {"id": number, "name_key": name, "created_at": number // 2}[order], number


def test_a_type_is_deleted_once_no_address_has_it(session: Session) -> None:
    id_, _ = report_address(session, table(), at=NOON)
    type_id = read_address(session, id_).type_id
    with pytest.raises(Conflict), session.begin_nested():
        delete_address_type(session, type_id)
    delete_address(session, id_)
    assert delete_address_type(session, type_id) == "postgres"


def test_a_deleted_address_is_gone(session: Session) -> None:
    id_, _ = report_address(session, table(), at=NOON)
    delete_address(session, id_)
    with pytest.raises(NotFound):
        read_address(session, id_)
