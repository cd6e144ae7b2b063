"""From a record of any source, names and values as it gives them, to a call."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone
from operator import itemgetter
from typing import Any

import orjson

from supersync_core.domain.historical_sync import Call, FailedRecord

FIELDS: dict[str, tuple[str, ...]] = {
    "provider": ("provider",),
    "call_id": ("call_id", "id", "sid"),
    "started_at": ("started_at", "start_time", "started", "date"),
    "duration_s": ("duration_s", "duration_seconds", "duration"),
    "direction": ("direction",),
    "from_number": ("from_number", "from", "caller", "customer_phone_number"),
    "to_number": ("to_number", "to", "callee", "business_phone_number"),
    "status": ("status",),
}
"""What a call has, and the names that each goes by where nobody says another."""
MAX_ID, MAX_TEXT, MAX_RECORD = 500, 10_000, 10_000
"""Characters. A record that fails is kept up to so many."""
MAX_DURATION_S = 2**31 - 1


class BadRecord(ValueError):
    """The record is no call; says why."""


def parse_moment(value: Any) -> datetime:
    """The moment that ISO 8601 or seconds since 1970 say; without a zone it is UTC. Raises BadRecord."""
    try:
        if isinstance(value, str):
            # Python 3.10 does not read the Z.
            moment = datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, timezone.utc)
    except (ValueError, OverflowError, OSError):
        pass
    if value is None or value == "":
        raise BadRecord("started_at is missing")
    raise BadRecord(f"started_at is no time: {_shown(value)}")


def parse_duration(value: Any) -> int | None:
    """Whole seconds; None where there is none. Raises BadRecord."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    try:
        seconds = int(float(value)) if not isinstance(value, bool) else -1
    except (TypeError, ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds <= MAX_DURATION_S:
        raise BadRecord(f"duration is no number of seconds: {_shown(value)}")
    return seconds


class CallParser:
    """Makes calls from records whose fields have other names."""

    def __init__(self, provider: str, columns: Mapping[str, str] | None = None) -> None:
        """`provider`: of records that name none; `columns`: their names by ours."""
        self._provider = provider
        named = columns or {}
        self._names = {ours: (named[ours],) if ours in named else theirs for ours, theirs in FIELDS.items()}

    def moment(self, record: Mapping[str, Any]) -> datetime:
        """When the call began. Raises BadRecord."""
        return parse_moment(next((record[name] for name in self._names["started_at"] if name in record), None))

    def parse(self, record: Mapping[str, Any]) -> Call:
        """The call. Raises BadRecord."""
        known = self._found(record)
        used = set(known)
        rest = {name: value for name, value in record.items() if name not in used}
        return self._call([record[name] if name is not None else None for name in known], rest)

    def for_rows(self, names: Sequence[str]) -> "RowParser":
        """For records that are rows of fields with these names."""
        places = [names.index(name) if name is not None else len(names) for name in self._found(names)]
        rest = [(place, name) for place, name in enumerate(names) if place not in places]
        return RowParser(self._call, places, rest)

    def _found(self, names: Collection[str]) -> list[str | None]:
        """By our names, in their order, those of the record."""
        return [next((one for one in theirs if one in names), None) for theirs in self._names.values()]

    def _call(self, values: Sequence[Any], rest: Mapping[Any, Any]) -> Call:
        provider, call_id, started_at, duration_s, direction, from_number, to_number, status = values
        call_id = _text(call_id, "call_id", MAX_ID)
        if call_id is None:
            raise BadRecord("call_id is missing")
        return Call(
            _text(provider, "provider", MAX_ID) or self._provider,
            call_id,
            parse_moment(started_at),
            parse_duration(duration_s),
            _text(direction, "direction", MAX_TEXT),
            _text(from_number, "from_number", MAX_TEXT),
            _text(to_number, "to_number", MAX_TEXT),
            _text(status, "status", MAX_TEXT),
            _json(rest) if rest else None,
        )


class RowParser:
    """Makes calls from rows: what is where is known once for all of them."""

    def __init__(
        self,
        build: Callable[[Sequence[Any], Mapping[Any, Any]], Call],
        places: Sequence[int],
        rest: Sequence[tuple[int, str]],
    ) -> None:
        """`places`: of our fields, past the end for one that is not there; `rest`: places and names of all others."""
        self._build, self._rest = build, rest
        self._pick = itemgetter(*places)
        self._moment = places[list(FIELDS).index("started_at")]

    def moment(self, row: list[str]) -> datetime:
        """When the call began. Raises BadRecord."""
        return parse_moment(row[self._moment] if self._moment < len(row) else None)

    def parse(self, row: list[str]) -> Call:
        """The call. Raises BadRecord."""
        return self._build(self._pick([*row, ""]), {name: row[place] for place, name in self._rest})


def failed_record(ref: str, record: Any, error: Exception | str) -> FailedRecord:
    """The record as it is kept."""
    text = record if isinstance(record, str) else orjson.dumps(record, default=str).decode()
    return FailedRecord(ref, text.replace("\x00", "\ufffd")[:MAX_RECORD], str(error)[:MAX_TEXT])


def _text(value: Any, name: str, limit: int) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        text = value
    elif isinstance(value, dict | list):
        raise BadRecord(f"{name} is no text")
    else:
        text = str(value)
    if len(text) > limit:
        raise BadRecord(f"{name} is longer than {limit} characters")
    if "\x00" in text:
        raise BadRecord(f"{name} holds a NUL character, which PostgreSQL's text cannot")
    return text


def _json(rest: Mapping[Any, Any]) -> str:
    try:
        text = orjson.dumps(rest, default=str).decode()
    except (TypeError, ValueError) as error:
        raise BadRecord(f"the record is no JSON: {error}") from None
    if "\\u0000" in text:
        raise BadRecord("the record holds a NUL character, which PostgreSQL's text cannot")
    return text


def _shown(value: Any) -> str:
    return repr(value)[:80]
