"""Which tables are meant by the patterns of a CDC pipeline (DeltaForge: `tables`).

`schema.table`; a bare name for that table in any schema; `*` for everything; and `%` or `*` at the end of a part for
all that begins so. Nothing else is special. No patterns at all mean every table.
"""

from collections.abc import Iterable


def matches_name(pattern: str, name: str) -> bool:
    """Whether one part of a name is meant.

    >>> [matches_name(pattern, "orders_2024") for pattern in ("orders_2024", "orders_%", "*", "orders")]
    [True, True, True, False]
    """
    return name.startswith(pattern[:-1]) if pattern[-1:] in ("*", "%") else name == pattern


class TablePatterns:
    """Patterns, read once."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Every pattern is cut at its first dot, so a table's name may hold more of them."""
        self.patterns = tuple(patterns) or ("*",)
        self._parts = tuple(_cut(pattern) for pattern in self.patterns)

    def match(self, schema: str, name: str) -> bool:
        """Whether a table is meant."""
        return any(matches_name(s, schema) and matches_name(n, name) for s, n in self._parts)

    @property
    def mean_all(self) -> bool:
        """Whether every table is meant, whatever its name."""
        return any({schema, name} <= {"*", "%"} for schema, name in self._parts)

    def exact(self) -> tuple[tuple[str, str], ...]:
        """Schema and name of the patterns that mean one table by its full name."""
        return tuple(parts for parts in self._parts if not any(part[-1:] in ("*", "%") for part in parts))


def _cut(pattern: str) -> tuple[str, str]:
    schema, dot, name = pattern.partition(".")
    return (schema, name) if dot else ("*", pattern)
