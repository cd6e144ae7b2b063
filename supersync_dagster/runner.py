"""`python -m supersync_dagster.runner SOCKET`: starts runs in a moment, because all that they need is loaded already.

A new process imports Dagster for seconds before it does anything. This one has done so, and forks: a run begins within
a few hundred milliseconds. It is asked over a unix socket, by one line of JSON: `{"start": run_id, "instance": ...}`,
`{"stop": run_id}` or `{"look": run_id}`; it answers `{"pid": ...}`, null where there is no such run (any more).
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

NEEDED = (
    "dagster._cli.api",
    "dagster._core.execution.api",
    "dagster_postgres",
    "supersync_dagster.definitions",
    "supersync_core.connectors.postgres",
    "supersync_core.services.channel_sync.work",
    "networkx",
)
LOOK_S = 1.0
"""So often it looks whether the process that started it lives."""
TIMEOUT_S = 5.0


def main() -> None:
    """Load, listen, fork, until the process that started us is gone or we are told to end."""
    _warm_up()
    parent = os.getppid()
    runs: dict[str, int] = {}
    with socket.socket(socket.AF_UNIX) as server:
        # Bound under another name first: who finds the socket can connect.
        path = Path(sys.argv[1])
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)
        server.bind(str(draft))
        server.listen(128)
        os.rename(draft, path)
        server.settimeout(LOOK_S)
        while os.getppid() == parent:
            try:
                client, _ = server.accept()
            except TimeoutError:
                _reap(runs)
                continue
            except KeyboardInterrupt:  # Ctrl-C reaches all of a terminal's processes: an end like any other
                return
            with client, contextlib.suppress(OSError, ValueError):
                client.settimeout(TIMEOUT_S)
                _serve(client, server, runs)
            _reap(runs)


def _serve(client: socket.socket, server: socket.socket, runs: dict[str, int]) -> None:
    request: dict[str, Any] = json.loads(client.makefile().readline())
    _reap(runs)
    if "start" in request:
        pid = os.fork()
        if pid == 0:
            server.close()
            client.close()
            _become(str(request["start"]), str(request["instance"]))
        runs[request["start"]] = pid
    else:
        pid = runs.get(str(request.get("stop") or request.get("look")), 0)
        if pid and "stop" in request:
            os.kill(pid, signal.SIGTERM)
    client.sendall(json.dumps({"pid": pid or None}).encode() + b"\n")


def _reap(runs: dict[str, int]) -> None:
    """Forget those that have ended. Until then a number is nobody else's."""
    for run_id, pid in list(runs.items()):
        if os.waitpid(pid, os.WNOHANG)[0]:
            del runs[run_id]


def _become(run_id: str, instance_ref: str) -> None:
    """Be the run, and end."""
    code = 1
    try:
        code = _execute(run_id, instance_ref)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _execute(run_id: str, instance_ref: str) -> int:
    import dagster as dg
    from dagster._cli.api import _execute_run_command_body
    from dagster._core.instance import InstanceRef
    from dagster._serdes import deserialize_value
    from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

    setup_interrupt_handlers()
    reference = deserialize_value(instance_ref, InstanceRef)
    with capture_interrupts(), dg.DagsterInstance.from_ref(reference) as instance:
        return _execute_run_command_body(run_id, instance, lambda event: None, set_exit_code_on_failure=True)


def _warm_up() -> None:
    """Import everything, and run something once: much of Dagster is imported only then. No thread is left behind.

    What is loaded stays: the garbage collector does not look for it meanwhile, nor later in the runs, whose memory
    would then not be shared with ours any more.
    """
    gc.disable()
    for name in NEEDED:
        importlib.import_module(name)
    import dagster as dg

    @dg.op
    def nothing() -> None: ...

    @dg.job(executor_def=dg.in_process_executor)
    def warm() -> None:
        nothing()

    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.ephemeral() as instance:
        warm.execute_in_process(run_config=silent, instance=instance)
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    main()
