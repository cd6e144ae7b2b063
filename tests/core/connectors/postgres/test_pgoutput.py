from hypothesis import given
from hypothesis import strategies as st

from supersync_core.connectors.postgres.pgoutput import (
    HEADER,
    Begin,
    LogicalMessage,
    RelationColumn,
    RelationMessage,
    Truncate,
    read_begin,
    read_commit_end,
    read_message,
    read_relation,
    read_sent_ms,
    read_truncate,
    tuple_end,
    write_tuple,
)
from tests.core.connectors.postgres import messages

LSN = st.integers(0, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)
NAME = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
COLUMN = st.builds(RelationColumn, NAME, U32, st.integers(-(2**31), 2**31 - 1), st.booleans())
FIELDS = st.lists(st.none() | st.binary())


@given(LSN, st.integers(0, 2**41), U32)
def test_a_begin_is_read(lsn, ts_ms, xid):
    assert read_begin(messages.begin(lsn, ts_ms, xid)) == Begin(lsn, ts_ms, xid)


@given(LSN, LSN)
def test_the_end_of_a_commit_is_read(lsn, end):
    assert read_commit_end(messages.commit(lsn, end)) == end


@given(U32, NAME, NAME, st.sampled_from("dnfi"), st.lists(COLUMN))
def test_a_relation_is_read(oid, schema, name, identity, columns):
    data = messages.relation(oid, schema, name, columns, identity)
    assert read_relation(data) == RelationMessage(oid, schema, name, identity, tuple(columns))


def test_a_relation_without_a_schema_is_the_systems():
    assert read_relation(messages.relation(1, "", "pg_class", [])).schema == "pg_catalog"


@given(st.lists(U32))
def test_a_truncate_is_read(oids):
    assert read_truncate(messages.truncate(*oids)) == Truncate(tuple(oids))


@given(LSN, NAME, st.binary(), st.booleans())
def test_a_logical_message_is_read(lsn, prefix, content, transactional):
    data = messages.message(lsn, prefix, content, transactional=transactional)
    assert read_message(data) == LogicalMessage(transactional, lsn, prefix, content)


def test_the_time_of_sending_is_read_from_the_header():
    assert read_sent_ms(messages.message(1, "p", b"", sent_ms=1_700_000_000_123)) == 1_700_000_000_123


@given(FIELDS)
def test_a_row_ends_behind_its_last_column(fields):
    data = messages.insert(1, fields)
    assert tuple_end(data, HEADER + 6) == len(data)


@given(FIELDS)
def test_a_row_is_written_as_a_server_writes_it(fields):
    assert messages.row(fields)[2:] == write_tuple(fields)
