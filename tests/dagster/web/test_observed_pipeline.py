"""The page of a pipeline as it is observed: run by others, held to rules, unusual or fine."""

import json
from typing import Any

import httpx
import pytest

from supersync_core.domain.access import Role
from supersync_core.domain.check import Metric
from supersync_core.services.audit import AuditFilter, list_audit
from tests.acceptance.console import until
from tests.dagster.web.observed import draw, flag, report, reported_run, rule
from tests.dagster.web.pages import Pages, parse

PATH = "/supersync/pipelines/theirs"
BAND = {"total_rows": [90.0, 100.0, 110.0]}


@pytest.fixture
def theirs(pages: Pages) -> int:
    return report(pages, "theirs", extra={"team": "logistics"}, next_watermark="m2")


def text(pages: Pages, path: str = PATH) -> str:
    return " ".join(" ".join(parse(pages.get(path).text).texts).split())


def charts(pages: Pages) -> dict[str, dict[str, Any]]:
    tags = parse(pages.get(PATH).text).tags
    found = json.loads(next(attrs["data-charts"] or "" for _, attrs in tags if "data-charts" in attrs))
    return {chart["name"]: chart for chart in found["charts"]}


def values(chart: dict[str, Any]) -> dict[str, list[float | None]]:
    return {series["label"]: series["values"] for series in chart["series"]}


def unflag(
    pages: Pages, run: int, metric: str = "total_rows", *, script: bool = True, key: str = "theirs"
) -> httpx.Response:
    headers = {"origin": pages.url} | ({"hx-request": "true"} if script else {}) | pages.headers
    address = f"{pages.url}/supersync/pipelines/{key}/unflag"
    return httpx.post(address, data={"flag": f"{run}-{metric}"}, headers=headers, timeout=30)


def test_what_others_run_shows_what_they_report_and_no_buttons(pages: Pages, theirs: int) -> None:
    reported_run(pages, theirs, watermark="m1", next_watermark="m2", total_rows=5, inserts=3)
    draw(pages, theirs, ["shop.public.stock"], ["lake.raw.stock"])
    html, shown = pages.get(PATH).text, text(pages)
    assert 'name="action"' not in html
    assert "m1 → m2" in shown
    assert "Watermark m2" in shown
    assert "team: logistics" in shown
    assert "shop.public.stock → lake.raw.stock" in shown
    assert 'href="../../supersync/lineage?address=lake.raw.stock"' in html
    assert "5 3 – –" in shown, "what was not reported is not zero"


def test_a_run_shows_its_parent_and_its_children(pages: Pages, theirs: int) -> None:
    parent = reported_run(pages, theirs)
    part = report(pages, "part")
    for _ in range(23):
        reported_run(pages, part, parent_id=parent)
    shown = text(pages)
    assert "23 children" in shown
    assert "and 3 more" in shown
    assert "part of theirs" in text(pages, "/supersync/pipelines/part")
    assert 'href="../../supersync/pipelines/theirs"' in pages.get("/supersync/pipelines/part").text


def test_rules_and_expectations_are_listed(pages: Pages, theirs: int) -> None:
    report(
        pages, "theirs", freshness_number=1, freshness_datepart="hour", timeliness_number=2, timeliness_datepart="day"
    )
    rule(pages, theirs, Metric.TOTAL_ROWS, z_threshold=4.5, lookback_days=7)
    shown = text(pages)
    assert "total rows more than 4.5 deviations off, over 7 days, from 30 runs on" in shown
    assert "Fresh within 1 hour" in shown
    assert "Done within 2 days" in shown


def test_a_chart_has_the_bounds_and_the_runs_outside(pages: Pages, theirs: int) -> None:
    for rows, flags in ((100, {}), (300, {"total_rows": True}), (95, {"total_rows": False})):
        flag(pages, reported_run(pages, theirs, total_rows=rows), flags, BAND)
    reported_run(pages, theirs, total_rows=7, succeeded=False)
    rows = charts(pages)["rows"]
    assert rows["band"] == {"low": [90, 90, 90, None], "middle": [100, 100, 100, None], "high": [110, 110, 110, None]}
    assert values(rows)["unusual"] == [None, 300, None, None]
    assert charts(pages)["seconds"]["band"] is None


def test_a_metric_has_a_chart_only_where_somebody_looks_at_it(pages: Pages, theirs: int) -> None:
    run = reported_run(pages, theirs, inserts=5, seconds=10, total_rows=40)
    assert list(charts(pages)) == ["seconds", "rows"]
    flag(pages, run, {"throughput": True}, {"inserts": [1, 2, 3]})
    found = charts(pages)
    assert list(found) == ["seconds", "rows", "inserts", "throughput"]
    assert values(found["throughput"]) == {"throughput": [4.0], "unusual": [4.0]}


def test_one_click_lets_a_run_be_fine(pages: Pages, theirs: int) -> None:
    run = reported_run(pages, theirs, total_rows=300)
    flag(pages, run, {"total_rows": True, "inserts": True}, BAND)
    assert "Unusual total rows" in text(pages)
    answer = unflag(pages, run)
    assert answer.status_code == 200
    assert "total rows is fine" in " ".join(" ".join(parse(answer.text).texts).split())
    assert "Unusual inserts" in text(pages)
    assert 'id="past"' in answer.text
    unflag(pages, run, "inserts")
    until(lambda: "Unusual" not in text(pages, "/supersync").replace("0 Unusual", ""))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"metric": "inserts"}, 404, id="not flagged"),
        pytest.param({"metric": "price"}, 422, id="no metric"),
        pytest.param({"key": "nobody"}, 404, id="no such pipeline"),
    ],
)
def test_what_is_not_flagged_stays(pages: Pages, theirs: int, fields: dict[str, Any], status: int) -> None:
    run = reported_run(pages, theirs, total_rows=300)
    flag(pages, run, {"total_rows": True}, BAND)
    assert unflag(pages, run, **fields).status_code == status
    assert "Unusual total rows" in text(pages)


def test_an_unknown_run_is_not_flagged(pages: Pages, theirs: int) -> None:
    assert unflag(pages, 4711).status_code == 404


def test_without_scripts_it_leads_back_to_the_run(pages: Pages, theirs: int) -> None:
    run = reported_run(pages, theirs, total_rows=300)
    flag(pages, run, {"total_rows": True}, BAND)
    answer = unflag(pages, run, script=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"../theirs?page=1#run-{run}")


def test_a_viewer_takes_nothing_back(pages: Pages, theirs: int) -> None:
    run = reported_run(pages, theirs, total_rows=300)
    flag(pages, run, {"total_rows": True}, BAND)
    pages.headers = {"authorization": f"Bearer {pages.token(Role.VIEWER)}"}
    assert "Unusual total rows" in text(pages)
    assert "unflag" not in pages.get(PATH).text
    assert unflag(pages, run).status_code == 403


def test_it_is_in_the_audit(pages: Pages, theirs: int) -> None:
    run = reported_run(pages, theirs, total_rows=300)
    flag(pages, run, {"total_rows": True}, BAND)
    unflag(pages, run)
    with pages.ledger.begin() as session:
        done = [(entry.action, entry.target) for entry in list_audit(session, AuditFilter(), 9)[0]]
    assert done == [("anomaly.unflag", "theirs")]
