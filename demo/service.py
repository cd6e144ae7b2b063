"""`supersync dev` as a child process: started, awaited, and stopped whatever happens."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

READY = re.compile(r"supersync is ready at (http://\S+)")
START_S = 120
STOP_S = 15


@contextmanager
def running(data_dir: Path, config: Path, variables: Mapping[str, str]) -> Iterator[str]:
    """Start `supersync dev` on port 3000, or on a free one where that is taken; yield its address; stop it.

    `variables`: more of its environment.
    Its output goes to `dev.log` in the data directory. Raises SystemExit with the end of it when it does not start.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SUPERSYNC_", "DAGSTER_", "SUPABASE_"))}
    command = [sys.executable, "-m", "supersync_dagster.cli", "dev", "--host", "127.0.0.1", "--port", str(_port())]
    log = data_dir / "dev.log"
    with log.open("w") as output:
        child = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), "--config", str(config)],
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(child, log)
    finally:
        _stop(child)


def _port(preferred: int = 3000) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return 0
    return preferred


def _address(child: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait for the line that says it is ready."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        found = READY.search(log.read_text(errors="replace"))
        if found:
            return found[1]
        time.sleep(0.1)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise SystemExit(f"supersync dev did not start; the end of {log}:\n{tail}")


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and end it when it does not."""
    with suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
