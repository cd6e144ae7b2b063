"""Names of jobs and datasets, and what the events of a run say together."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supersync_core.domain.openlineage import (
    BYTES,
    END,
    MAX_ADDRESS,
    MAX_SIDE,
    ROWS,
    Dataset,
    RunRecord,
    Word,
    job_name,
    shortened,
)
from supersync_core.domain.pipeline import MAX_NAME, fold_name

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)

times = st.integers(0, 3).map(lambda minutes: NOON + timedelta(minutes=minutes))
datasets = st.frozensets(st.builds(Dataset, st.sampled_from("ab"), st.sampled_from("xyz")))
topics = st.sampled_from([(END,), (ROWS, "a", "x"), (ROWS, "a", "y"), (BYTES, "a", "x")])
words = st.dictionaries(topics, st.builds(Word, times, st.sampled_from(["failed", "succeeded", 1, 2, {"a": 1}])))
records = st.builds(RunRecord, times, words, datasets, datasets)


@given(records, records, records)
def test_records_join_in_any_order_and_however_often(a: RunRecord, b: RunRecord, c: RunRecord) -> None:
    assert a.joined(b) == b.joined(a)
    assert a.joined(b).joined(c) == a.joined(b.joined(c))
    assert a.joined(a) == a


@given(records)
def test_a_record_is_read_as_it_was_kept(record: RunRecord) -> None:
    assert RunRecord.from_json(record.to_json()) == record


def test_of_very_many_datasets_the_same_ones_are_kept_in_any_order() -> None:
    parts = [
        RunRecord(NOON, inputs=frozenset(Dataset("n", f"{number:05}") for number in range(begin, begin + 700)))
        for begin in (0, 500, 2000)
    ]
    one, other = parts[0].joined(parts[1]).joined(parts[2]), parts[2].joined(parts[0]).joined(parts[1])
    assert one == other
    assert len(one.inputs) == MAX_SIDE


@given(st.text(max_size=200), st.text(max_size=200))
def test_names_that_are_others_stay_others_when_they_are_shortened(one: str, other: str) -> None:
    short = [shortened(name, 40) for name in (one, other)]
    assert max(map(len, short)) <= 40
    assert (fold_name(short[0]) == fold_name(short[1])) == (fold_name(one) == fold_name(other))


def test_a_name_that_looks_like_a_shortened_one_is_no_other_names() -> None:
    short = job_name("airflow", "x" * 200)
    assert len(short) == MAX_NAME
    assert shortened(short, MAX_NAME) != short


def test_the_longest_address_fits_into_an_index() -> None:
    longest = max((chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000), key=_bytes_of_key)
    assert len(fold_name(shortened(longest * 2000, MAX_ADDRESS)).encode()) < 2700
    assert len(fold_name(shortened(longest * MAX_ADDRESS, MAX_ADDRESS)).encode()) < 2700


def _bytes_of_key(character: str) -> int:
    return len(fold_name(character * 8).encode())


@pytest.mark.parametrize(
    ("namespace", "type_"),
    [
        ("postgres://db:5432", ("postgres", "database")),
        ("Snowflake://org-account", ("snowflake", "database")),
        ("bigquery", ("bigquery", "database")),
        ("arn:aws:glue:us-east-1:123", ("glue", "database")),
        ("kafka://broker:9092", ("kafka", "stream")),
        ("pubsub", ("pubsub", "stream")),
        ("s3://bucket", ("s3", "file")),
        ("abfss://c@s.dfs.core.windows.net", ("abfss", "file")),
        ("file", ("file", "file")),
        ("food_delivery", ("dataset", "database")),
        ("://", ("dataset", "database")),
    ],
)
def test_the_type_of_an_address_is_its_namespaces_scheme(namespace: str, type_: tuple[str, str]) -> None:
    assert Dataset(namespace, "a").type == type_
