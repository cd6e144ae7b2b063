"""`supersync token`: who may come in over HTTP."""

import getpass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from supersync_core.clock import utcnow
from supersync_core.domain.access import Identity, Role, role_named
from supersync_core.domain.duration import parse_duration
from supersync_core.ledger.perimeter_tables import Token
from supersync_core.services.audit import Caller
from supersync_core.services.tokens import DEFAULT_LIFETIME, create_token, list_tokens, revoke_token
from supersync_dagster.commands.options import opened_ledger, settings_from
from supersync_dagster.commands.output import common_options, print_json

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the embedded database is, without SUPERSYNC_DATABASE_URL.  [default: .supersync]",
)


@click.group()
def command() -> None:
    """Make, list and revoke the tokens with which programs and people come in over HTTP.

    Once there is one, the web server asks everybody for one; SUPERSYNC_AUTH=off keeps it open on this machine.
    """


def _lifetime(_: click.Context, __: click.Parameter, value: str | None) -> timedelta:
    try:
        return DEFAULT_LIFETIME if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@command.command()
@click.option("--name", required=True, help="Who it is for, such as ci; shown in the audit.")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.word for role in Role]),
    help="viewer reads, operator also runs, pauses and cancels, admin does everything.",
)
@click.option("--expires", callback=_lifetime, help="After how long it ends, such as 90d.  [default: 90d]")
@data_dir_option
@common_options
def create(name: str, role: str, expires: timedelta, as_json: bool, data_dir: Path | None) -> None:
    """Make a token and print it. It is shown this once: only a digest of it is kept."""
    with opened_ledger(settings_from(None, data_dir)) as ledger, ledger.begin() as session:
        at = utcnow()
        token, new = create_token(session, name, role_named(role), lifetime=expires, caller=_caller(), at=at)
    if as_json:
        print_json({**token_json(token, at), "token": new.text})
        return
    click.echo(new.text)
    click.echo(f"{token.name} ({role}) until {token.expires_at:%Y-%m-%d %H:%M} UTC. It is not shown again.", err=True)


@command.command("list")
@data_dir_option
@common_options
def list_(as_json: bool, data_dir: Path | None) -> None:
    """Show every token, also those that are over; never their text."""
    with opened_ledger(settings_from(None, data_dir)) as ledger, ledger.begin() as session:
        now = utcnow()
        tokens = [token_json(token, now) for token in list_tokens(session)]
    if as_json:
        print_json({"tokens": tokens})
    elif not tokens:
        click.echo("There are no tokens yet: supersync token create --role operator --name ci")
    for token in tokens if not as_json else ():
        used = token["last_used_at"] or "never"
        click.echo(
            f"{token['id']}  {token['state']:8} {token['role']:9} until {token['expires_at']}  "
            f"used {used}  {token['name']}"
        )


@command.command()
@click.argument("token_id", metavar="ID")
@data_dir_option
@common_options
def revoke(token_id: str, as_json: bool, data_dir: Path | None) -> None:
    """End a token, by the id that `supersync token list` shows. A web server learns of it within seconds."""
    with opened_ledger(settings_from(None, data_dir)) as ledger, ledger.begin() as session:
        at = utcnow()
        token = revoke_token(session, token_id, caller=_caller(), at=at)
    if as_json:
        print_json(token_json(token, at))
    else:
        click.echo(f"{token.name} ({token.id}) is revoked")


def token_json(token: Token, now: datetime) -> dict[str, Any]:
    """A token for --json, without its text. Times are ISO 8601 in UTC. `state`: live, expired or revoked."""
    state = "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "live"
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.word,
        "state": state,
        "created_at": _time(token.created_at),
        "expires_at": _time(token.expires_at),
        "revoked_at": _time(token.revoked_at),
        "last_used_at": _time(token.last_used_at),
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None


def _caller() -> Caller:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = "unknown"
    return Caller(Identity(user, Role.ADMIN, "cli"))
