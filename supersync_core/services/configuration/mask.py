"""A configuration as it may be shown: every secret is masked, also the password inside a DSN."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from supersync_core.connectors.dsn import MASK, masked_dsn
from supersync_core.domain.pipeline import PipelineKind
from supersync_core.services.cdc.vault import PREFIX as SEALED
from supersync_core.services.configuration.model import Configuration
from supersync_core.services.configuration.pipeline import PipelineConfig

_DSN_KEY = re.compile(r"dsn|url|uri", re.IGNORECASE)
# A connector of somebody else may keep a secret as plain text.
_SECRET_KEY = re.compile(r"pass|pwd|secret|token|key|credential|auth", re.IGNORECASE)
# Any header may carry one.
_HEADERS_KEY = re.compile(r"headers", re.IGNORECASE)
_SECRET_WORD = re.compile(r"pass|pwd|secret|token|credential|api_?key|auth", re.IGNORECASE)


def shown_configuration(configuration: Configuration) -> dict[str, Any]:
    """The configuration as plain data for JSON or YAML, without what is default and without secrets."""
    openlineage = configuration.openlineage.model_dump(exclude_defaults=True) if configuration.openlineage else None
    return {
        "connections": {name: _connection(connection) for name, connection in configuration.connections.items()},
        "pipelines": [_pipeline(pipeline) for pipeline in configuration.pipelines],
        **({"alerts": [_channel(channel) for channel in configuration.alerts]} if configuration.alerts else {}),
        **({"openlineage": _shown("openlineage", openlineage)} if openlineage else {}),
    }


def _pipeline(pipeline: PipelineConfig) -> dict[str, Any]:
    values = pipeline.model_dump(mode="json", exclude_defaults=True)
    return shown_spec(values) if pipeline.kind == PipelineKind.CDC.value else values


def _channel(channel: BaseModel) -> dict[str, Any]:
    # Its address is a secret as a whole: services keep their tokens in every part of it.
    values = channel.model_dump(mode="json", exclude_defaults=True)
    return {key: MASK if isinstance(getattr(channel, key), SecretStr) else value for key, value in values.items()}


def _connection(connection: BaseModel) -> dict[str, Any]:
    values = connection.model_dump(exclude_defaults=True)
    return {"type": getattr(connection, "type", None), **{key: _shown(key, value) for key, value in values.items()}}


def _shown(key: str, value: Any) -> Any:
    """The value of a connection's key, masked where it is or may be a secret."""
    if isinstance(value, SecretStr):
        return masked_dsn(value.get_secret_value()) if _DSN_KEY.search(key) else MASK
    if isinstance(value, SecretBytes) or (isinstance(value, str) and _SECRET_KEY.search(key)):
        return MASK
    if isinstance(value, str) and _DSN_KEY.search(key):
        return masked_dsn(value)
    if isinstance(value, Mapping):
        if _HEADERS_KEY.search(key):
            return dict.fromkeys(value, MASK)
        return {inner: _shown(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(key, item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def shown_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline's specification, masked all the same: it names connections, but somebody may have written more."""
    return {key: _shown_in_spec(key, value) for key, value in spec.items()}


def _shown_in_spec(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return shown_spec(value)
    if isinstance(value, list | tuple):
        return [_shown_in_spec(key, item) for item in value]
    if not isinstance(value, str):
        return value
    is_secret = _SECRET_WORD.search(key) or value.startswith(SEALED)
    return MASK if is_secret else masked_dsn(value) if "://" in value else value
