"""What readers of chat exports share: values of strangers, the order of messages, pages and cursors."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

from supersync_core.domain.message import Channel, Message
from supersync_core.errors import BadData, NotFound

PAGE = 500
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Export(Protocol):
    """An export of one kind, as the files have it."""

    def channels(self) -> Iterable[Channel]:
        """The channels in it."""

    def messages(self, channel_id: str) -> Iterable[Message]:
        """All messages of a channel, in any order. Raises NotFound for a channel that is not in it."""


class ExportSource:
    """A `ChannelSource` over an export. Its cursor is the time and the id of a message; a channel is held in memory."""

    def __init__(self, export: Export) -> None:
        """Nothing is read yet."""
        self._export = export

    def channels(self) -> list[Channel]:
        """See `ChannelSource`."""
        return list(self._export.channels())

    def count(self, channel_id: str, after: str | None) -> int | None:
        """See `ChannelSource`."""
        return len(self._after(channel_id, after))

    def read(self, channel_id: str, after: str | None) -> Iterator[list[Message]]:
        """See `ChannelSource`."""
        found = self._after(channel_id, after)
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    def cursor(self, page: Sequence[Message]) -> str | None:
        """See `ChannelSource`."""
        return max(map(_place, page), default=None)

    def _after(self, channel_id: str, after: str | None) -> list[Message]:
        """Of a message that is in several files, the last one counts."""
        found = {one.id: one for one in self._export.messages(channel_id)}
        return sorted((one for one in found.values() if after is None or _place(one) > after), key=_place)


def _place(message: Message) -> str:
    """Where a message is in time: grows with it, also as text, and within one moment with ids that are numbers."""
    return f"{message.sent_at.astimezone(timezone.utc).isoformat(timespec='microseconds')}|{message.id.rjust(24, '0')}"


def read_json(path: Path, most_bytes: int) -> Any:
    """What a file of JSON says. Raises NotFound, and BadData for one that is too large or no JSON."""
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise BadData(f"{path} has {size} bytes, and {most_bytes} are read at most")
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error


def mapping_of(value: Any) -> Mapping[str, Any]:
    """An object; of anything else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list; of anything else an empty one."""
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """A text, or a number as text; of anything else an empty one."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def count_of(value: Any) -> int:
    """A count, 0 where there is none."""
    return min(value, 2**31 - 1) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def moment_of(value: Any, per_second: int = 1) -> datetime | None:
    """A time in seconds since 1970, or in parts of them, as number or text; None for anything that is no such time."""
    try:
        return EPOCH + timedelta(microseconds=int(value) * 1_000_000 // per_second)
    except (TypeError, ValueError, OverflowError):
        return None


def stamp_of(value: Any) -> datetime | None:
    """A time as ISO 8601 writes it, in UTC where it has no zone; None for anything that is none."""
    try:
        at = datetime.fromisoformat(text_of(value).replace("Z", "+00:00"))
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
