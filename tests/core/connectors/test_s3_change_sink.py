"""What is the files' own in their change sink: columns, names, and when a file is complete."""

import json
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.connectors.s3.names import Ulids
from supersync_core.domain.change import Op, SourceColumn, SourceTable
from tests.changes import ORDERS, order, orders
from tests.lake import DAY, NOON_MS, files, make_sink, rows, table, write

__all__ = ["make_sink"]  # a fixture


def test_a_file_has_the_columns_of_the_event_and_of_the_row_on_both_sides(make_sink: Any, tmp_path: Path) -> None:
    sink = make_sink(prefix="/cdc/shop/")
    after = {**order(7, amount="2.50"), "name": {"_unchanged": True}}
    unit = MemoryChangeLog().commit((Op.UPDATE, ORDERS, order(7, "old"), after))
    write(sink, unit)
    assert sink.stored(finish=True) == unit.position
    (path,) = files(tmp_path)
    assert path.parent == tmp_path / "lake/cdc/shop" / DAY
    (row,) = rows(tmp_path)
    assert row == {
        **{"op": "u", "op_ts": datetime.fromtimestamp(NOON_MS / 1000, timezone.utc)},
        **{"source_db": "shop", "source_schema": "public", "source_table": "orders", "source_snapshot": False},
        **{"source_position": '{"place":1}', "event_id": unit.changes[0].event_id, "tx_id": "1"},
        **{"schema_version": None, "unchanged": ["name"]},
        **{"before_id": 7, "before_name": "old", "before_amount": Decimal("1.50")},
        **{"after_id": 7, "after_name": None, "after_amount": Decimal("2.50")},
    }


NEAR_SIX = datetime(2024, 1, 2, 3, 4, 5, 600000)
VALUES = [
    ("boolean", True, pa.bool_(), True),
    ("smallint", 2, pa.int32(), 2),
    ("bigint", 2**62, pa.int64(), 2**62),
    ("double precision", 1.5, pa.float64(), 1.5),
    ("numeric(12,2)", "1234567890.12", pa.decimal128(12, 2), Decimal("1234567890.12")),
    ("numeric", "1.23456789", pa.string(), "1.23456789"),
    ("text", "ä", pa.string(), "ä"),
    ("bytea", {"_base64": "AP8="}, pa.binary(), b"\x00\xff"),
    ("jsonb", {"a": [1]}, pa.string(), '{"a":[1]}'),
    ("text[]", ["a", None], pa.string(), '["a",null]'),
    ("date", "2024-02-29", pa.date32(), date(2024, 2, 29)),
    ("timestamp without time zone", "2024-01-02 03:04:05.6", pa.timestamp("us"), NEAR_SIX),
    (
        "timestamp with time zone",
        "2024-01-02 03:04:05.6+00",
        pa.timestamp("us", tz="UTC"),
        NEAR_SIX.replace(tzinfo=timezone.utc),
    ),
]


@pytest.mark.parametrize(("kind", "value", "arrow", "expected"), VALUES, ids=lambda v: str(v)[:30])
def test_values_have_the_type_of_their_column(
    make_sink: Any, tmp_path: Path, kind: str, value: Any, arrow: Any, expected: Any
) -> None:
    sink = make_sink()
    assert write(sink, MemoryChangeLog().insert(table("t", ("v", kind)), {"v": value}, {"v": None})) == []
    sink.stored(finish=True)
    (path,) = files(tmp_path)
    assert parquet.read_schema(path).field("after_v").type == arrow
    assert [row["after_v"] for row in rows(tmp_path)] == [expected, None]


def test_a_value_that_does_not_fit_is_refused_and_its_neighbours_are_not(make_sink: Any, tmp_path: Path) -> None:
    sink, unit = make_sink(), MemoryChangeLog().insert(ORDERS, order(1), order(2, amount="NaN"), order(3))
    (refusal,) = write(sink, unit)
    assert (refusal.change, refusal.kind) == (unit.changes[1], "serialization")
    sink.stored(finish=True)
    assert [row["after_id"] for row in rows(tmp_path)] == [1, 3]


@pytest.mark.parametrize(
    ("compression", "extension"), [("gzip", ".jsonl.gz"), ("zstd", ".jsonl.zst"), ("none", ".jsonl")]
)
def test_lines_are_events_in_the_native_form(make_sink: Any, tmp_path: Path, compression: str, extension: str) -> None:
    sink = make_sink(format="jsonl", compression=compression)
    log = MemoryChangeLog()
    for number in (1, 2):
        write(sink, orders(number, log=log))
    sink.stored(finish=True)
    (path,) = files(tmp_path)
    assert path.name.partition(".")[2] == extension[1:]
    with pa.OSFile(str(path)) as file:
        stream = file if compression == "none" else pa.CompressedInputStream(file, compression)
        assert [json.loads(line)["after"]["id"] for line in stream.read().splitlines()] == [1, 2]


def test_lines_are_not_compressed_with_snappy() -> None:
    with pytest.raises(ValidationError, match="snappy"):
        ChangeSinkConfig(id="s", bucket="b", format="jsonl", compression="snappy")
    assert ChangeSinkConfig(id="s", bucket="b", format="jsonl").compression == "gzip"


@pytest.mark.parametrize(
    ("roll", "numbers"),
    [
        ({"max_events": 3}, [1, 2, 3]),
        ({"max_bytes": 1}, [1]),
        ({"max_age_secs": 1e-9}, [1]),
        ({"idle_age_secs": 1e-9}, [1]),
    ],
    ids=str,
)
def test_a_file_is_complete_when_it_is_full_or_old_enough(
    make_sink: Any, tmp_path: Path, roll: dict[str, Any], numbers: list[int]
) -> None:
    sink, log = make_sink(file_roll=roll), MemoryChangeLog()
    for number in numbers:
        assert (sink.stored(finish=False), files(tmp_path)) == (None, [])
        unit = orders(number, log=log)
        write(sink, unit)
    assert sink.stored(finish=False) == unit.position
    assert [row["after_id"] for row in rows(tmp_path)] == numbers


def test_a_position_covers_what_is_in_files_only(make_sink: Any, tmp_path: Path) -> None:
    """The files of two tables are complete at different times."""
    sink, log = make_sink(file_roll={"max_events": 2}), MemoryChangeLog()
    first = log.insert(ORDERS, order(1), order(2))
    write(sink, first)
    assert sink.stored(finish=False) == first.position
    write(sink, log.insert(table("other", ("id", "integer")), {"id": 1}))
    write(sink, log.insert(ORDERS, order(3), order(4)))
    assert sink.stored(finish=False) == first.position
    assert len(files(tmp_path)) == 2
    empty = log.commit()
    write(sink, empty)
    assert sink.stored(finish=True) == empty.position
    assert len(files(tmp_path)) == 3


def test_each_table_version_and_day_has_a_file_of_its_own(make_sink: Any, tmp_path: Path) -> None:
    sink, log = make_sink(), MemoryChangeLog()
    wider = SourceTable("shop", "public", "orders", (*ORDERS.columns, SourceColumn("x", "text", True)), ("id",))
    odd = SourceTable("shop", "public", "a/b=c", ORDERS.columns, ("id",))
    for unit in (
        orders(1, log=log),
        log.insert(wider, {**order(2), "x": "new"}),
        log.commit((Op.CREATE, ORDERS, None, order(3)), ts_ms=NOON_MS + 86_400_000),
        log.insert(odd, order(4)),
    ):
        write(sink, unit)
    sink.stored(finish=True)
    places = [path.parent.relative_to(tmp_path / "lake").as_posix() for path in files(tmp_path)]
    columns = [parquet.read_metadata(path).num_columns for path in files(tmp_path)]
    tomorrow, escaped = DAY.replace("day=14", "day=15"), DAY.replace("orders", "a%2Fb%3Dc")
    assert sorted(zip(places, columns, strict=True)) == [(escaped, 17), (DAY, 17), (DAY, 19), (tomorrow, 17)]


def test_names_sort_by_the_order_in_which_they_were_made() -> None:
    ulids = Ulids()
    names = [ulids.next() for _ in range(1000)]
    assert names == sorted(set(names))
    assert {len(name) for name in names} == {26}
