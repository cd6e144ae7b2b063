"""What may be done to events between source and sinks. Each step is declared as a flat object with its `type`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from supersync_core.domain.change import Change
from supersync_core.engines.cdc.steps.filter import Filter, FilterConfig
from supersync_core.engines.cdc.steps.flatten import Flatten, FlattenConfig
from supersync_core.engines.cdc.steps.javascript import JavaScript, JavaScriptConfig
from supersync_core.engines.cdc.steps.outbox import Outbox, OutboxConfig
from supersync_core.errors import BadData

Step = Callable[[Sequence[Change]], Sequence[Change]]

_STEPS: Mapping[str, tuple[type[BaseModel], Callable[[Any], Step]]] = {
    "filter": (FilterConfig, Filter),
    "flatten": (FlattenConfig, Flatten),
    "javascript": (JavaScriptConfig, JavaScript),
    "outbox": (OutboxConfig, Outbox),
}


def read_step(data: Mapping[str, Any]) -> dict[str, Any]:
    """The declaration of a step with its defaults. Raises BadData for an unknown type, ValidationError for the rest."""
    return _read(data).model_dump(mode="json")


def build_step(data: Mapping[str, Any]) -> Step:
    """A step that is ready to be used. Raises BadData, and ConfigError where what it needs is not installed."""
    try:
        config = _read(data)
    except ValidationError as error:
        raise BadData(str(error)) from error
    return _STEPS[str(data["type"])][1](config)


def _read(data: Mapping[str, Any]) -> BaseModel:
    known = str(data.get("type"))
    if known not in _STEPS:
        raise BadData(f"unknown type `{known}`, expected one of {', '.join(_STEPS)}")
    return _STEPS[known][0].model_validate(data)
