"""`supersync run NAME`: a configured pipeline, now, by the same service as a run in Dagster."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from supersync_core.clock import utcnow
from supersync_core.domain.execution import Trigger
from supersync_core.errors import Cancelled
from supersync_core.services.cdc.vault import open_vault
from supersync_core.services.configuration import apply_configuration, load_configuration
from supersync_core.services.run import ExecutionReport, run_pipeline
from supersync_dagster.commands.options import opened_ledger, settings_from, settings_options
from supersync_dagster.commands.output import Failed, common_options, counts_text, print_json, rate_text
from supersync_dagster.commands.progress import NoProgress, ProgressView, TerminalProgress


@click.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="Read everything this once, whatever the pipeline's mode.")
@settings_options
@common_options
def command(name: str, full: bool, as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Run the pipeline NAME now, and wait for its end.

    The configuration is written into the ledger first. While another run of NAME goes on, wherever it was started,
    this one is refused. Ctrl-C and SIGTERM cancel it: nothing half-written stays.
    """
    settings = settings_from(config, data_dir)
    configuration = load_configuration(settings.config)
    view: ProgressView = TerminalProgress() if sys.stderr.isatty() and not as_json else NoProgress()
    received = _interrupted_by_signals()
    try:
        with opened_ledger(settings) as ledger, view:
            apply_configuration(ledger, configuration, utcnow(), lambda: open_vault(settings))
            report = run_pipeline(
                ledger,
                configuration.connections,
                name,
                trigger=Trigger.MANUAL,
                full=full,
                vault=lambda: open_vault(settings),
                on_progress=lambda progress: view.show(name, progress),
            )
    except Cancelled:
        if not received:
            raise
        click.echo(f"supersync: {name} was cancelled", err=True)
        raise Failed(128 + received[0]) from None
    if as_json:
        print_json(report_json(report))
    else:
        click.echo(
            f"{report.pipeline}: {rate_text(report.counts.extracted, report.bytes, report.seconds)}: "
            f"{counts_text(report.counts)}"
        )


def _interrupted_by_signals() -> list[int]:
    """Let the first SIGINT or SIGTERM interrupt this thread, and none after it: the cancel must not be cut short."""
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            raise Cancelled(f"cancelled by {signal.Signals(number).name}")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return received


def report_json(report: ExecutionReport) -> dict[str, object]:
    """For --json."""
    counts = report.counts
    return {
        "pipeline": report.pipeline,
        "execution": str(report.public_id),
        "state": report.state.value,
        "extracted": counts.extracted,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "bytes": report.bytes,
        "seconds": round(report.seconds, 3),
        "complete": report.complete,
        "watermark_before": report.watermark_before,
        "watermark": report.watermark_after,
    }
