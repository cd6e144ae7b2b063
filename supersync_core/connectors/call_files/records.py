"""Records of files, in order, and what they say. A line that is no record is one that fails: none is left out."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol, TextIO

import orjson

from supersync_core.connectors.call_records import BadRecord, CallParser
from supersync_core.domain.historical_sync import Call
from supersync_core.errors import BadData

MAX_FIELD = 1 << 20
"""Characters in a field of a CSV file."""


class Records(Protocol):
    """The records of an open file."""

    def __iter__(self) -> Iterator[Any]:
        """Each as the others take it."""

    def parse(self, record: Any) -> Call:
        """The call. Raises BadRecord."""

    def moment(self, record: Any) -> datetime:
        """When it began. Raises BadRecord."""

    def shown(self, record: Any) -> Any:
        """The record for people, as text or as what JSON can say."""


class CsvRecords:
    """Lines with fields behind a header."""

    def __init__(self, file: TextIO, parser: CallParser) -> None:
        """Read the header. Raises BadData for one that is none."""
        csv.field_size_limit(MAX_FIELD)
        self._rows = csv.reader(file)
        try:
            self._names = next(self._rows, [])
        except csv.Error as error:
            raise BadData(f"the first line is no header: {error}") from error
        self._parser = parser.for_rows(self._names)

    def __iter__(self) -> Iterator[list[str] | str]:
        """Rows; what is wrong as text."""
        while True:
            try:
                for row in self._rows:
                    if row:
                        yield row
                return
            except csv.Error as error:
                yield f"the line is no CSV: {error}"

    def parse(self, record: Any) -> Call:
        """See `Records`."""
        return self._parser.parse(self._checked(record))

    def moment(self, record: Any) -> datetime:
        """See `Records`."""
        return self._parser.moment(self._checked(record))

    def shown(self, record: Any) -> Any:
        """See `Records`."""
        if isinstance(record, str):
            return record
        clean = [field.encode(errors="replace").decode() for field in record]
        return dict(zip(self._names, clean, strict=True)) if len(clean) == len(self._names) else ",".join(clean)

    def _checked(self, record: list[str] | str) -> list[str]:
        if isinstance(record, str):
            raise BadRecord(record)
        if len(record) != len(self._names):
            raise BadRecord(f"the line has {len(record)} fields, and the header {len(self._names)}")
        _check_text("".join(record))
        return record


class JsonRecords:
    """Lines with a JSON object each."""

    def __init__(self, file: TextIO, parser: CallParser) -> None:
        """Nothing is read yet."""
        self._file, self._parser = file, parser

    def __iter__(self) -> Iterator[str]:
        """Lines that are not empty."""
        return (line for line in self._file if not line.isspace())

    def parse(self, record: Any) -> Call:
        """See `Records`."""
        return self._parser.parse(_object(record))

    def moment(self, record: Any) -> datetime:
        """See `Records`."""
        return self._parser.moment(_object(record))

    def shown(self, record: Any) -> Any:
        """See `Records`."""
        return str(record).encode(errors="replace").decode().strip()


def _object(line: str) -> dict[str, Any]:
    _check_text(line)
    try:
        found = orjson.loads(line)
    except ValueError as error:
        raise BadRecord(f"the line is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadRecord("the line is no JSON object")
    return found


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRecord("the line is no UTF-8") from None
