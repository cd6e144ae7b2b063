"""`supersync migrate`: the ledger's schema."""

from pathlib import Path

import click

from supersync_core.ledger.database import migrate, schema_state
from supersync_core.services.settings import ledger_url
from supersync_dagster.commands.options import settings_from
from supersync_dagster.commands.output import common_options, print_json


@click.command()
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the embedded database is, without SUPERSYNC_DATABASE_URL.  [default: .supersync]",
)
@common_options
def command(as_json: bool, data_dir: Path | None) -> None:
    """Bring the ledger's schema to this version of supersync.

    Run it before each start of a new version in production; `supersync dev` does it by itself. Two at once are safe.
    """
    with ledger_url(settings_from(None, data_dir)) as url:
        before = schema_state(url)
        migrate(url)
        after = schema_state(url)
    if as_json:
        print_json({"before": before.value, "after": after.value})
    elif before is after:
        click.echo("The ledger's schema is current already.")
    else:
        click.echo(f"The ledger's schema was {before.value} and is {after.value} now.")
