"""What others have reported, and what was found: pipelines, runs, lineage, rules, incidents."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from supersync_core.clock import utcnow
from supersync_core.domain.check import CheckKind, Metric
from supersync_core.domain.incident import IncidentKind, IncidentState, Level
from supersync_core.ledger.check_tables import Alert, CheckResult, Delivery, Incident
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.addresses import ReportedAddress
from supersync_core.services.anomaly_rules import put_rule
from supersync_core.services.launcher import SensorState
from supersync_core.services.lineage import report_lineage
from supersync_core.services.pipeline_types import amend_pipeline_type
from supersync_core.services.pipelines import get_pipeline
from supersync_core.services.reported_executions import Ending, report_end, report_start
from supersync_core.services.reported_pipelines import report_pipeline
from tests.dagster.web.pages import Pages

MINUTE = timedelta(minutes=1)


def report(pages: Pages, name: str, type_name: str = "extraction", **given: Any) -> int:
    """A pipeline that others run; its id."""
    with pages.ledger.begin() as session:
        return report_pipeline(session, name, type_name, given, at=utcnow()).id


def reported_run(
    pages: Pages, pipeline_id: int, *, ago: float = 60, seconds: float = 5, parent_id: int | None = None, **ending: Any
) -> int:
    """A run that began `ago` seconds before now; `ended=False`: it goes on."""
    start = utcnow() - timedelta(seconds=ago)
    with pages.ledger.begin() as session:
        marks = {name: ending.pop(name) for name in ("watermark", "next_watermark") if name in ending}
        run = report_start(session, pipeline_id, started_at=start, parent_id=parent_id, **marks)
        if ending.pop("ended", True):
            end = {"ended_at": start + timedelta(seconds=seconds), "succeeded": True} | ending
            report_end(session, run, Ending(**end), at=utcnow())
    return run


def flag(pages: Pages, run: int, flags: dict[str, bool], bands: dict[str, list[float]]) -> None:
    """Let the checks have judged a run."""
    with pages.ledger.begin() as session:
        found = {"anomaly_flags": flags or None, "bands": bands, "judged_at": utcnow()}
        session.execute(update(Execution).where(Execution.id == run).values(found))


def rule(pages: Pages, pipeline_id: int, metric: Metric, **settings: Any) -> int:
    """An anomaly rule; its id."""
    with pages.ledger.begin() as session:
        return put_rule(session, pipeline_id, metric, settings, active=True, at=utcnow())[0]


def draw(pages: Pages, pipeline_id: int, sources: list[str], targets: list[str]) -> None:
    """Lineage from each source to each target."""
    sides = [[ReportedAddress(name, "postgres", "database") for name in side] for side in (sources, targets)]
    with pages.ledger.begin() as session:
        session.execute(update(Pipeline).where(Pipeline.id == pipeline_id).values(load_lineage=True))
        report_lineage(session, pipeline_id, *sides, at=utcnow())


def draw_network(pages: Pages, layers: int = 6, width: int = 50) -> str:
    """Lineage of `layers * width` addresses in layers; the name of the last, from which all can be reached."""
    for layer in range(layers - 1):
        for number in range(0, width, 5):
            pipeline = report(pages, f"step {layer} of {number}")
            group = range(number, number + 5)
            sources = [f"lake.layer_{layer}.table_{one}" for one in group]
            draw(pages, pipeline, sources, [f"lake.layer_{layer + 1}.table_{(one * 7 + 3) % width}" for one in group])
    hub = report(pages, "hub")
    draw(pages, hub, [f"lake.layer_{layers - 1}.table_{one}" for one in range(width)], ["lake.mart.everything"])
    return "lake.mart.everything"


def incident(
    pages: Pages, kind: IncidentKind, name: str, state: IncidentState = IncidentState.OPEN, **more: Any
) -> int:
    """An incident of a pipeline, with an alert that was delivered to one channel and not to another; its id."""
    now = utcnow()
    resolved_at = now if state is IncidentState.RESOLVED else None
    with pages.ledger.begin() as session:
        pipeline = get_pipeline(session, name).id
        values = {
            "level": Level.WARNING,
            "title": f"{kind.value} of {name}",
            "opened_at": now - 90 * MINUTE,
            "last_found_at": now - 4 * MINUTE,
            **more,
        }
        subject = f"{kind.value}:{pipeline}:{state.value}"
        found = Incident(
            pipeline_id=pipeline, kind=kind, subject=subject, state=state, resolved_at=resolved_at, **values
        )
        session.add(found)
        session.flush()
        told = {"level": found.level, "title": found.title, "message": f"{name} is not as it should be."}
        alert = Alert(incident_id=found.id, created_at=found.opened_at, expanded_at=found.opened_at, **told)
        session.add(alert)
        session.flush()
        way = {"alert_id": alert.id, "waiting_since": found.opened_at, "next_try_at": now}
        session.add(Delivery(channel="hook", tries=1, delivered_at=now - 89 * MINUTE, **way))
        session.add(Delivery(channel="team", tries=7, given_up_at=now, error="the receiver answers 503", **way))
        return found.id


def fill_observed(pages: Pages) -> None:
    """Pipelines of others in each state, beside those of `fill`."""
    stock = _stock(pages)
    prices = report(pages, "price list", "api load")
    slow = report(pages, "slow export", "api load", mute_timeliness=True)
    report(pages, "never reported", "api load")
    with pages.ledger.begin() as session:
        hours = {"freshness_number": 2, "freshness_datepart": "hour"}
        amend_pipeline_type(session, hours, name="api load", at=utcnow())
        orders = get_pipeline(session, "orders").id
    parent = reported_run(pages, prices, ago=4 * 3600, seconds=900, total_rows=500, inserts=500)
    for number in range(25):
        reported_run(pages, slow, ago=4 * 3600 - number * 30, seconds=29, parent_id=parent, total_rows=20)
    reported_run(pages, prices, ago=240, seconds=20, succeeded=False)
    reported_run(pages, slow, ago=50, ended=False)
    draw(pages, stock, ["shop.public.stock", "shop.public.places"], ["lake.raw.stock"])
    draw(pages, prices, ["https://prices.example.com/v1"], ["lake.raw.prices"])
    draw(pages, orders, ["lake.raw.stock", "lake.raw.prices"], ["lake.mart.value"])
    draw(pages, slow, ["lake.mart.value"], ["bucket.exports.value", "bucket.exports.stock"])
    fill_incidents(pages)
    tick(pages)


def tick(pages: Pages) -> None:
    """Let each of our sensors have ticked, or not."""
    now, broken = utcnow(), "SupersyncError: the channel of alerts is not configured"
    pages.launcher.ticked = [
        SensorState("supersync_checks", True, 5, now, "success", None),
        SensorState("supersync_launcher", True, 5, now, "skipped", "nothing waits for a launch"),
        SensorState("supersync_notifier", True, 5, now, "failure", broken),
        SensorState("supersync_reaper", False, 10, None, None, None),
    ]


def fill_incidents(pages: Pages) -> None:
    """An incident in each state."""
    known = {"changed_by": "ada", "reason": "the vendor knows of it"}
    incident(pages, IncidentKind.ANOMALY, "warehouse stock", findings=3)
    incident(pages, IncidentKind.FRESHNESS, "price list", IncidentState.ACKNOWLEDGED, **known)
    until = utcnow() + timedelta(days=2)
    incident(pages, IncidentKind.TIMELINESS, "slow export", IncidentState.MUTED, muted_until=until, **known)
    incident(pages, IncidentKind.FAILURE, "orders", IncidentState.RESOLVED, level=Level.CRITICAL, **known)


def _stock(pages: Pages) -> int:
    """A pipeline with rules, whose rows have suddenly tripled."""
    expected = {"freshness_number": 1, "freshness_datepart": "hour", "timeliness_number": 2}
    more = {"timeliness_datepart": "minute", "next_watermark": "2026-11-22", "extra": {"team": "logistics"}}
    stock = report(pages, "warehouse stock", **expected, **more)
    for number in range(40):
        rows = 12_400 + number * 37 % 400
        counts = {"total_rows": rows, "inserts": rows // 3, "updates": rows // 4, "soft_deletes": number % 5}
        marks = {"watermark": f"2026-11-{number // 2 + 1:02}", "next_watermark": f"2026-11-{number // 2 + 2:02}"}
        ago = 3600 * (41 - number) + 120
        run = reported_run(pages, stock, ago=ago, seconds=40 + number * 7 % 9, **counts, **marks)
        flag(pages, run, {}, {"total_rows": [12_000, 12_600, 13_200], "inserts": [3_900, 4_200, 4_500]})
    tripled = reported_run(pages, stock, ago=600, seconds=130, total_rows=38_200, inserts=12_700, updates=3_000)
    bounds = {"total_rows": [12_010, 12_604, 13_198], "inserts": [3_905, 4_202, 4_499]}
    flag(pages, tripled, {"total_rows": True, "inserts": True}, bounds)
    rule(pages, stock, Metric.TOTAL_ROWS)
    rule(pages, stock, Metric.INSERTS, z_threshold=4.5, lookback_days=7)
    late(pages, stock, tripled)
    return stock


def late(pages: Pages, pipeline_id: int, run: int) -> None:
    """Let a run have been found late."""
    with pages.ledger.begin() as session:
        kind, at = CheckKind.TIMELINESS, utcnow() - MINUTE
        session.add(CheckResult(pipeline_id=pipeline_id, kind=kind, execution_id=run, passed=False, checked_at=at))
