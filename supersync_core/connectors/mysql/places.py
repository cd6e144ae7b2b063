"""Positions of the binary log: what they hold, and how they compare."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from supersync_core.domain.change import Position
from supersync_core.errors import PositionLost

_NUMBER = re.compile(r"(.*)\.([0-9]+)")


@dataclass(frozen=True)
class Progress:
    """How far a snapshot has come: tables before `table` in order are read, and of `table` the keys up to `key`.

    `base`: the place in the log where it began, as one number. `first`: nothing was read before it. `table` is empty
    when nothing is read yet, `key` is None when nothing of the table is.
    """

    base: int
    first: bool
    table: str = ""
    key: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Place:
    """A place in the log of a server, with how far the snapshot has come that is read from it.

    `origin`: identity of the server. `snapshot`: None when it is complete or was never wanted. `step`: counts the
    chunks that are read at this place. While the first snapshot is read, all at a place is before the log of there.
    """

    file: str
    pos: int
    origin: str
    snapshot: Progress | None = None
    step: int = 0

    def position(self, gtid: str | None = None) -> Position:
        """As the engine has it: `file` and `pos` as the API shows them, and under `state` what only we read."""
        state: dict[str, Any] = {"origin": self.origin}
        if self.snapshot is not None:
            state["snapshot"] = asdict(self.snapshot)
        if self.step:
            state["step"] = self.step
        rank = 0 if self.snapshot is not None and self.snapshot.first else 1
        data = {"file": self.file, "pos": self.pos, **({"gtid_set": gtid} if gtid else {}), "state": state}
        return Position((file_number(self.file), self.pos, rank, self.step), data)

    def at(self, file: str, pos: int) -> "Place":
        """A later place in the log, the rest being the same."""
        return replace(self, file=file, pos=pos, step=0)

    @property
    def number(self) -> int:
        """The place as one number below 2^64: places of one log grow with it."""
        return place_number(self.file, self.pos)

    @classmethod
    def of(cls, position: Position) -> "Place":
        """Read a position that was stored. Raises PositionLost for one that is not ours."""
        try:
            data, state = position.data, position.data["state"]
            place = cls(data["file"], data["pos"], state["origin"], step=state.get("step", 0))
            file_number(place.file)
            if "snapshot" not in state:
                return place
            kept = dict(state["snapshot"])
            key = kept.pop("key")
            return replace(place, snapshot=Progress(**kept, key=None if key is None else tuple(key)))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PositionLost(
                f"the stored position {dict(position.data)!r} is none of a binary log. Delete the pipeline and create"
                " it again with a snapshot"
            ) from None


def file_number(file: str) -> int:
    """Files of a log are numbered.

    >>> file_number("mysql-bin.000012")
    12
    """
    match = _NUMBER.fullmatch(file)
    if match is None:
        raise ValueError(f"{file!r} is no file of a binary log")
    return int(match[2])


def place_number(file: str, pos: int) -> int:
    """See `Place.number`."""
    return (file_number(file) << 32) + pos
