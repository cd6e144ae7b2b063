"""Where a change source begins to read, or goes on."""

from dataclasses import replace
from typing import TYPE_CHECKING

from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.places import Place, Progress, parse_lsn
from supersync_core.connectors.postgres.publications import Publication
from supersync_core.connectors.postgres.replication import ReplicationConnection
from supersync_core.connectors.postgres.slots import Slot, check_slot, create_slot, find_slot, log_end
from supersync_core.domain.change import Position
from supersync_core.errors import ConfigError, PositionLost, Unavailable

if TYPE_CHECKING:
    from supersync_core.connectors.postgres.change_config import ChangeSourceConfig


class Opening:
    """A server whose log is about to be read. `origin`: its identity and that of the database."""

    def __init__(
        self,
        session: Session,
        replication: ReplicationConnection,
        publication: Publication,
        config: "ChangeSourceConfig",
    ) -> None:
        """Ask who it is. Raises ConfigError and Unavailable when its log cannot be read."""
        self._session, self._replication = session, replication
        self._publication, self._config = publication, config
        system, _, _, self.database = replication.command("IDENTIFY_SYSTEM")
        self.origin = f"{system}/{self.database}"
        self._check_server()

    def begin(self) -> tuple[Place, str | None]:
        """Where to read from for the first time, and the snapshot that was exported there if the slot is new."""
        self._publication.ensure()
        name, exported = self._config.slot, None
        slot = find_slot(self._session, name, self.database)
        made = slot is None or self._publication.made_slot(name)
        if slot is None and isinstance(self._config.start_position, str):
            lsn, exported = create_slot(self._replication, name)
            self._publication.remember_slot(name)
        else:
            lsn = self._start_within(slot)
        snapshot = None if self._mode == "never" else Progress(base=lsn, first=True)
        return Place(lsn, self.origin, made_slot=made, snapshot=snapshot), exported

    def go_on(self, after: Position, *, again: bool) -> Place:
        """Where to read on. `again`: this is no start of the pipeline. Raises PositionLost."""
        place = Place.of(after)
        if place.origin != self.origin:
            raise PositionLost(
                f"our checkpoint is of the server and database {place.origin}, and this is {self.origin}: its log"
                " says nothing about what is missing. Connect to the one that it came from, or delete the pipeline"
                " and create it again with a snapshot"
            )
        self.check(place)
        self._publication.ensure()
        if self._mode == "never":
            return replace(place, snapshot=None)
        if self._mode == "always" and place.snapshot is None and not again:
            return replace(place, snapshot=Progress(base=place.lsn, first=False))
        return place

    def check(self, place: Place) -> None:
        """Raise PositionLost when the slot does not have what comes after `place`."""
        name = self._config.slot
        check_slot(find_slot(self._session, name, self.database), name, place.lsn, log_end(self._session))

    @property
    def _mode(self) -> str:
        return self._config.snapshot.mode if self._config.snapshot is not None else "never"

    def _start_within(self, slot: Slot | None) -> int:
        """Where to begin in the log of a slot that was there before us."""
        start, end = self._config.start_position, log_end(self._session)
        lsn = parse_lsn(start.lsn) if not isinstance(start, str) else slot.confirmed if slot else 0
        check_slot(slot, self._config.slot, lsn, end)
        return end if start == "latest" else lsn

    def _check_server(self) -> None:
        row = self._session.execute(
            "select current_setting('wal_level'), pg_is_in_recovery(), set_config('search_path', '', false)"
        ).fetchone()
        assert row is not None
        if row[1]:
            raise Unavailable("the server is a standby: connect to the primary, or wait until it is promoted")
        if row[0] != "logical":
            raise ConfigError(
                f"the server's wal_level is {row[0]!r}, and its log can be read only with 'logical': run"
                " ALTER SYSTEM SET wal_level = 'logical' and restart the server"
            )
