"""The options of the commands that need a configuration and a ledger, and how they get at them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger, migrate, open_ledger
from supersync_core.services.health import ledger_health
from supersync_core.services.settings import Settings, ledger_url

F = TypeVar("F", bound=Callable[..., Any])


def settings_options(command: F) -> F:
    """`--config` and `--data-dir`; without them the environment decides (see `Settings`)."""
    command = click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where the embedded database and Dagster's home are.  [env: SUPERSYNC_DATA_DIR; default: .supersync]",
    )(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="The configuration file.  [env: SUPERSYNC_CONFIG; default: supersync.yaml]",
    )(command)


def settings_from(config: Path | None, data_dir: Path | None) -> Settings:
    """The settings, with what the command line says before what the environment says."""
    given: dict[str, Any] = {"config": config, "data_dir": data_dir}
    return Settings(**{name: value for name, value in given.items() if value is not None})


@contextmanager
def opened_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger, with the schema that this version needs.

    An embedded one is migrated on the way; a server of the user's own is theirs to migrate, and to stop before it.
    Raises ConfigError or Unavailable saying what to do.
    """
    with ledger_url(settings) as url:
        if settings.database_url is None:
            migrate(url)
        else:
            health = ledger_health(url)
            if health.problem:
                raise ConfigError(health.problem)
        ledger = open_ledger(url)
        try:
            yield ledger
        finally:
            ledger.dispose()
