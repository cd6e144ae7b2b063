"""Tables as values: names, columns, schemas, and what a sync may do when they change."""

import hashlib
import json
from dataclasses import dataclass

from supersync_core.errors import ConfigError


@dataclass(frozen=True, order=True)
class TableName:
    """A table within a database, in the case its system keeps."""

    schema: str
    name: str

    def __str__(self) -> str:
        """As `schema.name`, quoted where a dot or a quote would mislead."""
        return ".".join(_quote(part) for part in (self.schema, self.name) if part)

    @classmethod
    def parse(cls, text: str, default_schema: str = "public") -> "TableName":
        """Read `name`, `schema.name` or quoted parts such as `"My schema"."a.b"`.

        Raises ConfigError when the text has no or more than two parts.
        """
        parts = _split(text)
        if not 1 <= len(parts) <= 2 or not all(parts):
            raise ConfigError(f'not a table name: {text!r}; write name, schema.name or "My schema"."my table"')
        return cls(*parts) if len(parts) == 2 else cls(default_schema, parts[0])


def _quote(part: str) -> str:
    return '"' + part.replace('"', '""') + '"' if any(c in part for c in '."') else part


def _split(text: str) -> list[str]:
    """Cut at dots outside double quotes; a doubled quote inside quotes is one quote."""
    parts, current, quoted, i = [], "", False, 0
    while i < len(text):
        c = text[i]
        if c == '"' and quoted and text[i + 1 : i + 2] == '"':
            current, i = current + '"', i + 1
        elif c == '"':
            quoted = not quoted
        elif c == "." and not quoted:
            parts.append(current)
            current = ""
        else:
            current += c
        i += 1
    return [] if quoted else [*parts, current]


@dataclass(frozen=True)
class Column:
    """A column. `type` is a PostgreSQL type as `format_type` prints it: every connector maps its own types onto these.

    `enum` has the labels of an enumerated type, else it is empty. `portable` says whether the binary COPY form of the
    type means the same on another server (false for types with a number of their own inside, such as arrays of enums).
    """

    name: str
    type: str
    nullable: bool = True
    enum: tuple[str, ...] = ()
    portable: bool = True


@dataclass(frozen=True)
class TableSchema:
    """The columns of a relation in order, and the columns of its primary key (empty: none)."""

    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Column:
        """The column of that name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        """Whether there is a column of that name."""
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that change when a name or a type does, and not when the order does."""
        text = json.dumps(sorted((c.name, c.type, c.enum) for c in self.columns))
        return hashlib.sha256(text.encode()).hexdigest()[:12]
