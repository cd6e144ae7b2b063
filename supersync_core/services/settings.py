"""Where things are: the settings of a process, from its environment, for every command, run and page."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from supersync_core.ledger.database import driver_url
from supersync_core.ledger.embedded import embedded_server
from supersync_core.services.environment import lookup

PREFIX = "SUPERSYNC_"


def _names(value: Any) -> Any:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


class Settings(BaseSettings):
    """`SUPERSYNC_<NAME>` for each field; what a caller passes goes before the environment.

    `database_url`: the ledger, or None for an embedded PostgreSQL in `data_dir`; SUPERSYNC_DATABASE_URL_FILE may name a
    file that holds it. `config`: the configuration file. `base_url`: the address under which people reach the pages.
    `auth`: "token" asks everybody for a token, "off" nobody, None whoever comes once a token exists. `tokens`:
    `name:role:token` entries of the deployment's own, or SUPERSYNC_TOKENS_FILE. `allowed_hosts`: names by which the
    web server may be called beside its own and those of this machine; `*.example.com` takes all below. `secret_key`:
    what secrets of CDC pipelines are encrypted with in the ledger, or SUPERSYNC_SECRET_KEY_FILE; None: a file in
    `data_dir`. `auto_anomaly_rules`: whether a new pipeline that somebody else reports gets the `default_rules`.
    `freshness_every_s`, `timeliness_every_s`: seconds between two checks of all pipelines; for timeliness at most an
    hour, so that no execution is missed. `retained_warning_bytes`: when the server of a CDC pipeline's source keeps
    more log than that because of it, somebody is told.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None
    config: Path = Path("supersync.yaml")
    data_dir: Path = Path(".supersync")
    base_url: str = "http://127.0.0.1:3000"
    auth: Literal["token", "off"] | None = None
    tokens: SecretStr | None = None
    secret_key: SecretStr | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    auto_anomaly_rules: bool = False
    freshness_every_s: int = Field(default=3600, ge=10)
    timeliness_every_s: int = Field(default=900, ge=10, le=3600)
    retained_warning_bytes: int = Field(default=5 << 30, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _secrets_from_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Raises ConfigError for a file that cannot be read."""
        for name in ("database_url", "tokens", "secret_key"):
            if not values.get(name):
                values[name] = lookup(f"{PREFIX}{name.upper()}") or None
        return values


@contextmanager
def ledger_url(settings: Settings) -> Iterator[str]:
    """The URL of the ledger, `postgresql+psycopg2://...`, usable within the block.

    Without `database_url` it is the embedded server's, which is started if need be and stops with its last user. Raises
    ConfigError for a URL that names no PostgreSQL, and what `embedded_server` raises.
    """
    if settings.database_url is not None:
        yield driver_url(settings.database_url.get_secret_value()).render_as_string(hide_password=False)
    else:
        with embedded_server(settings.data_dir) as url:
            yield url
