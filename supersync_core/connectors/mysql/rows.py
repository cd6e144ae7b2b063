"""Rows as the server sends them, taken apart.

A row of text is its fields, each with its length before it; a NULL is one byte, 251
(https://mariadb.com/kb/en/resultset-row/). The driver makes four calls for each field, which is most of what it costs
to read a table.
"""

from pymysql.err import InternalError

from supersync_core.connectors.copy_text import Field

_NULL = 251
_WIDTHS = {252: 2, 253: 3, 254: 8}
"""How many bytes the length takes that follows such a byte; a smaller byte is the length itself."""


def fields_of(row: bytes, count: int) -> tuple[Field, ...]:
    """The fields of a row with `count` columns. Raises InternalError when they are not all of it."""
    fields: list[Field] = []
    place = 0
    try:
        for _ in range(count):
            length = row[place]
            place += 1
            if length == _NULL:
                fields.append(None)
                continue
            if length > _NULL:
                width = _WIDTHS[length]
                length = int.from_bytes(row[place : place + width], "little")
                place += width
            fields.append(row[place : place + length])
            place += length
    except LookupError:
        place = -1
    if place != len(row):
        raise InternalError(f"a row of {len(row)} bytes is not {count} fields")
    return tuple(fields)
