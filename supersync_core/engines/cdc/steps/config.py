"""The base of every step's declaration."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class StepConfig(BaseModel):
    """Unknown keys are ignored, as everywhere in a CDC specification."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str


def matches(name: str, full_name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a table is meant: by its full name, its bare one, `*`, or a pattern that ends in `*` or `%`."""
    return any(_matches(name, full_name, pattern) for pattern in patterns)


def _matches(name: str, full_name: str, pattern: str) -> bool:
    if pattern.endswith(("*", "%")):
        stem = pattern[:-1]
        return full_name.startswith(stem) or ("." not in stem and name.startswith(stem))
    return pattern in (name, full_name)


def value_at(values: Any, path: str) -> tuple[bool, Any]:
    """Whether there is something at a dotted path, and what."""
    for name in path.split("."):
        if not isinstance(values, dict) or name not in values:
            return False, None
        values = values[name]
    return True, values
