"""Whatever the events of two runs say, in any order and however often they come, the ledger ends in the same state."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from supersync_core.ledger.database import Ledger
from tests.core.services.openlineage.events import ORDERS, OTHER_RUN, REPORT, RUN, parent, run_event, take, written

STATE = {
    "pipelines": "SELECT name, last_inserted_at FROM pipelines",
    "types": "SELECT t.name FROM pipelines p JOIN pipeline_types t ON t.id = p.type_id",
    "executions": """SELECT e.public_id, e.state, e.queued_at, e.started_at, e.ended_at, e.rows_extracted,
        e.rows_inserted, e.bytes, e.error, e.extra, e.judged_at, above.public_id
        FROM executions e LEFT JOIN executions above ON above.id = e.parent_id ORDER BY 1""",
    "addresses": "SELECT name_key FROM addresses ORDER BY 1",
    "edges": """SELECT s.name_key, t.name_key, e.reported FROM lineage_edges e JOIN addresses s ON s.id = e.source_id
        JOIN addresses t ON t.id = e.target_id ORDER BY 1, 2""",
    "said": "SELECT run_id, parent_run_id, began_at, flows, record FROM openlineage_runs ORDER BY 1",
}

datasets = st.lists(st.sampled_from([ORDERS, REPORT, {"namespace": "kafka://b", "name": "clicks"}]), max_size=2)
outputs = st.lists(
    st.builds(written, st.sampled_from([REPORT, ORDERS]), st.sampled_from([None, 3, 7]), st.sampled_from([None, 100])),
    max_size=2,
)
facets = st.fixed_dictionaries(
    {},
    optional={
        "errorMessage": st.sampled_from([{"message": "no"}, {"message": "never", "programmingLanguage": "SQL"}]),
        "nominalTime": st.just({"nominalStartTime": "2026-11-22T12:00:00Z"}),
        "parent": st.sampled_from([parent(OTHER_RUN)["parent"], parent(f"{7:032x}")["parent"]]),
    },
)
kinds = st.sampled_from(["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER", None])


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """An event; only the first of the two runs has a parent, so there is no circle."""
    run = draw(st.sampled_from([RUN, OTHER_RUN]))
    given_facets = draw(facets)
    if run == OTHER_RUN:
        given_facets.pop("parent", None)
    job_facets = draw(st.sampled_from([{}, {"jobType": {"integration": "DBT"}}]))
    said = {"inputs": draw(datasets), "outputs": draw(outputs), "facets": given_facets, "job_facets": job_facets}
    return run_event(draw(kinds), draw(st.integers(0, 4)), run=run, **said)


def state_after(ledger: Ledger, sent: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """What the ledger has after these events, each taken in a transaction of its own."""
    with ledger.begin() as session:
        session.execute(text("SET LOCAL search_path = supersync"))
        session.execute(text("TRUNCATE pipelines, addresses, address_types, pipeline_types CASCADE"))
    for event in sent:
        with ledger.begin() as session:
            take(session, event)
    with ledger.begin() as session:
        session.execute(text("SET LOCAL search_path = supersync"))
        return {name: [tuple(row) for row in session.execute(text(query))] for name, query in STATE.items()}


@given(data=st.data(), sent=st.lists(events(), min_size=1, max_size=5))
@settings(max_examples=60)
def check_any_order(ledger: Ledger, data: st.DataObject, sent: list[dict[str, Any]]) -> None:
    again = data.draw(st.lists(st.sampled_from(sent), max_size=3), label="repeated")
    shuffled = data.draw(st.permutations([*sent, *again]), label="shuffled")
    assert state_after(ledger, list(shuffled)) == state_after(ledger, sent)


def test_any_order_and_repetition_of_events_ends_in_the_same_state(ledger: Ledger) -> None:
    check_any_order(ledger)
