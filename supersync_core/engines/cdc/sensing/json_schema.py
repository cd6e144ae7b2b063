"""Shapes as JSON Schema, draft 7 (https://json-schema.org/draft-07)."""

from collections.abc import Mapping
from typing import Any

from supersync_core.engines.cdc.sensing.shape import DYNAMIC, Shape

DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def json_schema(title: str, shape: Shape, inside: Mapping[str, Shape] | None = None) -> dict[str, Any]:
    """A schema that every document that was seen fits.

    `inside` None: objects below the first level are `object` and no more (DeltaForge); else they are described too,
    those in `inside`, by field, as they are there.
    """
    described: dict[str, Any] = {"$schema": DRAFT_7, "title": title}
    kinds = _kinds(shape)
    described["type"] = kinds[0] if len(kinds) == 1 else kinds or "object"
    if shape.opened or not kinds:
        described |= _object(shape, inside)
    if shape.items is not None:
        described["items"] = _describe(shape.items, nested=inside is not None)
    return described


def _object(shape: Shape, inside: Mapping[str, Shape] | None, *, nested: bool = False) -> dict[str, Any]:
    """Keys that are data are no properties: what they lead to is said of all of them."""
    deep = nested or inside is not None
    named = {name: field for name, field in sorted(shape.fields.items()) if name != DYNAMIC}
    described: dict[str, Any] = {
        "properties": {name: _property(field, (inside or {}).get(name), deep) for name, field in named.items()},
        "required": [name for name, field in named.items() if not field.optional],
    }
    if DYNAMIC in shape.fields:
        described["additionalProperties"] = _describe(shape.fields[DYNAMIC], nested=deep)
    return described


def _property(field: Shape, inside: Shape | None, nested: bool) -> dict[str, Any]:
    described = _describe(field, nested=nested)
    if inside is not None and inside.opened:
        described |= _object(inside, None, nested=True)
    return described


def _describe(shape: Shape, *, nested: bool) -> dict[str, Any]:
    kinds = _kinds(shape)
    described: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}
    if nested and shape.opened:
        described |= _object(shape, None, nested=True)
    if shape.items is not None:
        described["items"] = _describe(shape.items, nested=nested)
    return described


def _kinds(shape: Shape) -> list[str]:
    return shape.kinds + (["null"] if shape.nullable and shape.kinds != ["null"] else [])
