"""Where alerts go, as `supersync.yaml` says it."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, model_validator

from supersync_core.domain.incident import IncidentKind, Level
from supersync_core.domain.pipeline import fold_name
from supersync_core.services.configuration.part import Part
from supersync_core.services.configuration.values import Name, Names, one_or_more


def _is_http(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0):
            return url
    except ValueError:
        pass
    # The value may hold a token, so it is not repeated.
    raise ValueError("is no address of a receiver; write https://host/path")


def _has_scheme(url: SecretStr) -> SecretStr:
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://.", url.get_secret_value()) is None:
        raise ValueError("is no address that apprise knows; write one such as mailtos://user:password@host")
    return url


def _is_there(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("is empty: whoever knows the address could then make up alerts")
    return secret


class ChannelConfig(Part):
    """A channel: a `url` that apprise knows, or a `webhook` that gets alerts as JSON, signed with `secret`.

    It gets the alerts of those `kinds` and `pipelines`, () meaning any, that are as bad as `level` or worse.
    """

    name: Name
    url: Annotated[SecretStr, AfterValidator(_has_scheme)] | None = None
    webhook: Annotated[SecretStr, AfterValidator(_is_http)] | None = None
    secret: Annotated[SecretStr, AfterValidator(_is_there)] | None = None
    kinds: Annotated[tuple[IncidentKind, ...], BeforeValidator(one_or_more)] = ()
    pipelines: Names = ()
    level: Level = Level.INFO

    @model_validator(mode="after")
    def _makes_sense(self) -> "ChannelConfig":
        if (self.url is None) == (self.webhook is None):
            raise ValueError("a channel has either a url or a webhook")
        if (self.webhook is None) != (self.secret is None):
            raise ValueError("a webhook has a secret that signs what it gets, and a url has none")
        return self

    def wants(self, kind: IncidentKind, level: Level, pipeline: str | None) -> bool:
        """Whether an alert goes here. One that is about no pipeline goes only where any pipeline is wanted."""
        names = {fold_name(name) for name in self.pipelines}
        return (
            level.rank >= self.level.rank
            and (not self.kinds or kind in self.kinds)
            and (not names or (pipeline is not None and fold_name(pipeline) in names))
        )
