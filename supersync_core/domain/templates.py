"""Texts with `${path}` in them, by which a sink says where an event goes and under which key."""

import re
from collections.abc import Callable
from typing import Any

import orjson

from supersync_core.domain.change import Change
from supersync_core.errors import ConfigError

Template = Callable[[Change], str]
"""From a change to a text; a path that leads nowhere is empty."""

_PLACE = re.compile(r"\$\{([^{}]*)\}")
_IMAGES = ("after", "before")


def compile_template(text: str, *, tenant: str, connector: str) -> Template:
    """Read a template. Raises ConfigError for a path that it does not know.

    Paths: `source.table`, `source.db`, `source.schema`, `source.connector`, `op`, `tenant_id`, and `after.column` or
    `before.column`, deeper into JSON by further dots.
    """
    parts = _PLACE.split(text)
    if "${" in "".join(parts[::2]):
        raise ConfigError(f"a place in {text!r} is not closed: write ${{source.table}}")
    fixed = {"tenant_id": tenant, "source.connector": connector}
    getters = [_getter(path, fixed) for path in parts[1::2]]
    if not getters:
        return lambda change: text
    literals = parts[::2]

    def render(change: Change) -> str:
        filled = [literals[0]]
        for getter, literal in zip(getters, literals[1:], strict=True):
            filled += (getter(change), literal)
        return "".join(filled)

    return render


def _getter(path: str, fixed: dict[str, str]) -> Template:
    if path in fixed:
        return lambda change: fixed[path]
    if path in _OF_CHANGE:
        return _OF_CHANGE[path]
    root, *names = path.split(".")
    if root not in _IMAGES or not all(names) or not names:
        known = ", ".join([*_OF_CHANGE, *fixed, "after.column", "before.column"])
        raise ConfigError(f"a template knows no ${{{path}}}; it knows: {known}")
    return lambda change: _text(_find(getattr(change, root), names))


_OF_CHANGE: dict[str, Template] = {
    "source.table": lambda change: change.table.name,
    "source.db": lambda change: change.table.database,
    "source.schema": lambda change: change.table.schema,
    "op": lambda change: change.op.value,
}


def _find(image: Any, names: list[str]) -> Any:
    value: Any = image.values() if image is not None else None
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
