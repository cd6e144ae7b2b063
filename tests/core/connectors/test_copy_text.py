from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.connectors.copy_text import CopyTextWriter, batches, binary, converted, plain, read_rows, text
from supersync_core.errors import BadData

FIELDS = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])).map(str.encode)


def written(rows, *encoders):
    out = BytesIO()
    CopyTextWriter(out, [f"c{i}" for i in range(len(encoders))], encoders, ("c0",)).write(rows)
    return out.getvalue()


@pytest.mark.parametrize(
    ("field", "line"),
    [
        pytest.param(None, rb"\N", id="null"),
        pytest.param(b"", b"", id="empty is not null"),
        pytest.param(rb"\N", rb"\\N", id="text that looks like null"),
        pytest.param(rb"\.", rb"\\.", id="text that looks like the end"),
        pytest.param(b"a\tb\nc\rd\\", rb"a\tb\nc\rd" + b"\\\\", id="what would end a field"),
        pytest.param("žluť 🐎".encode(), "žluť 🐎".encode(), id="unicode"),
        pytest.param(b"\x01\x7f", b"\x01\x7f", id="other control characters"),
    ],
)
def test_a_text_is_escaped(field, line):
    assert written([(field,)], text) == line + b"\n"


def test_a_field_is_escaped_whatever_stands_beside_it():
    assert written([(b"plain", None), (None, b"\t")], text, text) == b"plain\t\\N\n\\N\t\\t\n"


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=20))
def test_what_is_written_is_read_back(rows):
    assert list(read_rows(BytesIO(written(rows, text, text)))) == rows


def test_the_end_marker_ends_the_rows():
    assert list(read_rows(BytesIO(b"a\n\\.\nb\n"))) == [(b"a",)]


def test_escapes_that_only_others_write_are_read():
    assert list(read_rows(BytesIO(rb"\101\x42\v\q"))) == [(b"AB\vq",)]


def test_bytes_become_hexadecimal():
    assert written([(b"\x00\xff",), (None,), (b"",)], binary) == b"\\\\x00ff\n\\N\n\\\\x\n"


def test_a_conversion_may_yield_null():
    halve = converted(lambda field: None if field == b"0" else b"half")
    assert written([(b"0",), (None,), (b"4",)], halve) == b"\\N\n\\N\nhalf\n"


def test_a_nul_character_is_refused_naming_the_column_and_the_row():
    with pytest.raises(BadData, match="column 'c1' holds a NUL character.*row with c0 = 7"):
        written([(b"6", None), (b"7", b"a\0b")], plain, text)


def test_no_rows_write_nothing():
    assert written([], text) == b""


def test_batches_end_after_so_many_rows():
    assert [len(batch) for batch in batches([(b"x",)] * 2500)] == [1000, 1000, 500]


def test_batches_end_after_so_many_bytes():
    assert [len(batch) for batch in batches([(b"x" * 400_000, None)] * 5)] == [3, 2]
