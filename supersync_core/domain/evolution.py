"""What a target must change to hold what a source has now: one rule for every sink.

Types are PostgreSQL's, as `format_type` prints them. A type is wider than another when it holds each of the other's
values exactly:

    smallint < integer < bigint < numeric(p,s) < numeric        numeric(p,s): integer digits and scale both count
    real < double precision
    character(n) < character varying(n) < character varying < text
    bit(n) < bit varying(n) < bit varying
    timestamp(p), timestamptz(p), time(p), timetz(p), interval(p): by precision; none means 6
    an enum < the same with more labels < text
    arrays: as their elements

A target that is wider already is left alone. Two types of which neither is wider get the narrowest that holds both,
where this table has one; all else is a SchemaMismatch, before anything is written.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from supersync_core.domain.table import Column, TableSchema
from supersync_core.errors import SchemaMismatch


@dataclass(frozen=True)
class AddColumn:
    """Add `column`. It is nullable, whatever the source says: the rows that are there have no value."""

    column: Column


@dataclass(frozen=True)
class WidenColumn:
    """Give the column `name` the type `type`. Every value it holds stays the same."""

    name: str
    type: str


@dataclass(frozen=True)
class DropNotNull:
    """Let the column `name` take nulls: the source has nulls in it now, or has the column no more."""

    name: str


@dataclass(frozen=True)
class AddEnumLabel:
    """Add `label` to the enum type of the column `name`, in front of the label `before` (None: at the end).

    PostgreSQL refuses to use a label that `alter type ... add value` added in the same transaction.
    """

    name: str
    label: str
    before: str | None


Change = AddColumn | WidenColumn | DropNotNull | AddEnumLabel


def changes(source: TableSchema, target: TableSchema) -> list[Change]:
    """What `target` needs, in the order in which to do it; [] when it can take the rows as it is.

    A column that the source has no more stays and takes nulls. Key columns of the target keep their NOT NULL. Raises
    SchemaMismatch naming every column that cannot be reconciled.
    """
    found: list[Change] = []
    refused = [
        f"the key column {name!r} is gone at the source" for name in target.primary_key if name not in source.names
    ]
    for column in source.columns:
        if column.name not in target:
            found.append(AddColumn(replace(column, nullable=True)))
            continue
        try:
            found += _reconcile(column, target[column.name])
        except SchemaMismatch as mismatch:
            refused.append(str(mismatch))
    if refused:
        raise SchemaMismatch("; ".join(refused))
    return found + _nulls(source, target)


def _nulls(source: TableSchema, target: TableSchema) -> list[Change]:
    """The columns of the target that must take nulls from now on."""
    return [
        DropNotNull(column.name)
        for column in target.columns
        if not column.nullable
        and column.name not in target.primary_key
        and (column.name not in source or source[column.name].nullable)
    ]


def _reconcile(source: Column, target: Column) -> Sequence[Change]:
    """What the column `target` needs to hold what `source` has."""
    if source.enum and target.enum and _is_array(source) == _is_array(target):
        return _labels(source, target)
    # A label is a string of that length; an enum beside anything but a string has no type in common with it.
    ours = _label_type(target) if target.enum else target.type
    theirs = _label_type(source) if source.enum else source.type
    needed = wider(ours, theirs)
    if needed is None:
        raise SchemaMismatch(
            f"column {source.name!r} is {source.type} at the source and {target.type} at the target, and neither "
            "holds the other's values: change the target's column, or name another target table"
        )
    if target.enum:
        return [WidenColumn(target.name, needed)]
    return [] if needed == target.type else [WidenColumn(target.name, needed)]


def _is_array(column: Column) -> bool:
    return column.type.endswith("[]")


def _label_type(column: Column) -> str:
    return f"character varying({max(map(len, column.enum))})" + ("[]" if _is_array(column) else "")


def _labels(source: Column, target: Column) -> list[Change]:
    """The labels that the target lacks, each placed so that the source's order is kept."""
    found: list[Change] = []
    following: str | None = None
    for label in reversed(source.enum):
        if label not in target.enum:
            found.append(AddEnumLabel(target.name, label, following))
        following = label
    return found


def wider(one: str, other: str) -> str | None:
    """The narrowest type that holds both, None when there is none; `one` itself when that already does.

    >>> wider("numeric(10,2)", "numeric(8,4)"), wider("integer", "smallint"), wider("integer", "text")
    ('numeric(12,4)', 'integer', None)
    """
    if one == other:
        return one
    if one.endswith("[]") and other.endswith("[]"):
        element = wider(one[:-2], other[:-2])
        return None if element is None else element + "[]"
    left, right = _parse(one), _parse(other)
    if left is None or right is None or left.family != right.family:
        return None
    joined = _JOINS[left.family](left, right)
    # Two spellings of one type, such as timestamp and timestamp(6), are no change.
    return one if joined is None or joined == left else joined.text


UNLIMITED = 10**6
"""Stands for no limit on digits, scale or length: more than PostgreSQL allows for any."""


@dataclass(frozen=True)
class _Type:
    """A type by family, rank within it and size.

    `rank` orders the kinds of a family, narrow to wide. `size`: digits before the point, length, or precision.
    """

    family: str
    rank: int
    size: int
    scale: int = 0

    @property
    def text(self) -> str:
        return _PRINTERS[self.family](self)


_KINDS: dict[str, tuple[str, int]] = {
    "smallint": ("number", 0),
    "integer": ("number", 1),
    "bigint": ("number", 2),
    "numeric": ("number", 3),
    "real": ("float", 0),
    "double precision": ("float", 1),
    "character": ("string", 0),
    "character varying": ("string", 1),
    "text": ("string", 2),
    "bit": ("bits", 0),
    "bit varying": ("bits", 1),
    "timestamp without time zone": ("timestamp without time zone", 0),
    "timestamp with time zone": ("timestamp with time zone", 0),
    "time without time zone": ("time without time zone", 0),
    "time with time zone": ("time with time zone", 0),
    "interval": ("interval", 0),
}
_DIGITS = (5, 10, 19)
_MAX_PRECISION = 1000
_TYPE = re.compile(r"([a-z ]+?)(?:\((-?\d+)(?:,(-?\d+))?\))?( with(?:out)? time zone)?")


def _parse(text: str) -> _Type | None:
    """The type's place in the table of this module; None when it has none."""
    matched = _TYPE.fullmatch(text)
    if matched is None:
        return None
    base, first, second, zone = matched.groups()
    if (kind := _KINDS.get(base + (zone or ""))) is None:
        return None
    family, rank = kind
    if family == "number":
        return _number(rank, first, second)
    if first is not None:
        return _Type(family, rank, int(first))
    return _Type(family, rank, 0 if family == "float" else UNLIMITED if family in {"string", "bits"} else 6)


def _number(rank: int, precision: str | None, scale: str | None) -> _Type:
    if rank < len(_DIGITS):
        return _Type("number", rank, _DIGITS[rank])
    if precision is None:
        return _Type("number", rank, UNLIMITED, UNLIMITED)
    return _Type("number", rank, int(precision) - int(scale or 0), int(scale or 0))


def _join(left: _Type, right: _Type) -> _Type:
    return _Type(
        left.family,
        max(left.rank, right.rank),
        max(left.size, right.size),
        max(left.scale, right.scale),
    )


def _join_bits(left: _Type, right: _Type) -> _Type:
    """Two lengths of bit(n) have bit varying in common: bit(n) takes exactly n bits."""
    joined = _join(left, right)
    return joined if left.size == right.size else replace(joined, rank=1)


def _print_number(number: _Type) -> str:
    if number.rank < len(_DIGITS):
        return ("smallint", "integer", "bigint")[number.rank]
    precision = number.size + number.scale
    return "numeric" if precision > _MAX_PRECISION else f"numeric({precision},{number.scale})"


def _print_sized(*names: str) -> Callable[[_Type], str]:
    def text(sized: _Type) -> str:
        name = names[sized.rank]
        return name if sized.size == UNLIMITED else f"{name}({sized.size})"

    return text


def _print_time(time: _Type) -> str:
    base, space, zone = time.family.partition(" ")
    return f"{base}({time.size}){space}{zone}"


_JOINS: dict[str, Callable[[_Type, _Type], _Type]] = {family: _join for family, _ in _KINDS.values()}
_JOINS["bits"] = _join_bits
_PRINTERS: dict[str, Callable[[_Type], str]] = {family: _print_time for family, _ in _KINDS.values()}
_PRINTERS["number"] = _print_number
_PRINTERS["float"] = lambda number: ("real", "double precision")[number.rank]
_PRINTERS["string"] = _print_sized("character", "character varying", "text")
_PRINTERS["bits"] = _print_sized("bit", "bit varying")
