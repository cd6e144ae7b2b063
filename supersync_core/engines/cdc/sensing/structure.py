"""What one document looks like: its fields and types, without a value. Two that look alike are equal."""

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any

from supersync_core.engines.cdc.sensing.maps import Maps, Path
from supersync_core.engines.cdc.sensing.shape import DYNAMIC, ELEMENTS, UNTOLD, Structure

SCALARS: Mapping[type, str] = {NoneType: "null", bool: "boolean", int: "integer", float: "number", str: "string"}
_OPAQUE: Structure = ("object", None)


def structure(value: Any, maps: Maps, depth: int, path: Path = ()) -> Structure:
    """Of any JSON. `depth`: how many levels of objects and arrays are looked into; `path`: where it is, for `maps`."""
    kind = type(value)
    if kind is dict:
        if depth <= 0:
            return _OPAQUE
        stable = maps.look(path, value)
        return "object", frozenset(_pairs(value.items(), stable, maps, depth - 1, path))
    if kind is list:
        if depth <= 0:
            return "array", frozenset([SCALARS.get(type(one)) or _outside(one) for one in value])
        below = (*path, ELEMENTS)
        return "array", frozenset([SCALARS.get(type(one)) or structure(one, maps, depth - 1, below) for one in value])
    return SCALARS.get(kind, "string")


def row_structure(row: Mapping[str, Any], shallow: frozenset[str], maps: Maps, depth: int) -> Structure:
    """Of a row: its columns are fields and no data. `shallow`: columns that are not looked into."""
    pairs: list[tuple[str, Structure]] = []
    for name, value in row.items():
        scalar = SCALARS.get(type(value))
        if scalar is not None:
            pairs.append((name, scalar))
        elif is_untold(value):
            pairs.append((name, UNTOLD))
        else:
            pairs.append((name, structure(value, maps, 0 if name in shallow else depth - 1, (name,))))
    return "object", frozenset(pairs)


def is_untold(value: Any) -> bool:
    """Whether the log does not repeat the value because it is unchanged."""
    return type(value) is dict and len(value) == 1 and value.get("_unchanged") is True


def _outside(value: Any) -> Structure:
    return _OPAQUE if type(value) is dict else "array" if type(value) is list else "string"


def _pairs(
    items: Iterable[tuple[str, Any]], stable: frozenset[str] | None, maps: Maps, depth: int, path: Path
) -> Iterable[tuple[str, Structure]]:
    for key, value in items:
        name = key if stable is None or key in stable else DYNAMIC
        yield name, SCALARS.get(type(value)) or structure(value, maps, depth, (*path, name))
