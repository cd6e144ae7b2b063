"""The log as units, from messages as a server sends them."""

import itertools
from unittest.mock import patch

import pytest

from supersync_core.connectors.postgres import relations as relations_module
from supersync_core.connectors.postgres import stream as stream_module
from supersync_core.connectors.postgres.places import lsn_of
from supersync_core.domain.change import Op
from supersync_core.errors import Cancelled
from tests.conformance.scenes import shown
from tests.core.connectors.postgres import messages as m
from tests.core.connectors.postgres.messages import ITEMS, SECRETS, transaction


def test_a_transaction_is_handed_out_at_its_end(line, stream):
    begin, *rest, commit = transaction(1100, ITEMS, m.insert(1, [b"1", b"a"]), m.insert(1, [b"2", None]))
    line.bring(begin, *rest)
    assert stream.read(0) == []
    line.bring(commit)
    (unit,) = stream.read(0)
    assert shown(unit.changes) == [
        ("c", "items", None, {"id": 1, "name": "a"}),
        ("c", "items", None, {"id": 2, "name": None}),
    ]
    assert (lsn_of(unit.position), unit.position.data["tx_id"]) == (1108, 1100)
    assert unit.bytes == len(b"".join([begin, *rest, commit]))
    tx = unit.changes[0].tx
    assert (tx.id, tx.ts_ms, tx.position) == ("1100", 1_700_000_000_000, unit.position)
    assert tx.source == {"lsn": "0/44C", "txId": 1100, "xmin": None}


def test_it_does_not_matter_how_messages_come(line, make_stream):
    messages = [
        *transaction(1100, ITEMS, m.insert(1, [b"1", b"a"])),
        m.keepalive(1150),
        *transaction(1200, m.update(1, [b"1", b"b"]), m.delete(1, [b"1", None])),
        *transaction(1300, m.truncate(1)),
    ]
    seen = set()
    for cuts in itertools.product([False, True], repeat=len(messages) - 1):
        stream = make_stream()
        batch = []
        for message, cut in zip(messages, (*cuts, True), strict=True):
            batch.append(message)
            if cut:
                line.bring(*batch)
                batch = []
        units = [unit for _ in messages for unit in stream.read(0)]
        seen.add(str([(lsn_of(unit.position), shown(unit.changes)) for unit in units]))
    assert len(seen) == 1


def test_old_rows_are_told_as_the_log_has_them(line, stream):
    line.bring(
        *transaction(
            1100,
            ITEMS,
            m.update(1, [b"1", b"b"]),
            m.update(1, [b"2", b"b"], [b"1", None], b"K"),
            m.update(1, [b"2", b"c"], [b"2", b"b"], b"O"),
            m.update(1, [b"2", m.UNCHANGED]),
            m.delete(1, [b"2", None], b"K"),
            m.delete(1, [b"3", b"x"], b"O"),
        )
    )
    (unit,) = stream.read(0)
    assert shown(unit.changes) == [
        ("u", "items", None, {"id": 1, "name": "b"}),
        ("u", "items", {"id": 1}, {"id": 2, "name": "b"}),
        ("u", "items", {"id": 2, "name": "b"}, {"id": 2, "name": "c"}),
        ("u", "items", None, {"id": 2, "name": {"_unchanged": True}}),
        ("d", "items", {"id": 2}, None),
        ("d", "items", {"id": 3, "name": "x"}, None),
    ]


def test_what_is_not_asked_for_is_left_out_and_counted(line, stream):
    line.bring(
        *transaction(
            1100,
            ITEMS,
            SECRETS,
            m.insert(2, [b"1", b"a"]),
            m.update(2, [b"1", b"b"]),
            m.delete(2, [b"1", None]),
            m.truncate(2, 1),
            m.message(1, "unknown", b"{}"),
            m.insert(1, [b"1", b"a"]),
        )
    )
    (unit,) = stream.read(0)
    assert [(change.op, change.index) for change in unit.changes] == [(Op.TRUNCATE, 4), (Op.CREATE, 6)]


def test_types_and_origins_are_passed_over(line, stream):
    line.bring(
        *transaction(1100, m.framed(b"O" + bytes(9)), m.framed(b"Y" + bytes(9)), ITEMS, m.insert(1, [b"1", b"a"]))
    )
    (unit,) = stream.read(0)
    assert len(unit.changes) == 1


def test_a_transaction_without_changes_of_ours_is_no_unit(line, stream):
    line.bring(*transaction(1100), *transaction(1200, SECRETS, m.insert(2, [b"1", b"a"])))
    assert stream.read(0) == []


def test_one_read_is_bounded_by_bytes_at_the_end_of_a_transaction(line, stream):
    large = b"x" * (stream_module.READ_BYTES // 2)
    for number in range(5):
        line.bring(*transaction(1100 + 100 * number, ITEMS, m.insert(1, [b"1", large])))
    assert [len(stream.read(1)) for _ in range(3)] == [2, 2, 1]


def test_messages_in_and_between_transactions_are_units_in_order(line, make_stream):
    stream = make_stream(prefixes=["out_*"])
    line.bring(
        *transaction(1100, m.message(1050, "out_a", b'{"id": 1}')),
        m.message(1200, "out_b", b"[1]", transactional=False, sent_ms=1_700_000_000_123),
        m.message(1250, "other", b"{}", transactional=False),
        *transaction(1300, m.message(1260, "out_a", b"\xff"), ITEMS, m.insert(1, [b"1", b"a"])),
    )
    units = stream.read(0)
    changes = [change for unit in units for change in unit.changes]
    assert [(lsn_of(unit.position), len(unit.changes)) for unit in units] == [(1108, 1), (1201, 1), (1308, 2)]
    assert shown(changes[:3]) == [
        ("c", "out_a", None, {"id": 1}),
        ("c", "out_b", None, {"payload": [1]}),
        ("c", "out_a", None, {"payload": "\ufffd"}),
    ]
    assert changes[0].table is changes[2].table
    assert [change.tx_end for change in changes] == [True, True, False, True]
    assert changes[1].tx.ts_ms == 1_700_000_000_123
    assert len({change.event_id for change in changes}) == 4


def test_a_cancel_ends_a_read(stream):
    stream.cancel()
    with pytest.raises(Cancelled):
        stream.read(30)


def test_a_cancel_that_comes_after_the_end_is_nothing(stream):
    stream.close()
    stream.cancel()


def test_a_table_that_is_gone_by_now_has_its_types_by_number_and_its_key_from_the_log(line, stream):
    with patch.object(relations_module, "describe", lambda *_, **__: {}):
        line.bring(*transaction(1100, ITEMS, m.insert(1, [b"1", b"a"])))
        (unit,) = stream.read(0)
    table = unit.changes[0].table
    assert (table.full_name, table.primary_key) == ("public.items", ("id",))
    assert [(column.name, column.type) for column in table.columns] == [("id", "type 23"), ("name", "type 25")]
