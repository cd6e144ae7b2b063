"""The transactional outbox: rows of an outbox table, or logical messages, become events of their own.

Whoever changes data writes what others shall hear into an outbox table in the same transaction; this step turns each
such row into an event whose row is the payload, routed to a topic.
"""

from collections.abc import Sequence
from typing import Any, Literal

import orjson

from supersync_core.domain.change import Change, Op, Route, Values
from supersync_core.domain.templates import Template, compile_template
from supersync_core.engines.cdc.steps.config import StepConfig, matches
from supersync_core.errors import AbortError


class Columns(StepConfig):
    """Which column of the outbox table has what."""

    type: str = "columns"
    payload: str = "payload"
    aggregate_type: str = "aggregate_type"
    aggregate_id: str = "aggregate_id"
    event_type: str = "event_type"
    topic: str = "topic"
    event_id: str = "id"


class OutboxConfig(StepConfig):
    """Which tables are outboxes, and where their events go.

    The topic is what the template `topic` gives, else what the row's topic column has, else `default_topic`.
    `raw_payload`: the event on the wire is the payload alone. `strict`: a row without topic or payload ends the
    pipeline; else it is dropped.
    """

    type: Literal["outbox"] = "outbox"
    id: str = "outbox"
    tables: tuple[str, ...] = ()
    topic: str | None = None
    default_topic: str | None = None
    key: str | None = None
    columns: Columns = Columns()
    additional_headers: dict[str, str] = {}
    raw_payload: bool = False
    strict: bool = False


class Outbox:
    """Other events pass; updates and deletes of outbox rows are dropped: tidying up is no message."""

    def __init__(self, config: OutboxConfig) -> None:
        """Read the templates. Raises ConfigError."""
        self._config = config
        self._topic, self._key = _template(config.topic), _template(config.key)

    def __call__(self, changes: Sequence[Change]) -> Sequence[Change]:
        """Events, with the rows of outboxes as messages. Raises AbortError when it is strict."""
        found = []
        for change in changes:
            if not self._is_outbox(change):
                found.append(change)
            elif change.op in (Op.CREATE, Op.READ) and (message := self._message(change)) is not None:
                found.append(message)
        return found

    def _is_outbox(self, change: Change) -> bool:
        # A logical message has no table of its own; the source names it by the message's prefix.
        is_message = not change.table.columns
        return is_message or matches(change.table.name, change.table.full_name, self._config.tables)

    def _message(self, change: Change) -> Change | None:
        assert change.after is not None
        row, columns = change.after.values(), self._config.columns
        payload = _parsed(row.get(columns.payload))
        raw = Change(change.op, change.table, change.tx, change.index, None, _image(payload), change.id)
        topic = (self._topic and self._topic(raw)) or row.get(columns.topic) or self._config.default_topic
        if not topic or payload is None:
            if self._config.strict:
                raise AbortError(f"outbox: row {row.get(columns.event_id)!r} has no {'payload' if topic else 'topic'}")
            return None
        key = (self._key and self._key(raw)) or row.get(columns.aggregate_id)
        raw.route = Route(str(topic), None if key is None else str(key), self._headers(row), self._config.raw_payload)
        raw.synthetic = self._config.id
        raw.tx_end = change.tx_end
        return raw

    def _headers(self, row: dict[str, Any]) -> dict[str, str]:
        columns = self._config.columns
        given = {
            "df-event-id": row.get(columns.event_id),
            "df-aggregate-type": row.get(columns.aggregate_type),
            "df-aggregate-id": row.get(columns.aggregate_id),
            "df-event-type": row.get(columns.event_type),
            **{header: row.get(column) for header, column in self._config.additional_headers.items()},
        }
        return {name: str(value) for name, value in given.items() if value is not None}


def _template(text: str | None) -> Template | None:
    return compile_template(text, tenant="", connector="") if text else None


def _parsed(payload: Any) -> Any:
    """A payload in a text column may be JSON all the same."""
    if not isinstance(payload, str):
        return payload
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload


def _image(payload: Any) -> Values:
    return Values(payload if isinstance(payload, dict) else {"payload": payload})
