"""`supersync sync`: tables from one URL to another, once. No configuration, no ledger, no Dagster."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import click

from supersync_core.connectors.base import TableSink, TableSource
from supersync_core.connectors.dsn import check_url
from supersync_core.domain.duration import parse_duration
from supersync_core.domain.table import TableName
from supersync_core.domain.table_sync import Deletes, Mode, Reading
from supersync_dagster.commands.one_off import OneOff, run_one_off
from supersync_dagster.commands.output import Failed, common_options

# Only here are systems named by the scheme of a URL; a configuration names them by `type`.
_SOURCES = {
    "postgresql": ("postgres.table_source", "PostgresTableSource"),
    "postgres": ("postgres.table_source", "PostgresTableSource"),
    "redshift": ("redshift.table_source", "RedshiftTableSource"),
    "mysql": ("mysql.table_source", "MysqlTableSource"),
    "mariadb": ("mysql.table_source", "MysqlTableSource"),
}
_SINKS = {
    "postgresql": ("postgres.table_sink", "PostgresTableSink"),
    "postgres": ("postgres.table_sink", "PostgresTableSink"),
}

_EPILOG = """\b
Examples:
  supersync sync postgresql://me@db1/shop postgresql://me@db2/lake --table sales.orders
  supersync sync $SHOP $LAKE --table 'sales.*' --table crm.users --to 'raw.*'
  supersync sync $SHOP $LAKE --table sales.orders --cursor updated_at
  supersync sync mysql://me@db3/shop $LAKE --table shop.orders --to raw.orders --deletes mark

\b
Passwords are best left to ~/.pgpass (PostgreSQL) or an environment variable of your shell.
Rows that are equal on both sides are left alone. The checkpoint lies in the target, beside the table.
All tables are read in one snapshot, until one fails: it is named, the others go on, the exit code is 1.
"""


@click.command(epilog=_EPILOG)
@click.argument("source_url")
@click.argument("target_url")
@click.option("--table", "tables", multiple=True, required=True, help="schema.name, or a pattern such as 'sales.*'.")
@click.option("--to", help="Name in the target, or 'schema.*' to keep the names; default: as in the source.")
@click.option("--primary-key", help="Columns that identify a row, with commas; default: the source's own key.")
@click.option("--cursor", help="Column that grows when a row is new or changed.")
@click.option(
    "--mode",
    type=click.Choice([Mode.FULL.value, Mode.INCREMENTAL.value]),
    help="Default: incremental with --cursor, else full.",
)
@click.option(
    "--lookback",
    metavar="DURATION",
    help="Go by the cursor and read again what is younger than this, such as 1h, at the last sync. Faster on a large"
    " PostgreSQL table with an index on the cursor; without it no row is missed, however late it commits.",
)
@click.option(
    "--deletes",
    type=click.Choice([deletes.value for deletes in Deletes]),
    default=Deletes.KEEP.value,
    show_default=True,
    help="What a full sync does with rows that are gone in the source.",
)
@common_options
def command(source_url: str, target_url: str, as_json: bool, tables: tuple[str, ...], **options: str | None) -> None:
    """Sync tables from SOURCE_URL to TARGET_URL, once.

    SOURCE_URL is postgresql://, redshift:// or mysql:// (mariadb:// too); TARGET_URL is postgresql://.
    """
    mode = Mode(options["mode"] or ("incremental" if options["cursor"] else "full"))
    if mode is Mode.INCREMENTAL and not options["cursor"]:
        raise click.UsageError("--mode incremental needs --cursor: the column that grows when a row changes")
    if options["lookback"] and not options["cursor"]:
        raise click.UsageError("--lookback needs --cursor")
    deletes = Deletes(options["deletes"] or Deletes.KEEP)
    if deletes is not Deletes.KEEP and mode is not Mode.FULL:
        raise click.UsageError(
            f"--deletes {deletes.value} needs a full sync: a part of the rows cannot show what is gone"
        )
    source: TableSource = _connector(source_url, _SOURCES, "SOURCE_URL")
    sink: TableSink = _connector(target_url, _SINKS, "TARGET_URL")
    one_off = OneOff(
        source=source,
        sink=sink,
        patterns=tables,
        to=TableName.parse(options["to"]) if options["to"] else None,
        primary_key=tuple(part.strip() for part in (options["primary_key"] or "").split(",") if part.strip()),
        reading=Reading(mode=mode, cursor=options["cursor"], lookback=_lookback(options["lookback"])),
        deletes=deletes,
    )
    exit_code = run_one_off(one_off, as_json=as_json)
    if exit_code:
        raise Failed(exit_code)


def _lookback(text: str | None) -> timedelta | None:
    """Raises click.BadParameter for what is no duration."""
    try:
        return parse_duration(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lookback") from error


def _connector(url: str, known: dict[str, tuple[str, str]], argument: str) -> Any:
    """The source or sink for the scheme of `url`. Only its own module is imported."""
    scheme = url.partition("://")[0].partition("+")[0].lower() if "://" in url else ""
    if scheme not in known:
        # The text may hold a password, so it is not repeated.
        schemes = ", ".join(f"{name}://" for name in known)
        raise click.UsageError(f"{argument} is a URL that begins with one of {schemes}")
    check_url(url)
    module, name = known[scheme]
    return getattr(import_module(f"supersync_core.connectors.{module}"), name)(url)
