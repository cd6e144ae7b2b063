"""The report, as a page and as CSV."""

import csv
import io
import json
from typing import Any

import pytest

from tests.dagster.web.observed import report, reported_run
from tests.dagster.web.pages import Pages, parse

PATH = "/supersync/reporting"


@pytest.fixture(autouse=True)
def orders(pages: Pages) -> int:
    found = report(pages, "orders")
    reported_run(pages, found, total_rows=1234, inserts=1000, updates=200)
    return found


def text(pages: Pages, query: str = "") -> str:
    return " ".join(" ".join(parse(pages.get(PATH + query).text).texts).split())


def charts(pages: Pages, query: str = "") -> dict[str, Any]:
    tags = parse(pages.get(PATH + query).text).tags
    found: dict[str, Any] = json.loads(next(attrs["data-charts"] or "" for _, attrs in tags if "data-charts" in attrs))
    return found


def sheet(pages: Pages, query: str = "") -> list[list[str]]:
    return list(csv.reader(io.StringIO(pages.get(f"{PATH}.csv{query}").text)))


def test_it_shows_what_has_run_today(pages: Pages) -> None:
    shown = text(pages)
    assert "1,234" in shown
    assert "1,000, 200, 0" in shown


def test_a_line_leads_to_its_pipeline(pages: Pages) -> None:
    links = [attrs.get("href") for tag, attrs in parse(pages.get(PATH).text).tags if tag == "a"]
    assert "../supersync/pipelines/orders" in links


def test_charts_have_a_point_for_each_day(pages: Pages) -> None:
    drawn = charts(pages, "?days=14")
    assert len(drawn["at"]) == 14
    assert {later - earlier for earlier, later in zip(drawn["at"], drawn["at"][1:], strict=False)} == {86_400}
    executions = next(chart for chart in drawn["charts"] if chart["name"] == "executions")
    assert executions["series"][0]["values"] == [0] * 13 + [1]


def test_a_filter_stays_from_page_to_page(pages: Pages) -> None:
    for number in range(60):
        reported_run(pages, report(pages, f"part {number}", "a & b"))
    html = pages.get(f"{PATH}?days=2&type=a+%26+b&q=part").text
    links = [attrs.get("href") or "" for tag, attrs in parse(html).tags if tag == "a"]
    following = next(link for link in links if "page=2" in link)
    assert "page 2 of 2" in text(pages, "?" + following.partition("?")[2].partition("#")[0])
    assert f"../supersync/reporting.csv?{'q=part&type=a+%26+b&days=2'}" in links


def test_what_does_not_fit_is_said(pages: Pages) -> None:
    assert "Nothing has run that fits." in text(pages, "?q=nothing")
    assert "There is nothing on this page." in text(pages, "?page=7")


@pytest.mark.parametrize("query", ["?days=0", "?days=31", "?days=x", "?page=0"])
def test_what_cannot_be_asked_for_is_refused(pages: Pages, query: str) -> None:
    assert pages.get(PATH + query).status_code == 422


@pytest.mark.parametrize("query", ["?q=%00", "?q=%ff", "?type=%00", "?q=%25_\\'", "?q=" + "x" * 900])
def test_nothing_that_is_looked_for_is_an_error(pages: Pages, query: str) -> None:
    assert pages.get(PATH + query).status_code == 200


def test_the_csv_has_every_line(pages: Pages) -> None:
    for number in range(60):
        reported_run(pages, report(pages, f"part {number}"))
    found = sheet(pages)
    assert len(found) == 62
    assert found[0][:3] == ["day", "pipeline", "type"]
    assert found[1][1:] == ["orders", "extraction", "1", "0", "1000", "200", "0", "1234", "5.0", "246.8"]


def test_the_csv_is_a_file_to_keep(pages: Pages) -> None:
    headers = pages.get(f"{PATH}.csv?days=3").headers
    assert headers["content-type"] == "text/csv; charset=utf-8"
    assert headers["content-disposition"].endswith('-3-days.csv"')


@pytest.mark.parametrize("name", ['=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "=1\n+2", 'a,"b"'])
def test_a_name_is_no_formula_in_a_spreadsheet(pages: Pages, name: str) -> None:
    reported_run(pages, report(pages, name, "=type"))
    row = sheet(pages, f"?q={name[0]}")[1] if name[0] != "a" else sheet(pages, "?q=a,")[1]
    assert row[1] == (name if name[0] == "a" else f"'{name}")
    assert row[2] == "'=type"
