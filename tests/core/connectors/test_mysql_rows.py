"""What the server sends for a row is taken apart into what it was put together from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymysql.err import InternalError
from pymysql.protocol import MysqlPacket

from supersync_core.connectors.copy_text import Field
from supersync_core.connectors.mysql.rows import fields_of

LONG = {252: 2, 253: 3, 254: 8}
row = st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=8)


def sent(field: Field) -> bytes:
    """A field as the protocol has it."""
    if field is None:
        return b"\xfb"
    for first, width in LONG.items():
        if 251 <= len(field) < 1 << (8 * width):
            return bytes([first]) + len(field).to_bytes(width, "little") + field
    return bytes([len(field)]) + field


@given(row)
def test_fields_come_as_the_driver_reads_them(fields: list[Field]) -> None:
    packet = b"".join(map(sent, fields))
    driver = MysqlPacket(packet, "utf8")
    assert list(fields_of(packet, len(fields))) == [driver.read_length_coded_string() for _ in fields] == fields


@pytest.mark.parametrize("length", [0, 250, 251, 65_535, 65_536, 1 << 24])
def test_a_field_of_any_length_is_whole(length: int) -> None:
    fields = (b"x" * length, None, b"y")
    assert fields_of(b"".join(map(sent, fields)), 3) == fields


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x01a", id="one is missing"),
        pytest.param(b"\x01a\x02b", id="one is cut off"),
        pytest.param(b"\x01a\x01b\x01c", id="one too many"),
        pytest.param(b"\x01a\xff", id="no length"),
    ],
)
def test_a_row_that_is_not_its_fields_is_refused(row: bytes) -> None:
    with pytest.raises(InternalError, match="is not 2 fields"):
        fields_of(row, 2)
