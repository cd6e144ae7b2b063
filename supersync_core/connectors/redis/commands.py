"""XADD commands, packed by hand: what is the same for the events of a transaction and table is written once."""

from collections.abc import Sequence

import orjson

from supersync_core.connectors.messages import Message, Messages
from supersync_core.domain.change import Change, SourceTable, Transaction
from supersync_core.domain.streak import literal

_WORDS = (b"XADD", b"*", b"event_id", b"idempotency_key", b"df-event", b"df-key", b"df-headers")
_NAME, _ID, _EVENT_ID, _IDEMPOTENCY_KEY, _EVENT, _KEY, _HEADERS = (b"$%d\r\n%b\r\n" % (len(w), w) for w in _WORDS)


class Commands:
    """Packs the messages of one sink."""

    def __init__(self, messages: Messages) -> None:
        """`messages` knows the idempotency keys."""
        self._prefix = messages.idempotency_prefix
        self._tx: Transaction | None = None
        self._table: SourceTable | None = None
        self._destination = ""
        self._plain = b""

    def pack(self, message: Message) -> bytes:
        """The command that adds the message to its stream."""
        change, destination, key, payload, headers = message
        if change.id is not None or key is not None or headers is not None:
            return self._pack_other(message)
        end = b"%08x" % change.index
        return self._form(change, destination) % (end, end, len(payload), payload, end)

    def pack_alike(
        self, outline: Change, destination: str, payloads: Sequence[bytes], id_ends: Sequence[bytes]
    ) -> list[bytes]:
        """The commands for events of a streak, whose ids end so."""
        form = self._form(outline, destination)
        return [form % (end, end, len(payload), payload, end) for payload, end in zip(payloads, id_ends, strict=True)]

    def _form(self, change: Change, destination: str) -> bytes:
        """That of the one before, which nearly always is the same."""
        if change.tx is not self._tx or change.table is not self._table or destination != self._destination:
            self._tx, self._table, self._destination = change.tx, change.table, destination
            self._plain = self._plain_form(change, destination)
        return self._plain

    def _plain_form(self, change: Change, destination: str) -> bytes:
        """A format for events whose id follows from their index, which is then all that differs beside the event."""
        id_prefix = change.tx.id_prefix.encode()
        event_id = _bulk(id_prefix, 8)
        idempotency_key = _bulk(self._prefix(change).encode() + id_prefix, 8)
        head = b"*11\r\n" + _NAME + _bulk(destination.encode()) + _ID + _EVENT_ID
        return b"".join(
            (
                *(literal(head), event_id, _IDEMPOTENCY_KEY, idempotency_key),
                *(_EVENT, b"$%d\r\n%b\r\n", _KEY, event_id),
            )
        )

    def _pack_other(self, message: Message) -> bytes:
        event_id = message.change.event_id
        fields = [
            *(_EVENT_ID, _bulk(event_id.encode())),
            *(_IDEMPOTENCY_KEY, _bulk((self._prefix(message.change) + event_id).encode())),
            *(_EVENT, _bulk(message.payload)),
            *(_KEY, _bulk((message.key or event_id).encode())),
        ]
        if message.headers:
            fields += [_HEADERS, _bulk(orjson.dumps(dict(message.headers)))]
        return b"*%d\r\n%b%b%b%b" % (
            *(3 + len(fields), _NAME, _bulk(message.destination.encode()), _ID),
            b"".join(fields),
        )


def _bulk(data: bytes, digits: int = 0) -> bytes:
    """A string as Redis reads it; with `digits`, a format that puts so many behind it."""
    if not digits:
        return b"$%d\r\n%b\r\n" % (len(data), data)
    return b"$%d\r\n%b%%b\r\n" % (len(data) + digits, literal(data))
