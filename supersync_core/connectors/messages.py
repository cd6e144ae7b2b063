"""From changes to messages: what all sinks do that send one message per event.

The work is done per event some hundred thousand times a second, so all that is the same for the events of one table and
kind is done once a batch.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

import orjson

from supersync_core.connectors.changes import Refused, SinkContext
from supersync_core.connectors.sink_config import EventFilter, MessageSinkBase
from supersync_core.domain.change import Change, Op, SourceTable
from supersync_core.domain.envelopes import Debezium, Native, Render, cloudevents
from supersync_core.domain.streak import Form, Streak
from supersync_core.domain.templates import Template, compile_template
from supersync_core.errors import BadData

SERIALIZATION, ROUTING, TOO_LARGE = "serialization", "routing", "too_large"
"""The kinds of `Refused`."""

_HEADER_SAFE = "".join(character for character in map(chr, range(0x20, 0x7F)) if character != "%")
_OF_ROW = re.compile(r"\$\{(?:after|before)\.")


class Message(NamedTuple):
    """An event as it goes out. `key`: None for the event's id. `headers`: those that a processor gave it, if any."""

    change: Change
    destination: str
    key: str | None
    payload: bytes
    headers: Mapping[str, str] | None


class Alike(NamedTuple):
    """Messages that differ by their rows and ids only. `outline`: of their changes, see `Streak`."""

    outline: Change
    destination: str
    form: Form


class NoDestination(Exception):
    """The template that says where events go is empty for this one."""


class Messages:
    """Makes messages for one sink."""

    def __init__(
        self,
        config: MessageSinkBase,
        context: SinkContext,
        *,
        destination: str,
        key: str | None = None,
        default_key: Template | None = None,
    ) -> None:
        """`destination`, `key`: templates. Where the key is empty, `default_key` says it, else it is the event's id.

        Raises ConfigError for a template that cannot be read.
        """

        def compiled(text: str) -> Template:
            return compile_template(text, tenant=context.tenant, connector=context.connector)

        self.of_row = bool(_OF_ROW.search(destination))
        """Whether a value of a row decides where its event goes."""
        self._text, self._destination = destination, compiled(destination)
        self._key = compiled(key) if key else None
        self._default_key = default_key
        self._render = build_renderer(config, context)
        self._wanted = build_filter(config.filter)
        # What may differ from event to event beside row and id: then they are written one by one.
        is_alike = not (self.of_row or self._key or default_key or self._wanted)
        self._form = self._render.form if is_alike and isinstance(self._render, Native | Debezium) else None
        self._tenant = context.tenant

    def prepare(self, batch: Iterable[Change]) -> tuple[list[Message], list[Refused]]:
        """Messages in the order of their events, and the events of which none can be made; without unwanted ones."""
        messages: list[Message] = []
        refused: list[Refused] = []
        append, message_of = messages.append, self._maker()
        for change in batch if self._wanted is None else filter(self._wanted, batch):
            try:
                append(message_of(change))
            except NoDestination:
                refused.append(Refused(change, ROUTING, f"the template {self._text!r} is empty for this event"))
            except (TypeError, ValueError, BadData) as error:
                refused.append(Refused(change, SERIALIZATION, f"the event cannot be written as JSON: {error}"))
        return messages, refused

    def of_streak(self, streak: Streak) -> Alike | None:
        """What the messages of a streak have in common; None when they must be made one by one."""
        if self._form is None or not streak.is_plain:
            return None
        outline = streak.outline()
        destination = self._destination(outline)
        return Alike(outline, destination, self._form(outline)) if destination else None

    def idempotency_prefix(self, change: Change) -> str:
        """What stands before the event's id in its idempotency key: `{tenant}|{db}.{table}|{tx id}|`."""
        return f"{self._tenant}|{change.table.database}.{change.table.name}|{change.tx.id}|"

    def idempotency_key(self, change: Change) -> str:
        """The same whenever this change is read."""
        return self.idempotency_prefix(change) + change.event_id

    def _maker(self) -> Callable[[Change], Message]:
        """What makes the messages of one batch. A destination is kept for as long as table and kind are the same."""
        render, of_row, key_of, default_key = self._render, self.of_row, self._key, self._default_key
        new = tuple.__new__  # half the time of the constructor
        last_table: SourceTable | None = None
        last_op: Op | None = None
        destination = ""

        def make(change: Change) -> Message:
            nonlocal last_table, last_op, destination
            if change.table is not last_table or change.op is not last_op or of_row:
                destination = self._destination(change)
                last_table, last_op = change.table, change.op
            key = (key_of(change) if key_of else None) or (default_key(change) if default_key else None) or None
            if change.route is not None:
                return self._routed(change, destination, key)
            if not destination:
                raise NoDestination
            return new(Message, (change, destination, key, render(change), None))

        return make

    def _routed(self, change: Change, destination: str, key: str | None) -> Message:
        """The message of an event that a processor sends somewhere."""
        route = change.route
        assert route is not None
        if not (route.topic or destination):
            raise NoDestination
        headers = route.headers or None
        return Message(change, route.topic or destination, route.key or key, self._render(change), headers)


def build_renderer(config: MessageSinkBase, context: SinkContext) -> Render:
    """What writes the events of a sink."""
    if config.envelope.type == "cloudevents":
        return cloudevents(pipeline=context.pipeline, type_prefix=config.envelope.type_prefix or "")
    native = Native(
        pipeline=context.pipeline, tenant=context.tenant, connector=context.connector, version=context.version
    )
    return Debezium(native) if config.envelope.type == "debezium" else native


def build_filter(wanted: EventFilter | None) -> Callable[[Change], bool] | None:
    """Whether a sink takes an event; None when it takes all."""
    if wanted is None or wanted == EventFilter():
        return None

    def passes(change: Change) -> bool:
        if change.synthetic is None:
            return not wanted.synthetic_only
        return not wanted.exclude_synthetic and (not wanted.producers or change.synthetic in wanted.producers)

    return passes


def primary_key_json(change: Change) -> str:
    """The primary key as JSON, so that all events of a row have one key; empty where there is none."""
    key = change.key()
    return orjson.dumps(key).decode() if key else ""


def header_text(text: str) -> str:
    """A text as a header can hold it: what is not printable ASCII, and the percent sign, in percent-encoding."""
    return text if text.isascii() and text.isprintable() and "%" not in text else quote(text, safe=_HEADER_SAFE)


def too_large(message: Message, limit_bytes: int) -> Refused:
    """The refusal of an event that is larger than the sink takes."""
    return Refused(
        message.change, TOO_LARGE, f"the event has {len(message.payload)} bytes, and the sink takes {limit_bytes}"
    )


def halving(changes: Sequence[Change], attempt: Callable[[Sequence[Change]], None]) -> list[Refused]:
    """Attempt all, else each half, in order, until the single ones are known that raise BadData: they are returned."""
    if not changes:
        return []
    try:
        attempt(changes)
    except BadData as error:
        if len(changes) == 1:
            return [Refused(changes[0], SERIALIZATION, str(error))]
        middle = len(changes) // 2
        return halving(changes[:middle], attempt) + halving(changes[middle:], attempt)
    return []


def in_order(batch: Sequence[Change], refused: list[Refused]) -> list[Refused]:
    """The refusals in the order of their events."""
    if len(refused) > 1:
        places = {id(change): place for place, change in enumerate(batch)}
        refused.sort(key=lambda refusal: places[id(refusal.change)])
    return refused
