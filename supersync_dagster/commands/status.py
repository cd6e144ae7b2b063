"""`supersync status`: every pipeline at a glance."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from supersync_core.clock import utcnow
from supersync_core.domain.pipeline import DesiredState
from supersync_core.domain.schedule import Cadence
from supersync_core.ledger.tables import Execution, Pipeline
from supersync_core.services.health import PipelineStatus, pipeline_statuses
from supersync_dagster.commands.options import opened_ledger, settings_from
from supersync_dagster.commands.output import common_options, print_json

_COLORS = {"succeeded": "green", "running": "cyan", "queued": "cyan", "failed": "red", "cancelled": "yellow"}


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the embedded database is, without SUPERSYNC_DATABASE_URL.  [default: .supersync]",
)
@common_options
def command(as_json: bool, data_dir: Path | None) -> None:
    """Show every pipeline: what is wanted of it, its last run, and when it runs next."""
    now = utcnow()
    with opened_ledger(settings_from(None, data_dir)) as ledger, ledger.begin() as session:
        statuses = [status_json(status, now) for status in pipeline_statuses(session)]
    if as_json:
        print_json({"pipelines": statuses})
    elif statuses:
        _print_table(statuses, now)
    else:
        click.echo("There are no pipelines yet: declare one in supersync.yaml, then: supersync run NAME")


def status_json(status: PipelineStatus, now: datetime) -> dict[str, Any]:
    """One pipeline for --json. Times are ISO 8601 in UTC; `last_run` is null before the first."""
    pipeline = status.pipeline
    next_run = next_run_of(pipeline, now)
    return {
        "name": pipeline.name,
        "title": pipeline.title,
        "kind": pipeline.kind.value,
        "state": pipeline.desired_state.value,
        "next_run": next_run.isoformat() if next_run else None,
        "last_run": _execution_json(status.latest) if status.latest else None,
    }


def next_run_of(pipeline: Pipeline, now: datetime) -> datetime | None:
    """When its schedule asks for it next; None without one, and while it is switched off or not wanted to run."""
    schedule = pipeline.schedule
    if schedule is None or not schedule.enabled or pipeline.desired_state is not DesiredState.RUNNING:
        return None
    return schedule.next_due_at or Cadence(schedule.cron, schedule.every_s, schedule.timezone).next_run(now)


def _execution_json(execution: Execution) -> dict[str, Any]:
    started = execution.started_at or execution.queued_at
    return {
        "execution": str(execution.public_id),
        "state": execution.state.value,
        "started_at": started.isoformat(),
        "ended_at": execution.ended_at.isoformat() if execution.ended_at else None,
        "rows": execution.rows_extracted or execution.progress_rows,
        "written": execution.counts.upserted,
        "seconds": execution.seconds,
        "error": (execution.error or {}).get("message"),
    }


def _print_table(statuses: list[dict[str, Any]], now: datetime) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading, justify in (("PIPELINE", "left"), ("WANTED", "left"), ("LAST RUN", "left"), ("WHEN", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for heading in ("ROWS", "SECONDS", "NEXT RUN"):
        table.add_column(heading, justify="right")
    for status in statuses:
        last = status["last_run"] or {}
        table.add_row(
            Text(status["name"]),
            status["state"],
            Text(last.get("state", "never"), style=_COLORS.get(last.get("state", ""), "")),
            time_text(last.get("started_at"), now),
            f"{last['rows']:,}" if last else "",
            f"{last['seconds']:.1f}" if last.get("seconds") is not None else "",
            time_text(status["next_run"], now),
        )
    # A pipe has no width: nothing is cut there.
    Console(width=None if sys.stdout.isatty() else 250, highlight=False).print(table)
    for status in statuses:
        error = (status["last_run"] or {}).get("error")
        if error:
            click.echo(f"{status['name']}: {error}")


def time_text(iso: str | None, now: datetime) -> str:
    """Such as `4 min ago`, `in 2 h` or `-` for no time."""
    if iso is None:
        return "-"
    seconds = (datetime.fromisoformat(iso) - now).total_seconds()
    length = abs(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        if length >= size or unit == "s":
            text = f"{length / size:.0f} {unit}"
            break
    return f"in {text}" if seconds > 0 else f"{text} ago"
