"""What rows hold that does not fit their table as the catalogue has it. By kinds of JSON, so it costs little.

Nothing is said of a type that is not known here: a domain or an enumeration may take anything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from supersync_core.domain.change import SourceTable
from supersync_core.engines.cdc.sensing.structure import SCALARS, is_untold

MAX_EXAMPLES = 5
MAX_EXAMPLE = 100
"""Characters of an example (DeltaForge)."""
NOT_NULL, NULL = "NOT NULL", "NULL"
_NO_NUMBERS = frozenset(("NaN", "Infinity", "-Infinity"))
"""What a column of floats may hold beside numbers: JSON has no other way to say it."""


class Family(Enum):
    """Types of columns that take the same kinds of JSON."""

    BOOLEAN = "boolean"
    BIT = "bit"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    TEXT = "text"
    TIME = "time"
    BINARY = "binary"
    JSON = "json"
    ANY = "any"


_WORDS: Mapping[Family, str] = {
    Family.BOOLEAN: "bool boolean",
    Family.BIT: "tinyint bit varbit",
    Family.INTEGER: "smallint mediumint int integer bigint int2 int4 int8 serial bigserial oid year",
    Family.FLOAT: "float float4 float8 real double",
    Family.DECIMAL: "decimal numeric dec",
    Family.TEXT: "char character varchar text tinytext mediumtext longtext bpchar name citext uuid enum set",
    Family.TIME: "date time timetz timestamp timestamptz datetime interval",
    Family.BINARY: "bytea binary varbinary blob tinyblob mediumblob longblob",
    Family.JSON: "json jsonb hstore geometry point",
}
_FAMILIES = {word: family for family, words in _WORDS.items() for word in words.split()}
_TAKES: Mapping[Family, frozenset[str]] = {
    family: frozenset(kinds.split())
    for family, kinds in {
        Family.BOOLEAN: "boolean",
        Family.BIT: "boolean integer string",
        Family.INTEGER: "integer",
        Family.FLOAT: "integer number",
        Family.DECIMAL: "integer number string",
        Family.TEXT: "string",
        Family.TIME: "string",
        Family.BINARY: "string object",
        Family.JSON: "boolean integer number string array object",
        Family.ANY: "boolean integer number string array object",
    }.items()
}


def family(declared: str) -> Family:
    """Of a column's type in its database's words, such as `bigint(20) unsigned` or `integer[]`."""
    if declared.endswith("[]"):
        return Family.JSON
    word = re.match(r"[a-z_0-9]*", declared.lower())
    return _FAMILIES.get(word.group() if word else "", Family.ANY)


@dataclass
class _Mismatch:
    """What was found in a column, of one kind."""

    expected: str
    observed: set[str] = field(default_factory=set)
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Column:
    type: str
    nullable: bool
    takes: frozenset[str]
    family: Family


class Drift:
    """One table. It begins anew when the catalogue says something else of the table."""

    def __init__(self, table: SourceTable, kept: Mapping[str, Any] | None = None) -> None:
        """`kept`: what `state` has given; it counts only for the same form of the table."""
        self.fingerprint = table.fingerprint
        self._columns = {
            one.name: _Column(one.type, one.nullable, _TAKES[family(one.type)], family(one.type))
            for one in table.columns
        }
        same = kept if kept is not None and kept.get("fingerprint") == self.fingerprint else {}
        self.analyzed, self.drifted = same.get("events_analyzed", 0), same.get("events_with_drift", 0)
        self._undeclared: dict[str, int] = dict(same.get("undeclared", {}))
        self._found: dict[tuple[str, str], _Mismatch] = {
            (one["column"], one["kind"]): _Mismatch(
                one["expected_type"], set(one["observed_types"]), one["mismatch_count"], list(one["examples"])
            )
            for one in same.get("columns", ())
        }

    def look(self, row: Mapping[str, Any]) -> bool:
        """Compare a row with the catalogue; whether a column has drifted in a way that it had not before."""
        self.analyzed += 1
        before = len(self._found)
        wrong = False
        for name, value in row.items():
            column = self._columns.get(name)
            if column is None:
                self._undeclared[name] = self._undeclared.get(name, 0) + 1
            elif value is None:
                if not column.nullable:
                    wrong = self._note(name, "null", NOT_NULL, NULL, None)
            else:
                wrong = self._compare(name, column, value) or wrong
        self.drifted += wrong
        return len(self._found) > before

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "fingerprint": self.fingerprint,
            "events_analyzed": self.analyzed,
            "events_with_drift": self.drifted,
            "undeclared": dict(sorted(self._undeclared.items())),
            "columns": list(self._records()),
        }

    def _records(self) -> Iterator[dict[str, Any]]:
        for (column, kind), one in sorted(self._found.items()):
            yield {
                "column": column,
                "kind": kind,
                "expected_type": one.expected,
                "observed_types": sorted(one.observed),
                "mismatch_count": one.count,
                "examples": one.examples,
            }

    def _compare(self, name: str, column: _Column, value: Any) -> bool:
        kind = SCALARS.get(type(value)) or ("array" if type(value) is list else "object")
        if kind in column.takes or (column.family is Family.FLOAT and value in _NO_NUMBERS) or is_untold(value):
            return False
        if kind == "number" and column.family in (Family.INTEGER, Family.BIT) and float(value).is_integer():
            return False
        return self._note(name, "type", column.type, kind, value)

    def _note(self, column: str, kind: str, expected: str, observed: str, value: Any) -> bool:
        found = self._found.setdefault((column, kind), _Mismatch(expected))
        found.count += 1
        found.observed.add(observed)
        if value is not None and len(found.examples) < MAX_EXAMPLES:
            example = _example(value)
            if example not in found.examples:
                found.examples.append(example)
        return True


def columns_with_drift(state: Mapping[str, Any]) -> Sequence[str]:
    """Column and kind of each record: what somebody is told of once."""
    return [f"{one['column']}:{one['kind']}" for one in state.get("columns", ())]


def _example(value: Any) -> str:
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    # PostgreSQL's JSON holds no NUL.
    return text[:MAX_EXAMPLE].replace("\\u0000", "\\ufffd")
