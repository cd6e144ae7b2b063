"""Twilio Voice, over its API: a source of calls."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supersync_core.connectors.call_api import CallApi
    from supersync_core.connectors.call_records import CallParser
    from supersync_core.connectors.twilio.config import Config


def build_call_source(config: "Config", agency: str) -> "CallApi":
    """Read the calls of that account."""
    from supersync_core.connectors.twilio.source import build

    return build(config)


def build_call_parser(config: "Config") -> "CallParser":
    """Make calls from its records."""
    from supersync_core.connectors.twilio.source import PARSER

    return PARSER


def __getattr__(name: str) -> Any:
    if name == "Config":
        from supersync_core.connectors.twilio.config import Config

        return Config
    raise AttributeError(name)
