"""What the applications of the API are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from supersync_core.clock import Clock, utcnow
from supersync_core.ledger.database import Ledger
from supersync_core.services.board import Board
from supersync_core.services.configuration import Configuration
from supersync_core.services.launcher import Launcher
from supersync_core.services.refresh import Refreshed
from supersync_core.services.settings import Settings
from supersync_core.services.wellbeing import Doctor, Wellbeing

WELLBEING_S = 1.0
"""So old may it be that the daemon lives: who has just started it waits for that."""


@dataclass(frozen=True)
class ApiContext:
    """`configuration` reads the configuration as it is now; None where there is no file. Raises ConfigError.

    `ui_path`: the path below which Dagster's UI is, such as `/dagster`; empty where it is at the root.
    """

    ledger: Ledger
    launcher: Launcher
    settings: Settings
    configuration: Callable[[], Configuration | None]
    clock: Clock = utcnow
    ui_path: str = ""

    @cached_property
    def board(self) -> Board:
        """How every pipeline stands: one for all applications, pages and streams of this process."""
        return Board(self.ledger, self.launcher, self.clock)

    @cached_property
    def wellbeing(self) -> Refreshed[Wellbeing]:
        """How everything does that we depend on: however many ask, the others are asked at most this often."""
        return Refreshed(Doctor(self.ledger, self.launcher, self.board, self.configuration).look, WELLBEING_S)
