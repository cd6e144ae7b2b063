"""What is asked about a change source from beside it, each time by a connection of its own."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from supersync_core.connectors.postgres.change_catalog import candidates, describe, describe_published, published
from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.places import Place
from supersync_core.connectors.postgres.publications import Publication
from supersync_core.connectors.postgres.slots import drop_slot, log_end, retained_bytes
from supersync_core.domain.change import Position, SourceTable
from supersync_core.domain.table_patterns import TablePatterns

if TYPE_CHECKING:
    from supersync_core.connectors.postgres.change_config import ChangeSourceConfig


class Inspection:
    """A slot, a publication and its tables, looked at and cleared away."""

    def __init__(self, config: "ChangeSourceConfig", pipeline: str) -> None:
        """Nothing is connected."""
        self._config, self._pipeline = config, pipeline
        self._patterns = TablePatterns(config.tables)

    def tables(self) -> list[SourceTable]:
        """Those that are published, or while there is no publication, those that would be; by name."""
        with self._session() as session:
            database = _text(session, "select current_database()")
            if self._publication(session).exists():
                there = published(session, self._config.publication, self._patterns)
                found = [described for _, described in describe_published(session, database, there)]
            else:
                oids = [table.oid for table in candidates(session, self._patterns)]
                found = list(describe(session, database, oids).values())
            return sorted((described.table for described in found), key=lambda table: table.full_name)

    def log_end(self) -> int:
        """How far the log goes."""
        with self._session() as session:
            return log_end(session)

    def retained_bytes(self) -> int | None:
        """How much log is kept because of the slot; None when there is none."""
        with self._session() as session:
            return retained_bytes(session, self._config.slot)

    def forget(self, *, made_slot: bool, last: Position | None) -> None:
        """Drop slot and publication, each only if we have made it: the slot is noted at a publication of ours, and in
        every position.
        """
        with self._session() as session:
            publication = self._publication(session)
            if made_slot or publication.made_slot(self._config.slot) or _says_made(session, last):
                drop_slot(session, self._config.slot)
            publication.drop_if_ours()

    def _publication(self, session: Session) -> Publication:
        return Publication(session, self._config.publication, self._pipeline, self._patterns)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with closing(Session(self._config.dsn.get_secret_value(), f"supersync look {self._config.id}")) as session:
            session.execute("set search_path to ''")
            yield session


def _says_made(session: Session, last: Position | None) -> bool:
    if last is None:
        return False
    place = Place.of(last)
    here = "select format('%s/%s', system_identifier, current_database()) from pg_control_system()"
    return place.made_slot and place.origin == _text(session, here)


def _text(session: Session, query: str) -> str:
    row = session.execute(query).fetchone()
    assert row is not None
    return str(row[0])
