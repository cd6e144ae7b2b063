"""What an event looks like on the wire: DeltaForge's native form, Debezium's, and CloudEvents.

An event is put together from bytes: rows as their images give them, and all that is the same for every change of a
kind in a transaction, made once.
"""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import orjson

from supersync_core.domain.change import Change, Op, SourceTable, Transaction
from supersync_core.domain.streak import Form, literal

Render = Callable[[Change], bytes]
"""From a change to the bytes of its event."""

_TYPES = {
    Op.CREATE: "created",
    Op.UPDATE: "updated",
    Op.DELETE: "deleted",
    Op.READ: "snapshot",
    Op.TRUNCATE: "truncated",
}


class Native:
    """The native form: before, after, source, op, ts_ms, transaction, event_id, tenant_id, and what else there is."""

    def __init__(self, *, pipeline: str, tenant: str, connector: str, version: str) -> None:
        """`connector`: the word in the `source` block, such as `postgresql`."""
        self._pipeline, self._connector, self._version = pipeline, connector, version
        self._tail = b'","tenant_id":%b' % orjson.dumps(tenant)
        self._tx: Transaction | None = None
        self._heads: dict[tuple[int, Op], bytes] = {}
        # Of the change before this one: most are of the same kind.
        self._table: SourceTable | None = None
        self._op: Op | None = None
        self._same = self._id_prefix = b""
        # Of the sensed schema: its version, and the same as bytes.
        self._sensed: tuple[str, int | None] | None = None
        self._sensed_tail = b""

    def __call__(self, change: Change) -> bytes:
        """The event's bytes."""
        if change.tx is not self._tx or change.op is not self._op or change.table is not self._table:
            self._turn_to(change)
        before = b"null" if change.before is None else change.before.json()
        after = b"null" if change.after is None else change.after.json()
        event_id = b"%b%08x" % (self._id_prefix, change.index) if change.id is None else change.id.encode()
        if change.schema_version is not None or change.tx_end or change.synthetic is not None:
            more = self._more(change)
            return b'{"before":%b,"after":%b%b%b%b%b}' % (before, after, self._same, event_id, self._tail, more)
        return b'{"before":%b,"after":%b%b%b%b}' % (before, after, self._same, event_id, self._tail)

    def form(self, outline: Change) -> Form:
        """For events of changes that are as this one, each with a row after it."""
        self._turn_to(outline)
        tail = literal(self._same + self._id_prefix) + b"%b" + literal(self._tail) + b"}"
        return Form(b'{"before":null,"after":', tail)

    def _turn_to(self, change: Change) -> None:
        if change.tx is not self._tx:
            self._tx, self._heads = change.tx, {}
            self._id_prefix = change.tx.id_prefix.encode()
        self._table, self._op = change.table, change.op
        kind = (id(change.table), change.op)
        head = self._heads.get(kind)
        if head is None:
            head = self._heads[kind] = self._head(change)
        self._same = head

    def _head(self, change: Change) -> bytes:
        table, tx = change.table, change.tx
        source = {
            "version": self._version,
            "connector": self._connector,
            "name": self._pipeline,
            "ts_ms": tx.ts_ms,
            "db": table.database,
            **({"schema": table.schema} if table.schema else {}),
            "table": table.name,
            "snapshot": "true" if change.op is Op.READ else "false",
            **tx.source,
        }
        rest = {"source": source, "op": change.op.value, "ts_ms": tx.ts_ms, "transaction": {"id": tx.id}}
        return b"," + orjson.dumps(rest)[1:-1] + b',"event_id":"'

    def _more(self, change: Change) -> bytes:
        schema = b""
        if change.schema_version is not None:
            if (change.schema_version, change.schema_sequence) != self._sensed:
                self._sensed = change.schema_version, change.schema_sequence
                version = {"schema_version": change.schema_version, "schema_sequence": change.schema_sequence}
                self._sensed_tail = b"," + orjson.dumps(version)[1:-1]
            schema = self._sensed_tail
            if not change.tx_end and change.synthetic is None:
                return schema
        more: dict[str, Any] = {}
        if change.synthetic is not None:
            more["synthetic"] = change.synthetic
        if change.tx_end:
            more["tx_end"] = True
        return schema + b"," + orjson.dumps(more)[1:-1]


class Debezium:
    """Debezium's form: the native event as `payload`, without a schema."""

    def __init__(self, native: Native) -> None:
        """What writes the payload."""
        self._native = native

    def __call__(self, change: Change) -> bytes:
        """The event's bytes."""
        return b'{"schema":null,"payload":%b}' % self._native(change)

    def form(self, outline: Change) -> Form:
        """See `Native`."""
        head, tail = self._native.form(outline)
        return Form(b'{"schema":null,"payload":' + head, tail + b"}")


def cloudevents(*, pipeline: str, type_prefix: str) -> Render:
    """A CloudEvent 1.0 in structured mode (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md)."""

    def render(change: Change) -> bytes:
        name = change.table.full_name
        at = datetime.fromtimestamp(change.tx.ts_ms / 1000, timezone.utc)
        head = {
            "specversion": "1.0",
            "id": change.event_id,
            "source": f"deltaforge/{pipeline}/{name}",
            "type": f"{type_prefix}.{_TYPES[change.op]}",
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "subject": name,
        }
        images = [(b'"before":', change.before), (b'"after":', change.after)]
        rows = b"".join(label + image.json() + b"," for label, image in images if image is not None)
        return b'%b,"data":{%b"op":"%b"}}' % (orjson.dumps(head)[:-1], rows, change.op.value.encode())

    return render
