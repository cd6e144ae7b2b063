"""Documents as an application writes them, and two other ways to find out what they look like."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from genson import SchemaBuilder

from supersync_core.engines.cdc.sensing.shape import ELEMENTS, Shape
from supersync_core.engines.cdc.sensing.structure import SCALARS

Facts = dict[tuple[str, ...], tuple[frozenset[str], bool]]
"""By place: its types, and whether it was missing in an object that could have had it."""


def orders(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Orders: some fields are missing or null now and then, some nested, one of them with keys that are data."""
    chance = random.Random(seed)
    for number in range(count):
        address = {"city": "Oslo", "zip": chance.choice(["0150", None])}
        if chance.random() < 0.3:
            address["geo"] = {"lat": 59.9, "lon": chance.choice([10.75, 11])}
        order: dict[str, Any] = {
            "id": number,
            "customer": {"name": f"customer {number}", "vip": chance.random() < 0.1, "address": address},
            "lines": [
                {"sku": f"sku-{chance.randrange(50)}", "quantity": chance.randrange(9)}
                | ({"discount": chance.choice([5, 0.5])} if chance.random() < 0.2 else {})
                for _ in range(chance.randrange(3))
            ],
            "tags": chance.sample(["new", "gift", "late"], chance.randrange(3)),
            "total": chance.choice([10, 10.5]),
            "clicks": {f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}": number for _ in range(3)},
        }
        if chance.random() < 0.5:
            order["note"] = chance.choice([None, "call first", ""])
        if chance.random() < 0.01:
            order["id"] = f"legacy-{number}"
        if chance.random() < 0.001:
            order["returned"] = {"at": "2026-01-02", "items": [[1, 2], []]}
        yield order


def of_shape(shape: Shape) -> Facts:
    """What we have found."""
    return dict(_of_shape(shape, ()))


def _of_shape(shape: Shape, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[frozenset[str], bool]]]:
    yield path, (frozenset(shape.types), shape.optional)
    for name, field in shape.fields.items():
        yield from _of_shape(field, (*path, name))
    if shape.items is not None:
        yield from _of_shape(shape.items, (*path, ELEMENTS))


def of_genson(documents: Iterable[Any]) -> Facts:
    """What genson finds (https://github.com/wolverdude/GenSON)."""
    builder = SchemaBuilder()
    for document in documents:
        builder.add_object(document)
    return dict(_of_schema(builder.to_schema(), (), False))


def _of_schema(
    schema: dict[str, Any], path: tuple[str, ...], optional: bool
) -> Iterator[tuple[tuple[str, ...], tuple[frozenset[str], bool]]]:
    parts = schema.get("anyOf", [schema])
    types: set[str] = set()
    for part in parts:
        types |= {part["type"]} if isinstance(part["type"], str) else set(part["type"])
        for name, field in part.get("properties", {}).items():
            yield from _of_schema(field, (*path, name), name not in part.get("required", ()))
        if "items" in part:
            yield from _of_schema(part["items"], (*path, ELEMENTS), False)
    yield path, (frozenset(types), optional)


def by_counting(documents: Iterable[Any]) -> Facts:
    """The plain way: count at each place what was there, and compare in the end."""
    types: dict[tuple[str, ...], set[str]] = defaultdict(set)
    there: Counter[tuple[str, ...]] = Counter()
    objects: Counter[tuple[str, ...]] = Counter()
    waiting: list[tuple[tuple[str, ...], Any]] = []
    for document in documents:
        waiting.append(((), document))
        while waiting:
            path, value = waiting.pop()
            there[path] += 1
            if isinstance(value, dict):
                types[path].add("object")
                objects[path] += 1
                waiting += [((*path, name), field) for name, field in value.items()]
            elif isinstance(value, list):
                types[path].add("array")
                waiting += [((*path, ELEMENTS), element) for element in value]
            else:
                types[path].add(SCALARS[type(value)])
    return {
        path: (frozenset(found), bool(path) and path[-1] != ELEMENTS and there[path] < objects[path[:-1]])
        for path, found in types.items()
    }


def without_integers_beside_numbers(facts: Facts) -> Facts:
    """To genson, an integer where there are numbers is a number."""
    return {
        path: (types - {"integer"} if "number" in types else types, optional)
        for path, (types, optional) in facts.items()
    }
