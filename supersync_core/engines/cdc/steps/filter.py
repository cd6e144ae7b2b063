"""Let through events by what happened, in which table, and to what values."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Literal

from pydantic import Field, model_validator

from supersync_core.domain.change import Change, Op
from supersync_core.engines.cdc.steps.config import StepConfig, matches, value_at

_OPS = {
    "create": Op.CREATE,
    "update": Op.UPDATE,
    "delete": Op.DELETE,
    "read": Op.READ,
    "truncate": Op.TRUNCATE,
}


class Comparison(str, Enum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    CHANGED = "changed"
    REGEX = "regex"


class FieldRule(StepConfig):
    """A claim about a field of the row as it is after the change; `path` is dotted."""

    type: str = "field"
    path: str = Field(min_length=1)
    op: Comparison
    value: Any = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "FieldRule":
        if self.op in (Comparison.IN, Comparison.NOT_IN) and not isinstance(self.value, list):
            raise ValueError(f"{self.op.value} needs a list as its value")
        if self.op is Comparison.REGEX:
            try:
                re.compile(str(self.value))
            except re.error as error:
                raise ValueError(f"the regular expression cannot be read: {error}") from error
        return self


class Tables(StepConfig):
    """Which tables; an empty `include` means all."""

    type: str = "tables"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class FilterConfig(StepConfig):
    """What is let through: an event that passes `ops`, `tables` and, all or any of them, `fields`."""

    type: Literal["filter"] = "filter"
    id: str = "filter"
    ops: tuple[Literal["create", "update", "delete", "read", "truncate"], ...] = ()
    tables: Tables = Tables()
    fields: tuple[FieldRule, ...] = ()
    match: Literal["all", "any"] = "all"


class Filter:
    """Drops what does not pass."""

    def __init__(self, config: FilterConfig) -> None:
        """Read the rules once."""
        self._config = config
        self._ops = frozenset(_OPS[op] for op in config.ops)
        self._rules = [_rule(rule) for rule in config.fields]
        self._tables: dict[str, bool] = {}

    def __call__(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Those that pass."""
        return [change for change in changes if self._passes(change)]

    def _passes(self, change: Change) -> bool:
        if self._ops and change.op not in self._ops:
            return False
        if not self._passes_by_table(change.table.name, change.table.full_name):
            return False
        if not self._rules:
            return True
        found = (rule(change) for rule in self._rules)
        return all(found) if self._config.match == "all" else any(found)

    def _passes_by_table(self, name: str, full_name: str) -> bool:
        known = self._tables.get(full_name)
        if known is None:
            tables = self._config.tables
            included = not tables.include or matches(name, full_name, tables.include)
            known = self._tables[full_name] = included and not matches(name, full_name, tables.exclude)
        return known


def _rule(rule: FieldRule) -> Callable[[Change], bool]:
    if rule.op is Comparison.CHANGED:
        return lambda change: _changed(change, rule.path)
    compare = _COMPARE[rule.op]
    value = re.compile(str(rule.value)) if rule.op is Comparison.REGEX else rule.value

    def passes(change: Change) -> bool:
        there, found = value_at(change.after.values() if change.after else None, rule.path)
        return compare(there, found, value)

    return passes


def _changed(change: Change, path: str) -> bool:
    """Creates and deletes change everything; an update whose old row is not known may have changed anything."""
    if change.before is None or change.after is None:
        return True
    there, before = value_at(change.before.values(), path)
    return not there or before != value_at(change.after.values(), path)[1]


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[bool, Any, Any], bool]:
    """Numbers with numbers, also those that are texts because they are exact; else texts with texts."""

    def ordered(there: bool, found: Any, value: Any) -> bool:
        if not there or found is None:
            return False
        try:
            return compare(float(found), float(value))
        except (TypeError, ValueError):
            return isinstance(found, str) and isinstance(value, str) and compare(found, value)

    return ordered


def _contains(there: bool, found: Any, value: Any) -> bool:
    return there and isinstance(found, str | list | dict) and value in found


_COMPARE: dict[Comparison, Callable[[bool, Any, Any], bool]] = {
    Comparison.EQ: lambda there, found, value: there and found == value,
    Comparison.NE: lambda there, found, value: not there or found != value,
    Comparison.EXISTS: lambda there, found, value: there and found is not None,
    Comparison.NOT_EXISTS: lambda there, found, value: not there or found is None,
    Comparison.GT: _ordered(lambda a, b: a > b),
    Comparison.GTE: _ordered(lambda a, b: a >= b),
    Comparison.LT: _ordered(lambda a, b: a < b),
    Comparison.LTE: _ordered(lambda a, b: a <= b),
    Comparison.IN: lambda there, found, value: there and found in value,
    Comparison.NOT_IN: lambda there, found, value: not there or found not in value,
    Comparison.CONTAINS: _contains,
    Comparison.REGEX: lambda there, found, value: isinstance(found, str) and value.search(found) is not None,
}
