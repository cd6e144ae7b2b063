"""`supersync config show`: what is in effect, without secrets."""

from pathlib import Path
from typing import Any

import click
import yaml

from supersync_core.connectors.dsn import masked_dsn
from supersync_core.services.configuration import load_configuration
from supersync_core.services.configuration.mask import shown_configuration
from supersync_core.services.settings import Settings
from supersync_core.services.static_tokens import parse_static_tokens
from supersync_dagster.commands.options import settings_from, settings_options
from supersync_dagster.commands.output import common_options, print_json


@click.group()
def command() -> None:
    """Show the configuration that is in effect."""


@command.command()
@settings_options
@common_options
def show(as_json: bool, config: Path | None, data_dir: Path | None) -> None:
    """Print settings, connections and pipelines as they are after substitution, with every secret masked."""
    settings = settings_from(config, data_dir)
    body = {"settings": shown_settings(settings), **shown_configuration(load_configuration(settings.config))}
    if as_json:
        print_json(body)
    else:
        click.echo(yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120), nl=False)


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Where things are; no URL of a ledger means an embedded one, and of tokens there are the names."""
    url, tokens = settings.database_url, settings.tokens
    return {
        "config": str(settings.config.absolute()),
        "data_dir": str(settings.data_dir.absolute()),
        "database_url": masked_dsn(url.get_secret_value()) if url else None,
        "base_url": settings.base_url,
        "auth": settings.auth,
        "tokens": [token.name for token in parse_static_tokens(tokens.get_secret_value())] if tokens else [],
        "allowed_hosts": list(settings.allowed_hosts),
    }
