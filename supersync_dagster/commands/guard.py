"""`python -m supersync_dagster.commands.guard [DATA_DIR]`: ends what a killed `supersync dev` has left behind.

On stdin it is told of process groups, each by its number and the seconds that it may take to end, and at last `done`.
When stdin ends without that, whoever held the other end was killed: the groups are ended, and the embedded server in
DATA_DIR unless others use it.
"""

import signal
import sys
from pathlib import Path

from supersync_dagster.commands.groups import end_groups


def main() -> None:
    """Wait, and clean up if need be."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, float] = {}
    for line in sys.stdin:
        if line == "done\n":
            return
        group, stop_s = line.split()
        groups[int(group)] = float(stop_s)
    end_groups(groups)
    for data_dir in sys.argv[1:]:
        _leave_embedded_server(Path(data_dir))


def _leave_embedded_server(data_dir: Path) -> None:
    from supersync_core.ledger.embedded import embedded_server

    # The server stops when its last user leaves, and the last one was killed: so join, and leave.
    with embedded_server(data_dir):
        pass


if __name__ == "__main__":
    main()
