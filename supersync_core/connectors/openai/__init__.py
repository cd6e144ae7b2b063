"""A language model behind an API like OpenAI's: finds facts in chat messages."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supersync_core.connectors.extractors import FactExtractor
    from supersync_core.connectors.openai.config import Config


def build_fact_extractor(config: "Config") -> "FactExtractor":
    """Ask that model."""
    from supersync_core.connectors.openai.fact_extractor import ModelExtractor

    return ModelExtractor(config)


def __getattr__(name: str) -> Any:
    if name == "Config":
        from supersync_core.connectors.openai.config import Config

        return Config
    raise AttributeError(name)
