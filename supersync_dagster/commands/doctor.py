"""`supersync doctor`: is everything there, and what to do where it is not."""

from pathlib import Path

import click

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.errors import ConfigError
from supersync_core.services.configuration import load_configuration
from supersync_core.services.settings import Settings
from supersync_dagster.commands.checkup import (
    Finding,
    check_connections,
    check_dagster_home,
    check_data_dir,
    check_environment,
    check_ledger,
    check_packages,
    check_python,
)
from supersync_dagster.commands.options import settings_from, settings_options
from supersync_dagster.commands.output import Failed, common_options, one_line, print_json

EXIT_DEGRADED = 3
_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command()
@settings_options
@common_options
def command(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Check Python, packages, settings, configuration, ledger and connections, and say what to do.

    The exit code is 3 when something fails. A warning is worth reading and needs nothing now.
    """
    findings = _examine(settings_from(config, data_dir))
    healthy = all(finding.state != "fail" for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "checks": [finding.as_json() for finding in findings]})
    else:
        for finding in findings:
            mark, color = _MARKS[finding.state]
            click.echo(f"{click.style(mark, fg=color)}  {finding.name}: {one_line(finding.message)}")
    if not healthy:
        raise Failed(EXIT_DEGRADED)


def _examine(settings: Settings) -> list[Finding]:
    connections, configuration = _check_configuration(settings)
    return [
        check_python(),
        check_packages(),
        check_environment(),
        check_data_dir(settings.data_dir),
        *configuration,
        *check_ledger(settings),
        *check_connections(connections),
        check_dagster_home(settings.data_dir),
    ]


def _check_configuration(settings: Settings) -> tuple[dict[str, ConnectorConfig], list[Finding]]:
    """One finding for each mistake."""
    try:
        configuration = load_configuration(settings.config)
    except ConfigError as error:
        return {}, [Finding("configuration", "fail", line) for line in str(error).splitlines()]
    summary = f"{len(configuration.connections)} connections, {len(configuration.pipelines)} pipelines"
    return configuration.connections, [Finding("configuration", "ok", f"{settings.config}: {summary}")]
