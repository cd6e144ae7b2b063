"""`supersync webserver`: Dagster's UI and the API on one port, for production."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from supersync_core.errors import ConfigError
from supersync_dagster.commands.address import Address
from supersync_dagster.commands.options import opened_ledger, settings_from, settings_options
from supersync_dagster.commands.output import common_options
from supersync_dagster.seams import check_seams


@click.command()
@click.option("--host", "-h", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", "-p", default=3000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one."
)
@click.option(
    "--path-prefix", "-l", default="", help="Put Dagster's UI below it, such as /dagster; the API stays at /."
)
@click.option(
    "--workspace",
    "-w",
    "workspaces",
    multiple=True,
    default=["workspace.yaml"],
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Names the code locations. May repeat.",
)
@click.option("--silent", is_flag=True, hidden=True, help="Print no line: `supersync dev` has one of its own.")
@click.option("--read-only", is_flag=True, help="Refuse every change, through the UI and through the API.")
@settings_options
@common_options
def command(  # noqa: PLR0913  # as many as the command has options
    host: str,
    port: int,
    path_prefix: str,
    workspaces: Sequence[Path],
    read_only: bool,
    silent: bool,
    as_json: bool,
    config: Path | None,
    data_dir: Path | None,
) -> None:
    """Serve Dagster's UI, the API and the pages on one port.

    Needs DAGSTER_HOME, as Dagster's daemon does. Any number of them may serve one instance. Prints one line when the
    first request can be served.
    """
    check_prefix(path_prefix)
    paths = _existing(workspaces)
    check_seams()
    _end_by_exception()
    from supersync_dagster.webserver import Listen, create_web_app, opened_workspace, serve  # only when the seams hold

    settings = settings_from(config, data_dir)
    address = Address.free(host, port)
    listen = Listen(host, address.port, path_prefix, read_only)
    with opened_ledger(settings) as ledger:
        # Dagster's storage is where the ledger is, and dagster.yaml finds it by this variable alone.
        os.environ["SUPERSYNC_DATABASE_URL"] = ledger.url
        with opened_workspace(paths, read_only=read_only) as workspace:
            app = create_web_app(workspace, ledger, settings, listen)
            line = f'{{"ready": "{address.url}"}}' if as_json else f"supersync is ready at {address.url}"
            serve(app, listen, on_ready=lambda: None if silent else click.echo(line))


def check_prefix(path_prefix: str) -> None:
    """Raise a usage error for a prefix that Dagster cannot serve below."""
    if path_prefix and (not path_prefix.startswith("/") or path_prefix.endswith("/")):
        raise click.UsageError(f"--path-prefix begins with a slash and ends without one, unlike {path_prefix!r}")


def _existing(workspaces: Sequence[Path]) -> Sequence[Path]:
    for path in workspaces:
        if not path.exists():
            raise ConfigError(f"there is no workspace file {path}: name one with --workspace")
    if not os.environ.get("DAGSTER_HOME"):
        raise ConfigError("DAGSTER_HOME is not set: name the directory with dagster.yaml, the same for all processes")
    return workspaces


def _end_by_exception() -> None:
    """Let SIGTERM unwind the stack, as SIGINT does: the ledger and the code servers are left in good order."""

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
