"""Lineage as tables, and the data that its drawing is made from."""

import json
from typing import Any

import pytest

from supersync_core.services.lineage import Edge, Graph, Node
from supersync_dagster.web.drawing import MAX_NODES, drawing_of
from tests.dagster.web.observed import draw, draw_network, report, reported_run
from tests.dagster.web.pages import Pages, parse

PATH = "/supersync/lineage"


@pytest.fixture(autouse=True)
def flows(pages: Pages) -> None:
    """a to b to c to d, by three pipelines: one has failed, one is fine, one has not run."""
    for name, source, target in (("First", "a", "b"), ("second", "b", "c"), ("third", "c", "d")):
        draw(pages, report(pages, name), [source], [target])
    reported_run(pages, report(pages, "First"), succeeded=False)
    reported_run(pages, report(pages, "second"))


def text(pages: Pages, query: str = "") -> str:
    return " ".join(" ".join(parse(pages.get(PATH + query).text).texts).split())


def drawn(pages: Pages, query: str) -> dict[str, Any]:
    tags = parse(pages.get(PATH + query).text).tags
    found: dict[str, Any] = json.loads(next(attrs["data-graph"] or "" for _, attrs in tags if "data-graph" in attrs))
    return found


def names(pages: Pages, query: str) -> dict[str, int]:
    return {node["name"]: node["depth"] for node in drawn(pages, query)["nodes"]}


def test_without_lineage_it_says_where_that_comes_from(pages: Pages) -> None:
    with pages.ledger.begin() as session:
        session.connection().exec_driver_sql("DELETE FROM supersync.addresses")
    assert "No lineage yet" in text(pages)


def test_one_chooses_an_address(pages: Pages) -> None:
    shown = text(pages)
    assert "Choose an address" in shown
    assert "b postgres · 1 in, 1 out" in shown
    links = [attrs.get("href") for tag, attrs in parse(pages.get(PATH).text).tags if tag == "a"]
    assert "../supersync/lineage?address=b&direction=both&depth=2" in links


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("?address=b&depth=1", {"a": -1, "b": 0, "c": 1}, id="both ways"),
        pytest.param("?address=B&direction=downstream&depth=9", {"b": 0, "c": 1, "d": 2}, id="where it goes"),
        pytest.param("?address=c&direction=upstream", {"a": -2, "b": -1, "c": 0}, id="from where it comes"),
    ],
)
def test_it_reaches_as_far_as_is_asked_for(pages: Pages, query: str, found: dict[str, int]) -> None:
    assert names(pages, query) == found


def test_pipelines_and_addresses_have_the_states_of_last_runs(pages: Pages) -> None:
    data = drawn(pages, "?address=b&depth=9")
    assert {one["title"]: one["state"] for one in data["pipelines"].values()} == {
        "First": "failed",
        "second": "succeeded",
        "third": "never",
    }
    states = {node["name"]: node["state"] for node in data["nodes"]}
    assert states == {"a": None, "b": "failed", "c": "succeeded", "d": "never"}


def test_an_address_shows_the_worst_of_those_that_write_to_it(pages: Pages) -> None:
    draw(pages, report(pages, "another"), ["x"], ["b"])
    reported_run(pages, report(pages, "another"))
    assert {node["name"]: node["state"] for node in drawn(pages, "?address=b")["nodes"]}["b"] == "failed"


def test_the_tables_say_the_same_with_links(pages: Pages) -> None:
    shown = text(pages, "?address=b&depth=1")
    assert "a First Failed b" in shown
    assert "c postgres 1 downstream" in shown
    links = [attrs.get("href") for tag, attrs in parse(pages.get(f"{PATH}?address=b&depth=1").text).tags if tag == "a"]
    assert "../supersync/pipelines/first" in [link.lower() for link in links if link]
    assert "../supersync/lineage?address=c&direction=both&depth=1" in links


def test_an_address_without_flows_is_alone(pages: Pages) -> None:
    draw(pages, report(pages, "third"), [], [])
    assert "No pipeline reads it or writes to it." in text(pages, "?address=d")


def test_part_of_a_name_finds_addresses(pages: Pages) -> None:
    draw(pages, report(pages, "orders"), ["shop.public.orders"], ["lake.raw.orders"])
    assert "lake.raw.orders" in text(pages, "?address=raw.or")
    assert "No address has “zzz” in its name." in text(pages, "?address=zzz")


def test_while_one_types_only_the_list_is_sent(pages: Pages) -> None:
    answer = pages.get(f"{PATH}/addresses?address=c")
    assert "<html" not in answer.text
    assert 'href="../supersync/lineage?address=c"' in answer.text


@pytest.mark.parametrize("query", ["?depth=0", "?depth=11", "?direction=sideways", "?depth=x"])
def test_what_cannot_be_asked_for_is_refused(pages: Pages, query: str) -> None:
    assert pages.get(f"{PATH}{query}").status_code == 422


def test_a_name_is_only_a_name(pages: Pages) -> None:
    hostile = '"><script>alert(1)</script>&direction=x'
    draw(pages, report(pages, hostile), [hostile], ["e"])
    for query in ("?address=e", "?address=%22%3E", ""):
        assert "<script>" not in pages.get(PATH + query).text
    data = drawn(pages, "?address=e")
    assert hostile in [node["name"] for node in data["nodes"]]
    assert hostile in [one["title"] for one in data["pipelines"].values()]


def test_three_hundred_addresses_are_on_one_page(pages: Pages) -> None:
    name = draw_network(pages)
    data = drawn(pages, f"?address={name}&depth=10")
    assert len(data["nodes"]) == 301
    assert len(data["edges"]) == 1300


def test_of_too_many_the_nearest_are_drawn() -> None:
    nodes = [Node(number, f"n{number}", "postgres", number % 7) for number in range(MAX_NODES + 100)]
    edges = [Edge(0, number, 1, "all", reported=True) for number in range(1, len(nodes))]
    drawing = drawing_of(Graph(nodes, edges), 0, ())
    assert (len(drawing.nodes), drawing.left_out) == (MAX_NODES, 100)
    shown = {node["id"] for node in json.loads(drawing.data)["nodes"]}
    assert {target for _, target, _ in json.loads(drawing.data)["edges"]} <= shown
    assert max(node.depth for node in drawing.nodes) <= 6


def test_a_pipeline_that_nobody_declares_any_more_has_no_page() -> None:
    nodes = [Node(1, "a", "postgres", 0), Node(2, "b", "postgres", 1)]
    drawing = drawing_of(Graph(nodes, [Edge(1, 2, 7, "old", reported=False)]), 1, ())
    assert [(one.title, one.key, one.state) for one in drawing.pipelines] == [("old", None, "gone")]
