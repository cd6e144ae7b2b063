"""Lineage that is reported, and the graph around an address."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from supersync_core.ledger.database import Ledger
from supersync_core.services.addresses import ReportedAddress, find_address
from supersync_core.services.lineage import Direction, Drawn, Graph, lineage_around, report_lineage
from supersync_core.services.reported_pipelines import amend_pipeline
from tests.core.services.reports import NOON, at_once, ended, reported


def places(names: str) -> list[ReportedAddress]:
    """An address for each letter."""
    return [ReportedAddress(name, "postgres", "database") for name in names]


def draw(session: Session, edges: str) -> None:
    """A pipeline for each edge, such as `ab`."""
    for edge in edges.split():
        report_lineage(session, reported(session, f"p-{edge}"), places(edge[0]), places(edge[1]), at=NOON)


def around(session: Session, name: str, direction: str, depth: int = 9) -> Graph:
    return lineage_around(session, find_address(session, name), Direction(direction), depth=depth)


def shown(graph: Graph) -> dict[str, int]:
    return {node.name: node.depth for node in graph.nodes}


def test_every_source_is_joined_to_every_target_and_the_last_report_counts(session: Session) -> None:
    pipeline = reported(session)
    assert report_lineage(session, pipeline, places("ab"), places("cd"), at=NOON) == Drawn(4, True)
    assert report_lineage(session, pipeline, places("a"), places("cc"), at=NOON) == Drawn(1, True)
    assert report_lineage(session, pipeline, places("a"), places("c"), at=NOON) == Drawn(1, False)
    assert shown(around(session, "a", "downstream")) == {"a": 0, "c": 1}
    assert shown(around(session, "b", "both")) == {"b": 0}


def test_an_empty_side_clears(session: Session) -> None:
    pipeline = reported(session)
    report_lineage(session, pipeline, places("a"), places("b"), at=NOON)
    assert report_lineage(session, pipeline, [], places("b"), at=NOON) == Drawn(0, True)
    assert around(session, "a", "both").edges == []


def test_two_pipelines_may_draw_one_edge(session: Session) -> None:
    draw(session, "ab")
    report_lineage(session, reported(session, "another"), places("a"), places("b"), at=NOON)
    assert {edge.pipeline for edge in around(session, "a", "downstream").edges} == {"p-ab", "another"}


def test_a_pipeline_takes_lineage_until_it_has_succeeded_and_no_address_is_made_for_nothing(session: Session) -> None:
    pipeline = reported(session)
    ended(session, pipeline)
    assert report_lineage(session, pipeline, places("a"), places("b"), at=NOON) is None
    assert report_lineage(session, 10**12, places("a"), places("b"), at=NOON) is None
    assert session.scalar(text("SELECT count(*) FROM supersync.addresses")) == 0
    amend_pipeline(session, {"load_lineage": True}, pipeline_id=pipeline, at=NOON)
    assert report_lineage(session, pipeline, places("a"), places("b"), at=NOON) == Drawn(1, True)


def test_of_many_reports_at_once_one_is_kept_whole(ledger: Ledger) -> None:
    with ledger.begin() as session:
        pipeline = reported(session)
    sides = [("a", "bc"), ("bc", "a"), ("abc", "d"), ("d", "abc")] * 4

    def report(session: Session) -> Drawn | None:
        sources, targets = sides.pop()
        return report_lineage(session, pipeline, places(sources), places(targets), at=NOON)

    at_once(ledger, 16, report)
    with ledger.begin() as session:
        edges = {(edge.source_id, edge.target_id) for edge in around(session, "a", "both").edges}
        count = session.scalar(text("SELECT count(*) FROM supersync.lineage_edges"))
        sources, targets = {source for source, _ in edges}, {target for _, target in edges}
        assert count == len(sources) * len(targets) or count in (2, 3)


@pytest.mark.parametrize(
    ("edges", "direction", "depth", "expected"),
    [
        pytest.param("ab bd ac cd", "downstream", 9, {"a": 0, "b": 1, "c": 1, "d": 2}, id="a diamond"),
        pytest.param("ab bc ac", "downstream", 9, {"a": 0, "b": 1, "c": 1}, id="the shortest way counts"),
        pytest.param("ab ba", "downstream", 9, {"a": 0, "b": 1}, id="a loop"),
        pytest.param("ab ba", "both", 9, {"a": 0, "b": -1}, id="a loop both ways"),
        pytest.param("aa", "both", 9, {"a": 0}, id="an edge to itself"),
        pytest.param("ab bc cd", "downstream", 2, {"a": 0, "b": 1, "c": 2}, id="as deep as asked"),
        pytest.param("xa ya ab", "both", 1, {"a": 0, "b": 1, "x": -1, "y": -1}, id="both ways"),
        pytest.param("xa ab", "upstream", 9, {"a": 0, "x": -1}, id="upstream only"),
    ],
)
def test_the_graph_has_each_address_once_as_near_as_it_is(
    session: Session, edges: str, direction: str, depth: int, expected: dict[str, int]
) -> None:
    draw(session, edges)
    assert shown(around(session, "a", direction, depth)) == expected


def test_a_graph_of_ten_thousand_addresses_is_read(session: Session) -> None:
    draw(session, "ab")
    session.execute(
        text(
            "INSERT INTO supersync.addresses (name, name_key, type_id, created_at, updated_at)"
            " SELECT 'n' || n, 'n' || n, type_id, created_at, updated_at"
            " FROM supersync.addresses, generate_series(1, 10000) n WHERE name = 'a'"
        )
    )
    session.execute(
        text(
            "INSERT INTO supersync.lineage_edges (pipeline_id, source_id, target_id, created_at)"
            " SELECT DISTINCT p.id, s.id, t.id, now() FROM supersync.pipelines p, supersync.addresses s"
            " CROSS JOIN LATERAL (SELECT substr(s.name, 2)::int AS n) number"
            " CROSS JOIN LATERAL (VALUES ('n' || (n + 1)), ('n' || (n * 2))) next (name)"
            " JOIN supersync.addresses t ON t.name = next.name WHERE s.name LIKE 'n%'"
        )
    )
    assert len(around(session, "n1", "downstream", 10_000).nodes) == 10_000
