"""The configuration as it is now, for a process that lives long."""

import threading
from pathlib import Path

from supersync_core.services.configuration import Configuration, load_configuration
from supersync_core.services.settings import Settings


class CurrentConfiguration:
    """Called, it gives the configuration; the file is read when it has changed. Any thread may call."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read yet."""
        self._path, self._named = settings.config, "config" in settings.model_fields_set
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, ...], Configuration] | None = None

    def __call__(self) -> Configuration | None:
        """None where nobody has named a file and the default is not there. Raises ConfigError."""
        if not self._named and not self._path.exists():
            return None
        with self._lock:
            seen = _fingerprint(self._path)
            if self._read is None or self._read[0] != seen:
                self._read = (seen, load_configuration(self._path))
            return self._read[1]


def _fingerprint(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)
