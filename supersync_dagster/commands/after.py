"""`python -m supersync_dagster.commands.after SOCKET ARGUMENTS...`: `supersync webserver` once SOCKET answers.

Importing Dagster's web server takes as long as loading a code location. This does one while the other is done.
"""

import gc
import runpy
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module

LOOK_S = 0.05


def main() -> None:
    """Import, wait, run."""
    path, *arguments = sys.argv[1:]
    gc.disable()  # nothing that is imported is garbage; looking for it takes a fifth of the time
    with suppress(ImportError):  # the command says why
        import_module("supersync_dagster.webserver")
    gc.freeze()
    gc.enable()
    while not answers(path):
        time.sleep(LOOK_S)
    sys.argv = ["supersync", "webserver", *arguments]
    runpy.run_module("supersync_dagster.cli", run_name="__main__", alter_sys=True)


def answers(path: str) -> bool:
    """Whether somebody listens on the unix socket at `path`."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


if __name__ == "__main__":
    main()
