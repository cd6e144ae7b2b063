"""Files that cannot be finished: no part of them is ever seen, and nothing of them is lost."""

import errno
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs, parquet

from supersync_core.connectors.memory import MemoryChangeLog
from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.connectors.s3.spool import Spool
from supersync_core.connectors.s3.store import of_os
from supersync_core.domain.change import Op
from supersync_core.errors import AccessDenied, NotFound, SupersyncError, Unavailable
from tests.changes import ORDERS, order, orders
from tests.lake import DAY, directory_of, files, lines, make_sink, rows, table, write
from tests.proxy import proxy_to
from tests.servers import s3_bucket, s3_files, s3_port

__all__ = ["make_sink", "s3_bucket", "s3_port"]  # fixtures


def test_nothing_is_seen_of_a_file_that_cannot_be_finished_and_it_comes_later(
    make_sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, unit = make_sink(), orders(1, 2)
    write(sink, unit)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            sink.stored(finish=True)
        assert files(tmp_path) == []
    assert sink.stored(finish=True) == unit.position
    assert [row["after_id"] for row in rows(tmp_path)] == [1, 2]


def test_a_full_disk_takes_a_batch_as_a_whole_or_not_at_all(
    make_sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, log = make_sink(format="jsonl"), MemoryChangeLog()
    write(sink, orders(1, log=log))
    other = table("other", ("id", "integer"))
    unit = log.commit((Op.CREATE, ORDERS, None, order(2)), (Op.CREATE, other, None, {"id": 5}))
    write_all = os.write

    def full(descriptor: int, data: Any) -> int:
        if b"other" in bytes(data):
            write_all(descriptor, bytes(data)[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_all(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for _ in range(2):
            with pytest.raises(Unavailable, match="No space left"):
                write(sink, unit)
    write(sink, unit)
    sink.stored(finish=True)
    found = {directory_of(path): [event["after"]["id"] for event in lines(path)] for path in files(tmp_path)}
    assert found == {"table=orders": [1, 2], "table=other": [5]}


def test_what_was_in_no_file_leaves_nothing_behind(make_sink: Any, tmp_path: Path) -> None:
    sink = make_sink(spool_directory=tmp_path)
    write(sink, orders(1))
    assert list(tmp_path.iterdir()) == [tmp_path / "lake"]
    sink.close()
    assert files(tmp_path) == []


def test_what_a_run_that_died_left_unfinished_is_removed(make_sink: Any, tmp_path: Path) -> None:
    unfinished = tmp_path / "lake" / DAY / ".01ABC.parquet.unfinished"
    unfinished.parent.mkdir(parents=True)
    unfinished.touch()
    make_sink()
    assert files(tmp_path) == []


def test_files_that_grow_at_once_are_limited(make_sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("supersync_core.connectors.s3.change_sink"), "MAX_SPOOLS", 3)
    sink, log = make_sink(format="jsonl"), MemoryChangeLog()
    for number in range(8):
        write(sink, log.insert(table(f"t{number}", ("id", "integer")), {"id": number}))
    assert [directory_of(path) for path in files(tmp_path)] == ["table=t0", "table=t1", "table=t2", "table=t3"]
    sink.stored(finish=True)
    assert len(files(tmp_path)) == 8


def test_an_outage_of_the_store_leaves_no_partial_file_and_loses_nothing(
    make_sink: Any, s3_port: int, s3_bucket: str
) -> None:
    log = MemoryChangeLog()
    client = s3_files(s3_port)
    everything = fs.FileSelector(s3_bucket, recursive=True)
    with proxy_to(s3_port) as line:
        keys = {"access_key_id": "a", "secret_access_key": "b", "endpoint": f"http://127.0.0.1:{line.port}"}
        sink = make_sink(bucket=s3_bucket, local=False, send_timeout_secs=5, **keys)
        write(sink, orders(1, log=log))
        line.cut()
        for number in (2, 3):
            with pytest.raises(Unavailable):
                sink.stored(finish=True)
            last = orders(number, log=log)
            write(sink, last)
        assert client.get_file_info(everything) == []
        line.restore()
        assert sink.stored(finish=True) == last.position
    (path,) = [info.path for info in client.get_file_info(everything) if info.is_file]
    assert path.startswith(f"{s3_bucket}/{DAY}/")
    assert parquet.read_table(path, filesystem=client, partitioning=None)["after_id"].to_pylist() == [1, 2, 3]


def test_a_bucket_that_is_not_there_is_a_mistake(make_sink: Any, s3_port: int) -> None:
    keys = {"access_key_id": "a", "secret_access_key": "s3cret"}
    with pytest.raises(NotFound, match="nowhere"):
        make_sink(bucket="nowhere", local=False, endpoint=f"http://127.0.0.1:{s3_port}", **keys)
    assert "s3cret" not in repr(ChangeSinkConfig(id="s", bucket="b", **keys))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError("AWS Error ACCESS_DENIED during PutObject operation"), AccessDenied),
        (OSError("AWS Error NO_SUCH_BUCKET during CreateMultipartUpload"), NotFound),
        (OSError("AWS Error NETWORK_CONNECTION during PutObject"), Unavailable),
        (PermissionError(errno.EACCES, "Permission denied"), AccessDenied),
        (OSError(errno.ENOSPC, "No space left on device"), Unavailable),
    ],
    ids=str,
)
def test_each_error_is_told_apart(error: OSError, kind: type[SupersyncError]) -> None:
    assert type(of_os(error)) is kind


def test_a_spool_gives_back_its_pieces(tmp_path: Path) -> None:
    spool = Spool(tmp_path, None)
    for piece in (b"a", b"", b"c" * 100_000):
        spool.append(piece, 1)
    assert [len(piece) for piece in spool.pieces()] == [1, 0, 100_000]
    assert spool.events == 3
    spool.close()
