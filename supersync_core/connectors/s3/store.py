"""Where complete files go. A file is there as a whole, under its name, or it is not there."""

import errno
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.fs as fs

from supersync_core.connectors.s3.change_config import ChangeSinkConfig
from supersync_core.errors import AbortError, AccessDenied, NotFound, SupersyncError, Unavailable

UNFINISHED = ".unfinished"
_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID", "FORBIDDEN")
_BY_ERRNO: dict[int | None, type[SupersyncError]] = {
    errno.EACCES: AccessDenied,
    errno.EPERM: AccessDenied,
    errno.EROFS: AccessDenied,
    errno.ENOTDIR: NotFound,
    errno.EEXIST: NotFound,
}


class Store(Protocol):
    """A bucket, or a directory."""

    def check(self) -> None:
        """Look whether it is there. Raises our errors."""

    def put(self, path: str, write: Callable[[Any], None]) -> None:
        """Make the file `path` of what `write` writes. Raises our errors: then there is no such file."""


class Directory:
    """A directory of this machine: files grow beside their place under a hidden name, then they are renamed."""

    def __init__(self, config: ChangeSinkConfig) -> None:
        """Nothing is touched yet."""
        self._root = Path(config.bucket)
        self._prefix = config.prefix

    def check(self) -> None:
        """Make it if need be; remove what a run that died has left unfinished."""
        with translated():
            self._root.mkdir(parents=True, exist_ok=True)
            for unfinished in (self._root / self._prefix.strip("/")).rglob(f".*{UNFINISHED}"):
                unfinished.unlink()

    def put(self, path: str, write: Callable[[Any], None]) -> None:
        """Write, sync, rename."""
        place = self._root / path
        growing = place.with_name(f".{place.name}{UNFINISHED}")
        with translated():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                with growing.open("wb") as out:
                    write(out)
                    out.flush()
                    os.fsync(out.fileno())
                growing.rename(place)
            except BaseException:
                growing.unlink(missing_ok=True)
                raise


class Bucket:
    """A bucket: a file is made on this machine, then uploaded in one go; it shows when the upload is complete."""

    def __init__(self, config: ChangeSinkConfig) -> None:
        """Nothing is connected yet."""
        self._config = config
        scheme, _, host = (config.endpoint or "").rpartition("://")
        options: dict[str, Any] = {
            "region": config.region or ("us-east-1" if config.endpoint else None),
            "endpoint_override": host or None,
            "scheme": scheme or None,
            "force_virtual_addressing": config.virtual_hosted_style,
            "request_timeout": config.send_timeout_secs,
            "connect_timeout": min(10.0, config.send_timeout_secs),
            "retry_strategy": fs.AwsStandardS3RetryStrategy(max_attempts=1),
            "background_writes": False,
        }
        if config.access_key_id and config.secret_access_key:
            options |= {
                "access_key": config.access_key_id,
                "secret_key": config.secret_access_key.get_secret_value(),
            }
        with translated():
            self._system = fs.S3FileSystem(**{name: value for name, value in options.items() if value is not None})

    def check(self) -> None:
        """Look for the bucket."""
        with translated():
            if self._system.get_file_info(self._config.bucket).type == fs.FileType.NotFound:
                raise NotFound(f"there is no bucket {self._config.bucket!r}")

    def put(self, path: str, write: Callable[[Any], None]) -> None:
        """Make the file, then upload it."""
        with translated(), tempfile.TemporaryFile(prefix="supersync-", dir=self._config.spool_directory) as made:
            write(made)
            made.flush()
            with mmap.mmap(made.fileno(), 0, access=mmap.ACCESS_READ) as content:
                self._upload(f"{self._config.bucket}/{path}", content)

    def _upload(self, path: str, content: mmap.mmap) -> None:
        # All in one write: a stream that is closed after half of it would leave half a file.
        # Without a word about compression, the name's ending would have it compressed a second time.
        out = self._system.open_output_stream(path, compression=None)
        buffer = pa.py_buffer(content)
        try:
            out.write(buffer)
            out.close()
        finally:
            del buffer


def build_store(config: ChangeSinkConfig) -> Store:
    """As configured."""
    return Directory(config) if config.local else Bucket(config)


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of files and of the driver into ours."""
    try:
        yield
    except OSError as error:
        raise of_os(error) from error
    except pa.ArrowException as error:
        raise AbortError(f"the file cannot be written: {error}") from error


def of_os(error: OSError) -> SupersyncError:
    """An error of files as ours."""
    words = str(error)
    if any(hint in words for hint in _DENIED):
        return AccessDenied(f"the store refuses us: {words}")
    if "NO_SUCH_BUCKET" in words:
        return NotFound(f"the store has no such bucket: {words}")
    return _BY_ERRNO.get(error.errno, Unavailable)(f"the file cannot be stored at present: {words}")
