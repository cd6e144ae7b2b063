"""OpenLineage's client: how it is configured, and what its errors mean."""

import os
from collections.abc import Mapping
from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any

from supersync_core.connectors.dsn import MASK
from supersync_core.errors import BadData, ConfigError, Unavailable
from supersync_core.services.configuration import Configuration

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

NAMESPACE = "supersync"
"""The namespace of our jobs, where neither the configuration nor OPENLINEAGE_NAMESPACE names one."""
REFUSED = frozenset({400, 409, 413, 422})
"""With these a receiver says that it will never take an event. With all others it may take it later."""
_OWN = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG")
_TRANSPORT = "OPENLINEAGE__TRANSPORT"


def is_configured(configuration: Configuration | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether anybody wants events: our configuration, or the variables of OpenLineage's client."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    ours = configuration is not None and configuration.openlineage is not None
    return ours or any(environment.get(name) for name in _OWN) or _names_transport(environment)


def job_namespace(configuration: Configuration | None, environment: Mapping[str, str] = os.environ) -> str:
    """The namespace of our jobs."""
    ours = configuration.openlineage.namespace if configuration and configuration.openlineage else None
    return ours or environment.get("OPENLINEAGE_NAMESPACE") or NAMESPACE


def client_config(configuration: Configuration | None, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """What the client is made with; what is not in it, it takes from its own variables and files.

    The sensor itself asks again later, so that the client need not; and it must hear of every failure.
    """
    transport: dict[str, Any] = {}
    if configuration is not None and configuration.openlineage is not None:
        transport = deepcopy(configuration.openlineage.transport)
    elif environment.get("OPENLINEAGE_URL") and not _names_transport(environment):
        transport = _plain_http(environment)
    return {"transport": {"retry": {"total": 0, "status_forcelist": []}, "continue_on_failure": False, **transport}}


def _plain_http(environment: Mapping[str, str]) -> dict[str, Any]:
    transport: dict[str, Any] = {"type": "http", "url": environment["OPENLINEAGE_URL"]}
    if environment.get("OPENLINEAGE_ENDPOINT"):
        transport["endpoint"] = environment["OPENLINEAGE_ENDPOINT"]
    if environment.get("OPENLINEAGE_API_KEY"):
        transport["auth"] = {"type": "api_key", "apiKey": environment["OPENLINEAGE_API_KEY"]}
    return transport


def _names_transport(environment: Mapping[str, str]) -> bool:
    # The client itself writes the transport that OPENLINEAGE_URL stands for into the environment.
    return any(name.startswith(_TRANSPORT) and "DEFAULT_HTTP" not in name for name in environment)


def require_client() -> None:
    """Raise ConfigError where OpenLineage's client is not installed."""
    try:
        import_module("openlineage.client")
    except ModuleNotFoundError as error:
        raise ConfigError("OpenLineage events need its client: pip install 'supersync[openlineage]'") from error


class Sender:
    """Sends events through OpenLineage's client, which is made for the first one."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config` as from `client_config`."""
        self._config = config
        self._client: OpenLineageClient | None = None

    def __call__(self, event: "RunEvent") -> None:
        """Send it.

        Raises ConfigError where the client cannot be made, BadData for an event that the receiver will never take, and
        Unavailable where it may take it later.
        """
        client = self._client = self._client or _client(self._config)
        try:
            client.emit(event)
        except Exception as error:  # each transport has its own
            raise _translated(error) from error

    def close(self) -> None:
        """Let the client send what it has kept, for five seconds at most."""
        if self._client is not None:
            self._client.close(5)


def _client(config: Mapping[str, Any]) -> "OpenLineageClient":
    from openlineage.client import OpenLineageClient

    try:
        return OpenLineageClient(config=deepcopy(dict(config)))
    except Exception as error:  # each transport has its own
        raise ConfigError(f"OpenLineage's client cannot be made: {_masked(str(error), config)}") from None


def _translated(error: Exception) -> BadData | Unavailable:
    """The error in our words, without the address: there may be a password in it."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in REFUSED:
        return BadData(f"the receiver refuses it with {status}")
    return Unavailable(f"the receiver answers with {status}" if status else f"it fails with {type(error).__name__}")


def _masked(message: str, config: Any) -> str:
    """The message without what the configuration says, save the names of types."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            message = message if key == "type" else _masked(message, value)
    elif isinstance(config, list):
        for value in config:
            message = _masked(message, value)
    elif isinstance(config, str) and config:
        message = message.replace(config, MASK)
    return message
