"""A ZIP of somebody else: read by the names in it, never unpacked, and only as much as may be held."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

from supersync_core.errors import BadData, NotFound

MAX_MEMBERS = 1_000_000
MAX_BYTES = 64 * 1024 * 1024
"""Of one file in it: a day of a channel."""


class Archive:
    """Files of JSON in a ZIP. Raises NotFound where there is none, BadData for one that cannot be trusted or read."""

    def __init__(self, path: Path) -> None:
        """Open it, and look at the names in it."""
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {path}") from error
        except (OSError, zipfile.BadZipFile) as error:
            raise BadData(f"{path} cannot be read as a ZIP: {error}") from error
        try:
            self.names = self._trusted()
        except BadData:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self._zip.close()

    def json(self, name: str) -> Any:
        """What the file of that name says; None where there is none."""
        info = self.names.get(name)
        if info is None:
            return None
        try:
            with self._zip.open(info) as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise BadData(f"{name} is larger than {MAX_BYTES} bytes when it is unpacked")
            return json.loads(content)
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise BadData(f"{name} cannot be read: {error}") from error

    def _trusted(self) -> Mapping[str, zipfile.ZipInfo]:
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise BadData(f"the archive has more than {MAX_MEMBERS} files")
        for info in infos:
            path = PurePosixPath(info.filename.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise BadData(f"the archive has a file that leads out of it: {info.filename!r}")
            if info.file_size > MAX_BYTES:
                raise BadData(f"{info.filename} is larger than {MAX_BYTES} bytes when it is unpacked")
        return {info.filename: info for info in infos if not info.is_dir()}
