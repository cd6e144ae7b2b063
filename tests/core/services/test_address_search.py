"""Looking for addresses by part of their name."""

from sqlalchemy.orm import Session

from supersync_core.services.address_search import search_addresses
from supersync_core.services.addresses import ReportedAddress
from supersync_core.services.lineage import report_lineage
from tests.core.services.reports import NOON, reported


def places(*names: str) -> list[ReportedAddress]:
    return [ReportedAddress(name, "postgres", "database") for name in names]


def test_what_begins_with_the_text_comes_first(session: Session) -> None:
    report_lineage(session, reported(session), places("a.orders", "Orders.b", "orders.a"), places("z"), at=NOON)
    assert [one.name for one in search_addresses(session, "ORDERS", limit=9)] == ["orders.a", "Orders.b", "a.orders"]


def test_it_says_how_many_flows_there_are_in_and_out(session: Session) -> None:
    report_lineage(session, reported(session), places("a", "b"), places("c"), at=NOON)
    report_lineage(session, reported(session, "more"), places("c"), places("d"), at=NOON)
    found = {one.name: (one.flows_in, one.flows_out) for one in search_addresses(session, "", limit=9)}
    assert found == {"a": (0, 1), "b": (0, 1), "c": (2, 1), "d": (1, 0)}


def test_no_more_are_found_than_are_wanted_and_no_letter_is_special(session: Session) -> None:
    report_lineage(session, reported(session), places(*"abc"), places("100%"), at=NOON)
    assert len(search_addresses(session, "", limit=2)) == 2
    assert [one.name for one in search_addresses(session, "%", limit=9)] == ["100%"]
