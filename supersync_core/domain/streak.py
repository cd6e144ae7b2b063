"""Many changes of one kind, one after the other: kept as they came, and made into `Change`s only when somebody looks.

Most of what a busy log holds is inserts into one table, or updates of it, by the thousand. Where nobody needs each of
them on its own, a sink writes them all in one go, in less than half the time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from struct import pack
from typing import NamedTuple, overload

from supersync_core.domain.change import Change, Op, SourceTable, Transaction


class _Lazy(Sequence[Change], ABC):
    """Changes that are made when they are looked at, each once: what is noted at one of them stays."""

    __slots__ = ("_made",)

    def __init__(self) -> None:
        # Two threads may look at the same time: the first one to be done has made them for both.
        self._made: dict[str, list[Change]] = {}

    @abstractmethod
    def _make(self) -> list[Change]:
        """All of them, in order."""

    @property
    def all(self) -> list[Change]:
        """All of them, in order. The caller must not change the list."""
        made = self._made.get("all")
        return made if made is not None else self._made.setdefault("all", self._make())

    @overload
    def __getitem__(self, place: int) -> Change: ...
    @overload
    def __getitem__(self, place: slice) -> list[Change]: ...
    def __getitem__(self, place: int | slice) -> Change | list[Change]:
        return self.all[place]

    def __iter__(self) -> Iterator[Change]:
        return iter(self.all)


class Form(NamedTuple):
    """What stands before and behind the row in each event of a streak.

    Both are formats in which a percent sign is doubled; `tail` has a `%b` for the end of the id, see `Streak.id_ends`.
    """

    head: bytes
    tail: bytes


def literal(text: bytes) -> bytes:
    """A text as a part of a format: percent signs are doubled."""
    return text.replace(b"%", b"%%")


class Streak(_Lazy):
    """Creations or updates in one table and transaction, without images before them. `first`: the first one's index."""

    __slots__ = ("first", "op", "table", "tx")

    def __init__(self, op: Op, table: SourceTable, tx: Transaction, first: int) -> None:
        """What they have in common."""
        super().__init__()
        self.op, self.table, self.tx, self.first = op, table, tx, first

    def outline(self) -> Change:
        """What they have in common, as a change without a row."""
        return Change(self.op, self.table, self.tx, self.first, None, None)

    @property
    def is_plain(self) -> bool:
        """Whether nobody has looked at single changes: who has may have noted something at them."""
        return not self._made

    @property
    @abstractmethod
    def size(self) -> int:
        """In bytes, as they came."""

    @abstractmethod
    def written(self, form: Form, begin: int, id_ends: Sequence[bytes]) -> list[bytes]:
        """Events from that place on, as many as there are ends of ids, rows as JSON. Raises what `Image.json` does."""

    def id_ends(self, begin: int, end: int) -> list[bytes]:
        """What the ids of the changes at those places have behind the prefix of their transaction: index by index."""
        # At once, as it is three times as fast as one by one.
        digits = pack(f">{end - begin}I", *range(self.first + begin, self.first + end)).hex().encode()
        return [digits[at : at + 8] for at in range(0, len(digits), 8)]


class Changes(_Lazy):
    """Changes of which some are streaks."""

    __slots__ = ("_count", "parts")

    def __init__(self, parts: Sequence[Sequence[Change]]) -> None:
        """`parts`: streaks and lists, in order, none of them empty."""
        super().__init__()
        self.parts, self._count = parts, sum(map(len, parts))

    def __len__(self) -> int:
        """How many."""
        return self._count

    def _make(self) -> list[Change]:
        return list(chain.from_iterable(self.parts))


def parts_of(changes: Sequence[Change]) -> Sequence[Sequence[Change]]:
    """Streaks, and between them sequences of changes of any kind, none of them empty."""
    if isinstance(changes, Changes):
        return changes.parts
    return [changes] if changes else []


def joined(pieces: Iterable[Sequence[Change]]) -> Sequence[Change]:
    """All of them, one after the other; streaks stay what they are."""
    parts: list[Sequence[Change]] = []
    for part in chain.from_iterable(map(parts_of, pieces)):
        last = parts[-1] if parts else None
        if isinstance(last, list) and not isinstance(part, Streak):
            last += part
        else:
            parts.append(part if isinstance(part, Streak) else list(part))
    return parts[0] if len(parts) == 1 else Changes(parts)


def first_transaction(changes: Sequence[Change]) -> Transaction:
    """Of the first change; there must be one."""
    part = parts_of(changes)[0]
    return part.tx if isinstance(part, Streak) else part[0].tx


def last_transaction(changes: Sequence[Change]) -> Transaction:
    """Of the last change; there must be one."""
    part = parts_of(changes)[-1]
    return part.tx if isinstance(part, Streak) else part[-1].tx
