"""The page of one pipeline: its runs, charts and configuration."""

import json
import re
from typing import Any

import pytest

from supersync_core.domain.execution import Progress
from supersync_core.domain.lineage import Place
from supersync_core.ledger.addresses import get_or_create_places
from supersync_core.ledger.checkpoints import store_checkpoint
from supersync_core.ledger.lineage import replace_edges
from supersync_core.services.pipelines import get_pipeline
from tests.dagster.web.pages import Pages, parse


@pytest.fixture(autouse=True)
def orders(pages: Pages) -> None:
    pages.declare("orders", title="Orders")


def text(pages: Pages, path: str = "/supersync/pipelines/orders") -> str:
    return " ".join(" ".join(parse(pages.get(path).text).texts).split())


def charts(pages: Pages) -> dict[str, Any]:
    tags = parse(pages.get("/supersync/pipelines/orders").text).tags
    found: dict[str, Any] = json.loads(next(attrs["data-charts"] or "" for _, attrs in tags if "data-charts" in attrs))
    return found


def values(chart: dict[str, Any]) -> dict[str, list[float | None]]:
    return {series["label"]: series["values"] for series in chart["series"]}


def test_a_pipeline_that_has_not_run_says_so(pages: Pages) -> None:
    assert "It has not run yet." in text(pages)


def test_runs_come_in_pages_the_newest_first(pages: Pages) -> None:
    for number in range(30):
        pages.ran("orders", ago=60 * (40 - number), rows=1000 + number)
    first, second = text(pages), text(pages, "/supersync/pipelines/orders?page=2")
    assert "page 1 of 2" in first
    assert "1,029" in first
    assert "1,000" not in first
    assert "1,000" in second


def test_the_page_is_found_on_which_a_run_is(pages: Pages) -> None:
    runs = [pages.ran("orders", ago=60 * (40 - number)) for number in range(30)]
    pages.declare("customers")
    theirs = pages.ran("customers")
    found = {}
    for name, run in (("newest", runs[-1]), ("25th", runs[5]), ("26th", runs[4]), ("other", theirs), ("none", 10**20)):
        found[name] = re.findall(r"page (\d) of", text(pages, f"/supersync/pipelines/orders?run={run}"))
    assert found == {"newest": ["1"], "25th": ["1"], "26th": ["2"], "other": ["1"], "none": ["1"]}


def test_a_page_beyond_the_last_is_empty(pages: Pages) -> None:
    pages.ran("orders")
    assert "There are no runs on this page." in text(pages, "/supersync/pipelines/orders?page=9")


def test_a_failed_run_shows_its_whole_message(pages: Pages) -> None:
    message = "the source is away: " + "x" * 500
    pages.ran("orders", error=message)
    assert message in text(pages)


def test_charts_have_a_point_for_each_run_and_say_which_failed(pages: Pages) -> None:
    pages.ran("orders", ago=60, seconds=2, rows=7)
    pages.ran("orders", ago=30, seconds=5, error="no")
    seconds, rows = charts(pages)["charts"]
    assert values(seconds) == {"seconds": [2.0, 5.0], "without success": [None, 5.0]}
    assert values(rows) == {"read": [10, None], "written": [7, None]}


def test_it_shows_lineage_and_checkpoint(pages: Pages) -> None:
    with pages.ledger.begin() as session:
        pipeline, at = get_pipeline(session, "orders"), pages.context.clock()
        places = [Place(name, "postgres") for name in ("shop.orders", "lake.orders")]
        source, target = get_or_create_places(session, places, at=at)
        replace_edges(session, pipeline.id, [source], [target], at=at)
        store_checkpoint(session, pipeline.id, {"xmin": 4711}, at=at)
    shown = text(pages)
    assert "shop.orders → lake.orders" in shown
    assert "4711" in shown


def test_the_configuration_holds_no_secret(pages: Pages) -> None:
    dsn = "postgresql://me:hunter2-canary@db/shop"
    pages.declare(
        "orders", spec={"source": {"url": dsn, "api_key": "hunter2-canary"}, "target": {}, "primary_key": "id"}
    )
    html = pages.get("/supersync/pipelines/orders").text
    assert "hunter2-canary" not in html
    assert "primary_key: id" in html


def test_a_run_that_goes_on_shows_how_far_it_is(pages: Pages) -> None:
    pages.started("orders", progress=Progress("merge", 5000, 1_000_000))
    shown = text(pages)
    assert "merge" in shown
    assert "5,000 rows, 1.0 MB" in shown
    assert "rows/s" in shown


def test_an_unknown_pipeline_is_a_page_that_leads_back(pages: Pages) -> None:
    answer = pages.get("/supersync/pipelines/nobody")
    assert answer.status_code == 404
    assert 'href="../../supersync"' in answer.text
