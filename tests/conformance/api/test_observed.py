"""What is observed of runs, ours and others', from the API to Dagster and to whoever is told: on `supersync dev`."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from tests.acceptance.console import execute, rows, until
from tests.conformance.api.site import Site

NAME, KEY = "Ünïcode / weekly", "_xfc_n_xef_code_x20__x2f__x20_weekly"
ROWS = 500
WITHIN_S = 60
"""On a busy machine; usually it is a few seconds."""
ASSET = """query ($path: [String!]!) { assetNodes(assetKeys: [{path: $path}]) {
  dependencyKeys { path }
  metadataEntries { label ... on TextMetadataEntry { text } }
  assetMaterializations(limit: 9) { metadataEntries { label ... on TextMetadataEntry { text }
    ... on IntMetadataEntry { intValue } } }
  assetChecksOrError { ... on AssetChecks { checks { name executionForLatestMaterialization { status evaluation {
    severity success description metadataEntries { label ... on FloatMetadataEntry { floatValue }
    ... on UrlMetadataEntry { url } } } } } } } } }"""


def asset(site: Site, *path: str) -> dict[str, Any] | None:
    """The asset as the Dagster UI sees it; None: it is not there."""
    nodes = site.graphql(ASSET, path=list(path))["assetNodes"]
    return dict(nodes[0]) if nodes else None


def check(site: Site, key: str, name: str) -> dict[str, Any] | None:
    """The newest evaluation of a check that is about the newest data of its asset."""
    found = (asset(site, key) or {}).get("assetChecksOrError", {}).get("checks", [])
    (one,) = [one for one in found if one["name"] == name] or [{}]
    return one.get("executionForLatestMaterialization")


def values(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Metadata by its labels."""
    return {
        entry["label"]: next((entry[k] for k in entry if k not in ("label", "__typename")), None) for entry in entries
    }


def ledger_dsn(site: Site) -> str:
    """As libpq wants it."""
    return site.database_url.replace("+psycopg2", "")


@pytest.fixture
def history(site: Site) -> Iterator[None]:
    """Forty runs of the pipeline on earlier days at this hour and the next, of about as many rows as its table has."""
    before = rows(ledger_dsn(site), "select coalesce(max(id), 0) from supersync.executions")[0][0]
    execute(
        ledger_dsn(site),
        f"""insert into supersync.executions (pipeline_id, state, queued_at, started_at, ended_at, judged_at,
          rows_extracted, rows_inserted)
        select p.id, 'succeeded', t, t, t + interval '2 seconds', now(), {ROWS} + n % 3, 0
        from supersync.pipelines p, generate_series(1, 20) n, generate_series(0, 1) h, generate_series(0, 1) twice,
          lateral (select date_trunc('hour', now()) - n * interval '1 day' + h * interval '1 hour'
            + twice * interval '1 minute' as t) times
        where p.name = '{NAME}'""",
    )
    after = rows(ledger_dsn(site), "select max(id) from supersync.executions")[0][0]
    yield
    execute(ledger_dsn(site), f"delete from supersync.executions where id > {before} and id <= {after}")


def test_a_table_with_three_times_its_rows_is_flagged_shown_in_dagster_and_told(
    site: Site, client: httpx.Client, history: None
) -> None:
    (pipeline,) = [one for one in client.get("/pipeline").json() if one["name"] == NAME]
    rule = {"pipeline_id": pipeline["id"], "metric_field": "total_rows"}
    assert client.post("/anomaly_detection_rule", json=rule).status_code == 201
    usual = site.run(NAME)
    execute(
        site.warehouse,
        "insert into query_log select 10000 + n, now() - interval '99 days' from generate_series(1, 1000) n",
    )
    unusual = site.run(NAME)
    assert [usual["rows_extracted"], unusual["rows_extracted"]] == [ROWS, 3 * ROWS]

    ended = time.monotonic()
    execution = f"/pipeline_execution/{unusual['log_id']}"
    assert until(lambda: client.get(execution).json()["anomaly_flags"], WITHIN_S) == {"total_rows": True}
    assert time.monotonic() - ended < WITHIN_S
    assert client.get(f"/pipeline_execution/{usual['log_id']}").json()["anomaly_flags"] is None

    shown = until(lambda: check(site, KEY, "anomaly_total_rows"), WITHIN_S)
    evaluation = shown["evaluation"]
    assert (shown["status"], evaluation["severity"], evaluation["success"]) == ("FAILED", "WARN", False)
    said = values(evaluation["metadataEntries"])
    assert said["value"] == 3 * ROWS
    assert {"mean", "deviation", "z_score", "low", "high"} <= said.keys()
    assert said["page"] == f"{site.url}/supersync/pipelines/{KEY}"

    incidents = f"select state, kind from supersync.incidents where pipeline_id = {pipeline['id']}"
    assert rows(ledger_dsn(site), incidents) == [("open", "anomaly")]
    told = until(lambda: [one for one in site.hook.received if f"{NAME}: unusual numbers" in one.titles], WITHIN_S)
    assert [one.is_signed for one in told] == [True]


def test_what_others_report_is_an_asset_with_lineage_and_materialisations(site: Site, client: httpx.Client) -> None:
    def create(name: str, source: str, target: str) -> int:
        body = {"name": name, "pipeline_type_name": "extraction", "next_watermark": "2026-11-22"}
        pipeline: int = client.post("/pipeline", json=body).json()["id"]
        kind = {"address_type_name": "postgres", "address_type_group_name": "database"}
        lineage = {
            f"{side}_addresses": [{"name": name, **kind}] for side, name in (("source", source), ("target", target))
        }
        assert client.post("/address_lineage", json={"pipeline_id": pipeline, **lineage}).status_code == 201
        return pipeline

    theirs = create("theirs", "analytics.public.weekly", "mart.public.report")
    create("after theirs", "mart.public.report", "elsewhere")
    until(lambda: asset(site, "after_x20_theirs"), WITHIN_S)
    assert [asset(site, key)["dependencyKeys"] for key in ("theirs", "after_x20_theirs")] == [  # type: ignore[index]
        [{"path": [KEY]}],
        [{"path": ["theirs"]}],
    ]

    start = datetime.now(timezone.utc) - timedelta(minutes=5)
    began = {"pipeline_id": theirs, "start_date": start.isoformat()}
    execution = client.post("/start_pipeline_execution", json=began).json()["id"]
    end = {"id": execution, "end_date": (start + timedelta(minutes=1)).isoformat(), "completed_successfully": True}
    assert client.post("/end_pipeline_execution", json={**end, "total_rows": 600}).status_code == 204
    (materialization,) = until(lambda: asset(site, "theirs")["assetMaterializations"], WITHIN_S)  # type: ignore[index]
    said = values(materialization["metadataEntries"])
    assert (said["execution_id"], said["rows_extracted"]) == (str(execution), 600)
