"""Files of calls: what is a record, what is none, and where reading goes on."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from supersync_core.connectors.call_files import source
from supersync_core.connectors.call_files.config import Config
from supersync_core.connectors.call_files.source import CallFiles
from supersync_core.connectors.calls import CallPage
from supersync_core.domain.historical_sync import Span
from supersync_core.errors import Cancelled, NotFound

JANUARY = Span(datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 2, 1, tzinfo=timezone.utc))
DAY = timedelta(days=1)
HEADER = "call_id,started_at,duration\n"


def pages(folder: Path, position: str | None = None, **more: object) -> list[CallPage]:
    """Of all files, one after the other."""
    files = CallFiles(Config.model_validate({"path": str(folder), **more}), "agency")
    return [page for window in files.windows(JANUARY, DAY) for page in files.read(window, position)]


def ids(found: list[CallPage]) -> list[str]:
    return [call.call_id for page in found for call in page.calls]


def errors(found: list[CallPage]) -> list[str]:
    return [failed.error for page in found for failed in page.failed]


CSV: list[tuple[str, list[str], list[str]]] = [
    ("a,2025-01-01T00:00:00Z,1\n", ["a"], []),
    ("a,2025-01-01,\n", ["a"], []),
    ("a,2024-12-31T23:59:59Z,1\nb,2025-02-01T00:00:00Z,1\n", [], []),
    ("a,2025-02-01T00:30:00+01:00,1\n", ["a"], []),
    ('"a ""b"", c",2025-01-02,1\n"d\ne",2025-01-02,1\n', ['a "b", c', "d\ne"], []),
    ("a,2025-01-01,1\n\n\nb,2025-01-01,1", ["a", "b"], []),
    ("é,2025-01-01,1\n", ["é"], []),
    (",2025-01-01,1\n", [], ["call_id is missing"]),
    ("a,,1\n", [], ["started_at is missing"]),
    ("a,soon,1\n", [], ["started_at is no time: 'soon'"]),
    ("a,2025-01-01,-1\n", [], ["duration is no number of seconds: '-1'"]),
    ("a,2025-01-01,99999999999\n", [], ["duration is no number of seconds: '99999999999'"]),
    ("a,2025-01-01\nb,2025-01-01,1\n", ["b"], ["the line has 2 fields, and the header 3"]),
    ("a\x00,2025-01-01,1\n", [], ["call_id holds a NUL character, which PostgreSQL's text cannot"]),
    ("a" * 501 + ",2025-01-01,1\n", [], ["call_id is longer than 500 characters"]),
    ("a,2024-01-01,-1\n", [], []),
]


@pytest.mark.parametrize(("content", "calls", "failed"), CSV)
def test_lines_of_a_csv_file(tmp_path: Path, content: str, calls: list[str], failed: list[str]) -> None:
    (tmp_path / "a.csv").write_text(HEADER + content)
    found = pages(tmp_path)
    assert (ids(found), errors(found)) == (calls, failed)


def test_what_is_no_utf_8_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\xff,2025-01-01,1\nb,2025-01-01,1\n")
    (tmp_path / "b.jsonl").write_bytes(b'{"id": "\xff", "date": "2025-01-01"}\n{"id": "c", "date": "2025-01-01"}\n')
    found = pages(tmp_path)
    assert (ids(found), errors(found)) == (["b", "c"], ["the line is no UTF-8"] * 2)


JSON: list[tuple[str, list[str], list[str]]] = [
    ('{"id": "a", "date": "2025-01-01", "duration": 1.5, "tags": ["x"]}\n', ["a"], []),
    ('{"id": 7, "date": 1735725600}\n', ["7"], []),
    ("[1]\n", [], ["the line is no JSON object"]),
    ('{"id": ["a"], "date": "2025-01-01"}\n', [], ["call_id is no text"]),
    (
        '{"id": "a", "date": "2025-01-01", "note": "\\u0000"}\n',
        [],
        ["the record holds a NUL character, which PostgreSQL's text cannot"],
    ),
    ('{"id": "a", "date": true}\n', [], ["started_at is no time: True"]),
    ('{"id": "a", "date": 1e300}\n', [], ["started_at is no time: 1e+300"]),
    ('{"id": "a", "date": "2025-01-01", "duration": false}\n', [], ["duration is no number of seconds: False"]),
]


@pytest.mark.parametrize(("content", "calls", "failed"), JSON)
def test_lines_of_a_json_file(tmp_path: Path, content: str, calls: list[str], failed: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    found = pages(tmp_path)
    assert (ids(found), errors(found)) == (calls, failed)


def test_reading_goes_on_from_any_page_and_counts_what_it_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "PAGE", 3)
    (tmp_path / "a.csv").write_text(HEADER + "".join(f"c{n},2025-01-0{1 + n % 9},1\nbroken\n" for n in range(10)))
    found = pages(tmp_path)
    assert len(found) == 7
    for index, page in enumerate(found):
        assert pages(tmp_path, page.position) == found[index + 1 :]
    files = CallFiles(Config(path=str(tmp_path)), "agency")
    assert files.count(JANUARY) == 20 == sum(len(page.calls) + len(page.failed) for page in found)


def test_other_names_of_fields_can_be_told_and_all_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Call ID,When,campaign\na,2025-01-01,spring\n")
    (page,) = pages(tmp_path, columns={"call_id": "Call ID", "started_at": "When"}, provider="acme")
    assert [(call.provider, call.call_id, call.extra) for call in page.calls] == [
        ("acme", "a", '{"campaign":"spring"}')
    ]


def test_files_below_are_read_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/b.NDJSON").write_text('{"id": "b", "date": "2025-01-01"}\n')
    (tmp_path / "a.csv").write_text(HEADER + "a,2025-01-01,1\n")
    (tmp_path / "c.txt").write_text(HEADER + "c,2025-01-01,1\n")
    (tmp_path / "empty.csv").write_text("")
    assert ids(pages(tmp_path)) == ["a", "b"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no folder"):
        pages(tmp_path / "none")


def test_a_cancel_ends_at_the_next_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "PAGE", 1)
    (tmp_path / "a.csv").write_text(HEADER + "a,2025-01-01,1\n" * 9)
    files = CallFiles(Config(path=str(tmp_path)), "agency")
    (window,) = files.windows(JANUARY, DAY)
    reading = files.read(window, None)
    next(reading)
    files.cancel()
    with pytest.raises(Cancelled):
        next(reading)
    with pytest.raises(Cancelled):
        files.count(JANUARY)
