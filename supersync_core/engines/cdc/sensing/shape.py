"""What documents have looked like so far. Shapes join: in any order and any grouping, the same documents give the same.

A document's structure (see `structure`) is one of

* a word: the type of a scalar, such as `integer`;
* `("array", structures of its elements)`;
* `("object", pairs of field and structure)`, or `("object", None)` where nobody has looked inside.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

TYPES = ("boolean", "integer", "number", "string", "array", "object", "null")
"""In the order in which they are listed."""
UNTOLD = "untold"
"""The structure of a value that the log does not repeat: the field is there, and nothing is learnt of it."""
DYNAMIC = "<dynamic>"
"""The one field that stands for all keys of an object whose keys are data."""
ELEMENTS = "[]"
"""In a path: the elements of an array."""
MAX_FIELDS = 2000
"""An object with more fields than these has its further ones counted as `<dynamic>`: what is learnt stays bounded."""

Structure: TypeAlias = "str | tuple[str, frozenset[Any] | None]"


class Shape:
    """Types that were seen at a place, and below it the fields of objects and the elements of arrays.

    `optional`: the field was missing at least once in an object that was there. `opened`: somebody has looked inside an
    object here.
    """

    __slots__ = ("fields", "items", "opened", "optional", "types")

    def __init__(self) -> None:
        """Nothing was seen."""
        self.types: set[str] = set()
        self.fields: dict[str, Shape] = {}
        self.items: Shape | None = None
        self.opened = self.optional = False

    @property
    def nullable(self) -> bool:
        """Whether it was null at least once."""
        return "null" in self.types

    @property
    def kinds(self) -> list[str]:
        """Its types in order; `null` only where it was nothing else."""
        kinds = [kind for kind in TYPES if kind in self.types]
        return kinds[:-1] if len(kinds) > 1 and kinds[-1] == "null" else kinds

    def absorb(self, structure: Structure) -> bool:
        """Learn from a document; whether it was new."""
        kind, parts = (structure, None) if isinstance(structure, str) else structure
        changed = kind not in self.types and kind != UNTOLD
        if changed:
            self.types.add(kind)
        if parts is None:
            return changed
        if kind == "object":
            return self._absorb_fields(parts) or changed
        for part in parts:
            self.items = self.items or Shape()
            changed = self.items.absorb(part) or changed
        return changed

    def join(self, other: "Shape") -> None:
        """Learn all that another one has learnt."""
        self.types |= other.types
        self.optional |= other.optional
        if other.items is not None:
            self.items = self.items or Shape()
            self.items.join(other.items)
        if not other.opened:
            return
        for name, theirs in other.fields.items():
            self._field(name).join(theirs)
        self._miss(other.fields.keys())
        self.opened = True

    def fold(self, stable: Collection[str]) -> None:
        """Its keys are data, but for these: the others become one field."""
        for name in [name for name in self.fields if name not in stable and name != DYNAMIC]:
            folded = self.fields.pop(name)
            self._field(DYNAMIC).join(folded)

    def at(self, path: Sequence[str]) -> "Shape | None":
        """What is there, by names of fields; `[]` leads to the elements of an array."""
        place: Shape | None = self
        for name in path:
            if place is None:
                return None
            place = place.items if name == ELEMENTS else place.fields.get(name)
        return place

    @property
    def fingerprint(self) -> str:
        """`sha256:` and 64 digits over fields, types, and what was null or missing; never over values."""
        text = json.dumps(self.state(), sort_keys=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    def state(self) -> dict[str, Any]:
        """As JSON, to be read again by `read`."""
        kept: dict[str, Any] = {"types": sorted(self.types)}
        if self.optional:
            kept["optional"] = True
        if self.opened:
            kept["fields"] = {name: self.fields[name].state() for name in sorted(self.fields)}
        if self.items is not None:
            kept["items"] = self.items.state()
        return kept

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> "Shape":
        """From what `state` has written."""
        shape = cls()
        shape.types, shape.optional, shape.opened = set(kept["types"]), "optional" in kept, "fields" in kept
        shape.fields = {name: cls.read(one) for name, one in kept.get("fields", {}).items()}
        shape.items = cls.read(kept["items"]) if "items" in kept else None
        return shape

    def _absorb_fields(self, parts: frozenset[tuple[str, Structure]]) -> bool:
        known, present, changed = len(self.fields), set(), not self.opened
        for name, structure in parts:
            field = self._field(name)
            changed = field.absorb(structure) or changed
            present.add(name if self.fields.get(name) is field else DYNAMIC)
        changed = self._miss(present) or changed or len(self.fields) > known
        self.opened = True
        return changed

    def _field(self, name: str) -> "Shape":
        """The field of that name, made where there is none."""
        if name not in self.fields and len(self.fields) >= MAX_FIELDS:
            name = DYNAMIC
        field = self.fields.get(name)
        if field is None:
            field = self.fields[name] = Shape()
            field.optional = self.opened or name == DYNAMIC
        return field

    def _miss(self, present: Collection[str]) -> bool:
        """Fields that another object has not are optional; whether one of them was not."""
        missed = [field for name, field in self.fields.items() if name not in present and not field.optional]
        for field in missed:
            field.optional = True
        return self.opened and bool(missed)
