"""Child processes that live and die together, also when the parent is killed.

Each child leads a process group, in which its own children (code servers, runs) stay; groups are what is ended. A guard
process is told of each group, and ends them when we cannot do it any more.
"""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType

from supersync_core.errors import AbortError
from supersync_dagster.commands.groups import STOP_S, end_groups


class Processes:
    """Starts children, sees whether they live, and ends them on leaving the `with` block."""

    def __init__(self, guard_arguments: Sequence[str], lock: int) -> None:
        """`lock`: a file descriptor that the guard keeps open until it has cleaned up."""
        self._guard_arguments, self._lock = guard_arguments, lock
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._groups: dict[int, float] = {}

    def __enter__(self) -> "Processes":
        """Start the guard."""
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "supersync_dagster.commands.guard", *self._guard_arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(self._lock,),
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the children, the one that was started first after the others, then the guard."""
        end_groups(self._groups, self._reap)
        self._tell_guard("done")
        self._guard.wait()

    def start(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str], stop_s: float = STOP_S
    ) -> None:
        """Run `python -m module`. What it prints goes to our stderr: our stdout may be read by a program.

        `stop_s`: so long it may take to end when it is asked to.
        """
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
        )
        self._children[name] = child
        self._groups[child.pid] = stop_s
        self._tell_guard(f"{child.pid} {stop_s}")

    def check(self) -> None:
        """Raise AbortError when a child has ended."""
        for name, child in self._children.items():
            code = child.poll()
            if code is not None:
                how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
                raise AbortError(f"the {name} has ended with {how}; see its messages above")

    def _reap(self) -> None:
        for child in self._children.values():
            child.poll()

    def _tell_guard(self, line: str) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.write(f"{line}\n".encode())
        self._guard.stdin.flush()
