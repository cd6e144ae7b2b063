"""Whether supersync and what it depends on do well: ledger, daemon, and the connections on both sides of its syncs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from supersync_core.domain.execution import ExecutionState
from supersync_core.domain.pipeline import DesiredState, PipelineKind
from supersync_core.errors import ConfigError
from supersync_core.ledger.database import Ledger
from supersync_core.services.board import Board
from supersync_core.services.configuration import Configuration
from supersync_core.services.connectivity import Finding, Probes, Side, connection_probe
from supersync_core.services.launcher import Launcher
from supersync_core.services.refresh import Refreshed

DATABASE, DAEMON, PIPELINES = "database", "daemon", "pipelines"
CONNECTIONS_S = 5.0
DAEMON_DEAD = "no sign of life: nothing is scheduled and nothing queued is started"


@dataclass(frozen=True)
class ConnectionFinding:
    """A connection of the configuration."""

    type: str
    finding: Finding


@dataclass(frozen=True)
class Wellbeing:
    """What was found. `pipelines`: how many there are, None where the ledger does not say.

    `failed`: continuous pipelines that shall run, and whose last run failed by what no repetition mends. `sides`:
    connections by their name.
    """

    database: Finding
    daemon: Finding
    configuration: Finding
    sides: Mapping[Side, Mapping[str, ConnectionFinding]]
    pipelines: int | None = None
    failed: tuple[str, ...] = field(default=())

    @property
    def degraded(self) -> bool:
        """Whether anything does not do well."""
        connections = (one.finding for side in self.sides.values() for one in side.values())
        findings = (self.database, self.daemon, self.configuration, *connections)
        return any(finding.problem is not None for finding in findings)


class Doctor:
    """Looks at everything at once. One caller at a time.

    Connections are asked at most once in `CONNECTIONS_S`, as platforms count how often somebody asks; what is ours,
    each time.
    """

    def __init__(
        self, ledger: Ledger, launcher: Launcher, board: Board, configuration: Callable[[], Configuration | None]
    ) -> None:
        """Nothing is looked at yet."""
        self._ledger, self._launcher, self._board, self._configuration = ledger, launcher, board, configuration
        self._ours, self._theirs = Probes(), Probes()
        self._sides = Refreshed(self._look_at_sides, CONNECTIONS_S)

    def look(self) -> Wellbeing:
        """Ask everybody, within the time limit of a probe."""
        sides = self._sides.future()
        counts: list[tuple[int, tuple[str, ...]]] = []
        found = self._ours.ask(
            {
                DATABASE: self._ask_ledger,
                DAEMON: self._ask_daemon,
                PIPELINES: lambda: counts.append(self._count()),
            }
        )
        # The board waits for the launcher too, so it says nothing of the database; nor may it hold the others up.
        pipelines, failed = counts[0] if counts else (None, ())
        configuration, connections = sides.result()
        return Wellbeing(found[DATABASE], found[DAEMON], configuration, connections, pipelines, failed)

    def _look_at_sides(self) -> tuple[Finding, Mapping[Side, Mapping[str, ConnectionFinding]]]:
        configuration, problem = self._read_configuration()
        used = _used(configuration)
        found = self._theirs.ask(
            {
                f"{side.value} {name}": connection_probe(configuration.connections[name], side)
                for side, names in used.items()
                for name in names
            }
        )
        sides = {
            side: {
                name: ConnectionFinding(configuration.connections[name].type, found[f"{side.value} {name}"])
                for name in names
            }
            for side, names in used.items()
        }
        return Finding(problem, 0.0), sides

    def _read_configuration(self) -> tuple[Configuration, str | None]:
        try:
            return self._configuration() or Configuration(), None
        except ConfigError:
            return Configuration(), "the configuration file is wrong: see supersync config show"

    def _ask_ledger(self) -> str | None:
        with self._ledger.begin() as session:
            session.execute(text("SELECT 1"))
        return None

    def _ask_daemon(self) -> str | None:
        return None if self._launcher.daemon().alive else DAEMON_DEAD

    def _count(self) -> tuple[int, tuple[str, ...]]:
        standings = self._board.snapshot().standings
        failed = tuple(
            standing.name
            for standing in standings
            if standing.kind is PipelineKind.CDC
            and standing.desired_state is not DesiredState.STOPPED
            and standing.live is None
            and standing.last is not None
            and standing.last.state is ExecutionState.FAILED
            and not standing.last.retryable
        )
        return len(standings), failed


def _used(configuration: Configuration) -> dict[Side, list[str]]:
    """The connections whose tables pipelines read and those whose tables they write, by name.

    Others are not asked every few seconds: platforms count how often somebody asks.
    """
    used = [use for pipeline in configuration.pipelines for use in pipeline.uses()]
    functions = {Side.SOURCE: "table_source", Side.TARGET: "table_sink"}
    return {
        side: sorted({use.connection for use in used if use.function == function})
        for side, function in functions.items()
    }
