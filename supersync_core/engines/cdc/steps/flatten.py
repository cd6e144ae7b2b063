"""Turn nested objects into fields whose names are paths."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field

from supersync_core.domain.change import Change, Image, Values
from supersync_core.engines.cdc.steps.config import StepConfig
from supersync_core.errors import AbortError

_MARKS = ({"_base64"}, {"_unchanged"})
"""Objects that stand for a value of the database and stay whole."""


class FlattenConfig(StepConfig):
    """How deep, with what between the names, and what becomes of lists, of empty things and of names that collide."""

    type: Literal["flatten"] = "flatten"
    id: str = "flatten"
    separator: str = Field(default="__", min_length=1)
    max_depth: int | None = Field(default=None, ge=1)
    on_collision: Literal["last", "first", "error"] = "last"
    empty_object: Literal["preserve", "drop", "null"] = "preserve"
    lists: Literal["preserve", "index"] = "preserve"
    empty_list: Literal["preserve", "drop", "null"] = "preserve"


class Flatten:
    """Flattens both images of every event."""

    def __init__(self, config: FlattenConfig) -> None:
        """As it is declared."""
        self._config = config

    def __call__(self, changes: Sequence[Change]) -> Sequence[Change]:
        """The same events with flat rows."""
        for change in changes:
            change.before, change.after = self._image(change.before), self._image(change.after)
        return changes

    def _image(self, image: Image | None) -> Image | None:
        return None if image is None else Values(self.flat(image.values()))

    def flat(self, values: dict[str, Any]) -> dict[str, Any]:
        """A row without nested objects. Raises AbortError when two names collide and that is to be an error."""
        found: dict[str, Any] = {}
        for name, value in self._walk("", values, 0):
            if name in found and self._config.on_collision == "error":
                raise AbortError(f"flatten: two values want the name {name!r}")
            if name not in found or self._config.on_collision == "last":
                found[name] = value
        return found

    def _walk(self, path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
        config = self._config
        deep = config.max_depth is None or depth <= config.max_depth
        if isinstance(value, dict) and value.keys() not in _MARKS and deep:
            yield from self._members(path, value, config.empty_object, depth)
        elif isinstance(value, list) and deep and (config.lists == "index" or not value):
            yield from self._members(path, dict(enumerate(value)), config.empty_list, depth, whole=value)
        else:
            yield path, value

    def _members(
        self, path: str, members: dict[Any, Any], empty: str, depth: int, whole: Any = None
    ) -> Iterator[tuple[str, Any]]:
        if not members and path:
            if empty != "drop":
                yield path, None if empty == "null" else ({} if whole is None else whole)
            return
        for name, value in members.items():
            yield from self._walk(f"{path}{self._config.separator}{name}" if path else str(name), value, depth + 1)
