"""Positions of PostgreSQL's log: what they hold, and how they compare."""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from supersync_core.domain.change import Position
from supersync_core.errors import PositionLost


def parse_lsn(text: str) -> int:
    """From `16/B374D848` to a number.

    >>> hex(parse_lsn("16/B374D848"))
    '0x16b374d848'
    """
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn: int) -> str:
    """The inverse of `parse_lsn`, as the server prints it.

    >>> format_lsn(0x16_0000_0001)
    '16/1'
    """
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


@dataclass(frozen=True)
class Progress:
    """How far a snapshot has come: tables before `table` in order are read, and of `table` the keys up to `key`.

    `base`: the place in the log where it began. `first`: nothing was read before it. `table` is empty when nothing is
    read yet, `key` is None when nothing of the table is. `since`: when what is read of the table was as it is in the
    source, all transactions below this number had ended.
    """

    base: int
    first: bool
    table: str = ""
    key: tuple[str, ...] | None = None
    since: int = 0


@dataclass(frozen=True)
class Place:
    """A place in the log, with how far the snapshot has come that is read from it.

    `origin`: identity of server and database. `made_slot`: the slot is there because of us. `snapshot`: None when it
    is complete or was never wanted. `step`: counts the chunks that are read at this place of the log.

    While the first snapshot is read, all at a place is before the log of there. What is read after an interruption is
    later in the log: so it is new also for a sink that had the whole snapshot when others had not.
    """

    lsn: int
    origin: str
    made_slot: bool = False
    snapshot: Progress | None = None
    step: int = 0

    def position(self) -> Position:
        """As the engine has it: `lsn` and `tx_id` as the API shows them, and under `state` what only we read."""
        state = {**self._state, "step": self.step} if self.step else self._state
        return Position((self.lsn, self._rank, self.step), {"lsn": format_lsn(self.lsn), "tx_id": None, "state": state})

    def at(self, lsn: int, tx_id: int | None) -> Position:
        """A later place in the log, the rest being the same. Made for every transaction: it shares all it can."""
        return Position((lsn, self._rank, 0), {"lsn": format_lsn(lsn), "tx_id": tx_id, "state": self._state})

    @cached_property
    def _rank(self) -> int:
        return 0 if self.snapshot is not None and self.snapshot.first else 1

    @cached_property
    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"origin": self.origin}
        if self.made_slot:
            state["made_slot"] = True
        if self.snapshot is not None:
            state["snapshot"] = asdict(self.snapshot)
        return state

    @classmethod
    def of(cls, position: Position) -> "Place":
        """Read a position that was stored. Raises PositionLost for one that is not ours."""
        try:
            lsn, state = parse_lsn(position.data["lsn"]), position.data["state"]
            place = cls(lsn, state["origin"], made_slot=state.get("made_slot", False), step=state.get("step", 0))
            if "snapshot" not in state:
                return place
            kept = dict(state["snapshot"])
            key = kept.pop("key")
            return replace(place, snapshot=Progress(**kept, key=None if key is None else tuple(key)))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PositionLost(
                f"the stored position {dict(position.data)!r} is none of PostgreSQL's log. Delete the pipeline and"
                " create it again with a snapshot"
            ) from None


def head_position(lsn: int) -> Position:
    """The place `lsn` in any log, to compare with."""
    return Position((lsn, 1, 0), {"lsn": format_lsn(lsn), "tx_id": None})


def lsn_of(position: Position) -> int:
    """Where in the log a position is."""
    return position.order[0]
