"""Whether what supersync depends on answers: each asked in a thread of its own, with a limit of time."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from supersync_core.connectors.config import ConnectorConfig
from supersync_core.connectors.registry import load_connector
from supersync_core.errors import AccessDenied, ConfigError, NotFound, SupersyncError

logger = logging.getLogger(__name__)

PROBE_S = 3.0
"""How long one may take to answer."""

Probe = Callable[[], str | None]
"""Returns None when all is well, or what is wrong; may also raise it."""


class Side(str, Enum):
    """What a connection is used for."""

    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True)
class Finding:
    """What a probe found. `problem` None: all is well; else it says what is wrong without any name, host or secret."""

    problem: str | None
    seconds: float


class Probes:
    """Asks many at once. One that hangs is not asked again before it has come back, so threads do not pile up."""

    def __init__(self, limit_s: float = PROBE_S) -> None:
        """Nobody is asked yet."""
        self._limit_s = limit_s
        self._hanging: dict[str, threading.Thread] = {}
        self._logged: dict[str, str] = {}

    def ask(self, probes: Mapping[str, Probe]) -> dict[str, Finding]:
        """A finding for each, within the limit. One caller at a time."""
        found: dict[str, Finding] = {}
        begun = time.monotonic()
        started = {name: self._start(name, probe, found) for name, probe in probes.items()}
        for name, thread in started.items():
            thread.join(max(0.0, begun + self._limit_s - time.monotonic()))
            if thread.is_alive():
                self._hanging[name] = thread
        late = Finding(f"no answer within {self._limit_s:.0f} s", self._limit_s)
        return {name: found.get(name, late) for name in probes}

    def _start(self, name: str, probe: Probe, found: dict[str, Finding]) -> threading.Thread:
        hanging = self._hanging.pop(name, None)
        if hanging is not None and hanging.is_alive():
            return hanging
        thread = threading.Thread(target=self._run, args=(name, probe, found), name=f"probe {name}", daemon=True)
        thread.start()
        return thread

    def _run(self, name: str, probe: Probe, found: dict[str, Finding]) -> None:
        begun = time.monotonic()
        said = ""
        try:
            problem = probe()
        except SupersyncError as error:
            problem, said = _problem(error), str(error)
            # An outage is a line in the log, not one for each look.
            if said != self._logged.get(name):
                logger.warning("%s: %s", name, said)
        except Exception:  # a connector's bug must not look like a server that hangs
            problem = "the probe itself failed; the server's log says more"
            logger.exception("the probe of %s failed", name)
        self._logged[name] = said
        found[name] = Finding(problem, time.monotonic() - begun)


def connection_probe(connection: ConnectorConfig, side: Side) -> Probe:
    """Opens a connection as a run would, and closes it."""

    def probe() -> None:
        connector = load_connector(connection.type)
        make = connector.table_source if side is Side.SOURCE else connector.table_sink
        with make(connection).open():
            return

    return probe


def _problem(error: SupersyncError) -> str:
    """The kind of error alone: whoever asks about health may be anybody, and a server's words name hosts and users."""
    if isinstance(error, AccessDenied):
        return "refuses our credentials or rights"
    if isinstance(error, NotFound):
        return "there is no such database"
    if isinstance(error, ConfigError):
        return "its configuration is wrong"
    return "cannot be reached"
