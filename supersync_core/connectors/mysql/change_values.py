"""Values of columns as what JSON can say: from what the server prints, and from the bytes of its log.

Both give the same: numbers as numbers, decimals and times as texts, bits as a text of 0 and 1, bytes and geometries
(well-known binary, without SRID) as `{"_base64": ...}`, documents parsed. Zero dates are NULL, as everywhere
(`mysql_types`); a `timestamp` is in UTC and says so.
"""

import ipaddress
import struct
import uuid
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from pymysql.constants import FIELD_TYPE
from pymysqlreplication.json_binary import parse_json

from supersync_core.connectors.mysql.log_times import FromLog, date_of, datetime_of, time_of, timestamp_of, year_of
from supersync_core.connectors.mysql_types import Declared
from supersync_core.errors import SchemaMismatch

FromText = Callable[[bytes], Any]

_INTEGERS = {"tinyint", "smallint", "mediumint", "int", "bigint", "year"}
_BINARY = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
_GEOMETRIES = ("geometry", "point", "linestring", "polygon", "multi", "geomcollection")
_UUID_PARTS = ((12, 16), (10, 12), (8, 10), (6, 8), (0, 6))
"""MariaDB keeps the parts of a UUID of version 1 to 5 in an order in which they sort by time."""


def as_bytes(raw: bytes) -> dict[str, str]:
    """Bytes as base64."""
    return {"_base64": b64encode(raw).decode()}


def as_document(raw: bytes) -> Any:
    """A JSON document; one that no library holds stays a text."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode(errors="replace")


def is_binary(kind: str) -> bool:
    """Whether values of the type are bytes."""
    return kind in _BINARY or kind.startswith(_GEOMETRIES)


def from_text(declared: Declared) -> FromText:
    """The rule for what the server prints of a column, read as `mysql_types` says."""
    kind = "json" if declared.is_json else declared.kind
    if kind in _INTEGERS:
        return int
    if kind in ("float", "double"):
        return float
    if kind in ("date", "datetime"):
        return lambda raw: None if _is_zero(raw) else raw.decode()
    if kind == "timestamp":
        return lambda raw: None if _is_zero(raw) else f"{raw.decode()}+00"
    if kind == "bit":
        return lambda raw: _bits(raw, declared.size or 1)
    if kind == "json":
        return as_document
    return as_bytes if is_binary(kind) else lambda raw: raw.decode(errors="replace")


def from_log(declared: Declared, column: Any) -> FromLog:
    """The rule for a column of the log; `column` is the driver's, with its type and what that needs."""
    if column.type in _FIXED:
        plain, unsigned = _FIXED[column.type]
        return partial(_fixed, unsigned if column.unsigned else plain)
    if column.type in _BY_TYPE:
        return _BY_TYPE[column.type](column)
    if column.type in (FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING):
        return partial(_sized, 2 if column.max_length > 255 else 1, _from_bytes(declared, column))
    if column.type == FIELD_TYPE.JSON:
        return partial(_sized, column.length_size, _from_binary_json)
    if column.type in (FIELD_TYPE.BLOB, FIELD_TYPE.GEOMETRY):
        return partial(_sized, column.length_size, _from_bytes(declared, column))
    raise SchemaMismatch(f"column {declared.name!r} is of type {column.type} in the log, which is not known")


def _is_zero(raw: bytes) -> bool:
    return raw[:4] == b"0000" or raw[5:7] == b"00" or raw[8:10] == b"00"


def _bits(raw: bytes, size: int) -> str:
    return f"{int.from_bytes(raw, 'big'):0{size}b}"


def _from_bytes(declared: Declared, column: Any) -> FromText:
    kind = declared.kind
    if kind == "uuid":
        return _uuid
    if kind in ("inet4", "inet6"):
        return lambda raw: str(ipaddress.ip_address(_padded(raw, 4 if kind == "inet4" else 16)))
    if kind == "binary":
        return lambda raw: as_bytes(_padded(raw, declared.size or len(raw)))
    if kind.startswith(_GEOMETRIES):
        return lambda raw: as_bytes(raw[4:])
    if kind in _BINARY:
        return as_bytes
    if declared.is_json or kind == "json":
        return as_document
    return partial(_decoded, _codec(column.character_set_name))


def _from_binary_json(raw: bytes) -> Any:
    """MySQL's own form of documents; MariaDB keeps them as text."""
    return _plain(parse_json(raw[0], raw[1:])) if raw else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _uuid(raw: bytes) -> str:
    raw = _padded(raw, 16)
    # sql/sql_type_uuid.h, rec_need_swap: the variant where others have their version, and the version behind it.
    if raw[6] & 0x80 and 0 < raw[8] < 0x60:
        raw = b"".join(raw[begin:end] for begin, end in _UUID_PARTS)
    return str(uuid.UUID(bytes=raw))


def _padded(raw: bytes, size: int) -> bytes:
    """The log leaves zeros out at the end of what has a fixed size."""
    return raw.ljust(size, b"\0")


def _decoded(codec: str, raw: bytes) -> str:
    return raw.decode(codec, errors="replace")


def _codec(charset: str | None) -> str:
    # latin1 is the server's word for cp1252.
    known = {"utf8mb4": "utf8", "utf8mb3": "utf8", "latin1": "cp1252", "ucs2": "utf_16_be", "utf16": "utf_16_be"}
    known |= {"utf32": "utf_32_be", "utf16le": "utf_16_le", "binary": "utf8", "koi8r": "koi8_r", "koi8u": "koi8_u"}
    known |= {"latin2": "iso8859_2", "latin5": "iso8859_9", "latin7": "iso8859_13", "hebrew": "iso8859_8"}
    known |= {"greek": "iso8859_7", "sjis": "shift_jis", "ujis": "euc_jp", "euckr": "euc_kr", "tis620": "tis_620"}
    return known.get(charset or "utf8", charset or "utf8")


def _fixed(form: struct.Struct, data: bytes, at: int) -> tuple[Any, int]:
    return form.unpack_from(data, at)[0], at + form.size


def _sized(size: int, convert: FromText, data: bytes, at: int) -> tuple[Any, int]:
    begin = at + size
    end = begin + int.from_bytes(data[at:begin], "little")
    return convert(data[begin:end]), end


_FIXED = {
    FIELD_TYPE.TINY: (struct.Struct("<b"), struct.Struct("<B")),
    FIELD_TYPE.SHORT: (struct.Struct("<h"), struct.Struct("<H")),
    FIELD_TYPE.LONG: (struct.Struct("<i"), struct.Struct("<I")),
    FIELD_TYPE.LONGLONG: (struct.Struct("<q"), struct.Struct("<Q")),
    FIELD_TYPE.FLOAT: (struct.Struct("<f"), struct.Struct("<f")),
    FIELD_TYPE.DOUBLE: (struct.Struct("<d"), struct.Struct("<d")),
}


def _int24(column: Any) -> FromLog:
    def read(data: bytes, at: int) -> tuple[int, int]:
        return int.from_bytes(data[at : at + 3], "little", signed=not column.unsigned), at + 3

    return read


_DIGITS_BYTES = (0, 1, 1, 2, 2, 3, 3, 4, 4, 4)
"""Bytes of so many decimal digits; nine are the most."""


def _decimal(column: Any) -> FromLog:
    whole, scale = column.precision - column.decimals, column.decimals
    groups = [whole % 9, *[9] * (whole // 9)], [*[9] * (scale // 9), scale % 9]
    size = sum(_DIGITS_BYTES[digits] for part in groups for digits in part)

    def read(data: bytes, at: int) -> tuple[str, int]:
        raw = data[at : at + size]
        negative = not raw[0] & 0x80
        raw = bytes([raw[0] ^ 0x80, *raw[1:]])
        if negative:
            raw = bytes(byte ^ 0xFF for byte in raw)
        texts, place = [], 0
        for part in groups:
            text = ""
            for digits in part:
                end = place + _DIGITS_BYTES[digits]
                text += f"{int.from_bytes(raw[place:end], 'big'):0{digits}d}" if digits else ""
                place = end
            texts.append(text)
        number = (texts[0].lstrip("0") or "0") + (f".{texts[1]}" if scale else "")
        return f"-{number}" if negative and number.strip("0.") else number, at + size

    return read


def _bit(column: Any) -> FromLog:
    return lambda data, at: (_bits(data[at : at + column.bytes], column.bits), at + column.bytes)


def _enum(column: Any) -> FromLog:
    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + column.size
        # The first one is that of a value that was wrong: the empty text.
        return column.enum_values[int.from_bytes(data[at:end], "little")], end

    return read


def _set(column: Any) -> FromLog:
    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + column.size
        mask = int.from_bytes(data[at:end], "little")
        return ",".join(name for place, name in enumerate(column.set_values) if mask >> place & 1), end

    return read


_BY_TYPE: dict[int, Callable[[Any], FromLog]] = {
    FIELD_TYPE.INT24: _int24,
    FIELD_TYPE.YEAR: year_of,
    FIELD_TYPE.DATE: date_of,
    FIELD_TYPE.BIT: _bit,
    FIELD_TYPE.ENUM: _enum,
    FIELD_TYPE.SET: _set,
    FIELD_TYPE.NEWDECIMAL: _decimal,
    17: timestamp_of,
    18: datetime_of,
    19: time_of,
}
