"""What a series of changes of one table comes to: one thing per key, so that it can be applied set by set.

table is emptied, if it was truncated          then: rows that are gone        then: rows as they are now
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.postgres.fields import UNCHANGED, Fields

Key = tuple[Field, ...]


@dataclass
class Net:
    """What is to be done. `rows`: by key, a row as it is after all, None for one that is gone.

    `only_new`: the source has made all of them, so the target should have none of their keys.

    `moves`: rows whose key changed while some of their values were not told: these can only be taken from the target's
    own row, so each is done by itself before the rest, and nothing that came before it is left in `rows`.
    """

    emptied: bool = False
    only_new: bool = True
    rows: dict[Key, Fields | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Move:
    """The row `old` gets the values of `row`, its key included; what is UNCHANGED stays."""

    old: Key
    row: Fields


Step = Net | Move


class Coalescer:
    """Takes the changes of one table in order."""

    def __init__(self, key: Iterable[int]) -> None:
        """`key`: the places of the key's columns."""
        self._key = list(key)
        self._single = self._key[0] if len(self._key) == 1 else None
        self.net = Net()
        self.steps: list[Step] = [self.net]

    def key_of(self, row: Fields) -> Key:
        """The key of a row."""
        if self._single is not None:
            return (row[self._single],)
        return tuple(row[place] for place in self._key)

    def truncate(self) -> None:
        """All rows are gone."""
        self.net.emptied, self.net.only_new = True, False
        self.net.rows.clear()

    def delete(self, old: Fields) -> None:
        """A row is gone."""
        self.net.only_new = False
        self.net.rows[self.key_of(old)] = None

    def insert(self, row: Fields) -> None:
        """A row is new."""
        self.net.rows[self.key_of(row)] = row

    def put(self, row: Fields, old: Fields | None = None) -> None:
        """A row is other, or was there; `old` is the row before, where the log tells it."""
        self.net.only_new = False
        key = self.key_of(row)
        before = key if old is None else self.key_of(old)
        if UNCHANGED in row:
            known = self.net.rows.get(before)
            if known is not None:
                row = tuple(b if a is UNCHANGED else a for a, b in zip(row, known, strict=True))
        if before == key:
            self.net.rows[key] = row
        elif UNCHANGED in row:
            self.steps.append(Move(before, row))
            self.net = Net()
            self.steps.append(self.net)
        else:
            self.net.rows[before] = None
            self.net.rows[key] = row
