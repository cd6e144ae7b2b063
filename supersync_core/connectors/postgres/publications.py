"""The publication: which tables' changes the server sends.

One that is missing is made, and remembered by its comment as ours; to one that is ours, tables are added that the
patterns mean by now. One that somebody else made is used as it is.
"""

import json
import logging
from collections.abc import Sequence

from psycopg2 import sql

from supersync_core.connectors.postgres.change_catalog import Candidate, candidates, published
from supersync_core.connectors.postgres.connection import Session
from supersync_core.domain.table_patterns import TablePatterns
from supersync_core.errors import AccessDenied, Unavailable

logger = logging.getLogger(__name__)

_MARK = "made by supersync: "
_SHARED = f"{_MARK}shared"


class Publication:
    """A publication by name, as one pipeline needs it."""

    def __init__(self, session: Session, name: str, pipeline: str, patterns: TablePatterns) -> None:
        """Nothing is asked yet."""
        self._session, self._name, self._pipeline, self._patterns = session, name, pipeline, patterns

    def ensure(self) -> None:
        """See that it is there and has the tables that are named in full.

        Raises Unavailable with the statement to run when we may not make it, or when it lacks a table and is not ours.
        """
        comment = self._comment()
        if comment is None:
            self._create()
        elif self._owner(comment).get("pipeline") == self._pipeline:
            self._add_tables()
        else:
            if self._owner(comment):
                self._share()
            self._check_tables()

    def check(self) -> None:
        """Raise Unavailable when it is gone: the server would send nothing, or go on without a word."""
        if not self.exists():
            raise Unavailable(
                f"the publication {self._name!r} is gone: changes that are made until there is one of that name again"
                " are in nobody's log"
            )

    def exists(self) -> bool:
        """Whether there is one of that name."""
        return self._comment() is not None

    def remember_slot(self, slot: str) -> None:
        """Note in the comment that the slot is ours too; where the publication is not ours, nothing can be noted."""
        if self._is_ours():
            self._set_mark(slot)

    def made_slot(self, slot: str) -> bool:
        """Whether that was noted."""
        return self._is_ours() and self._owner(self._comment()).get("slot") == slot

    def drop_if_ours(self) -> None:
        """Drop what we made for this pipeline alone."""
        if self._is_ours():
            self._session.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(self._name)))

    def _comment(self) -> str | None:
        """Its comment, empty when it has none; None when there is no such publication."""
        row = self._session.execute(
            "select coalesce(obj_description(oid, 'pg_publication'), '') from pg_publication where pubname = %s",
            (self._name,),
        ).fetchone()
        return row[0] if row else None

    def _is_ours(self) -> bool:
        return self._owner(self._comment()).get("pipeline") == self._pipeline

    @staticmethod
    def _owner(comment: str | None) -> dict[str, str]:
        """The pipeline for which it was made, and that one's slot if that was made too; {} when it is nobody's."""
        if comment is None or not comment.startswith(_MARK) or comment == _SHARED:
            return {}
        try:
            owner: dict[str, str] = json.loads(comment.removeprefix(_MARK))
        except ValueError:
            return {}
        return owner

    def _set_mark(self, slot: str | None) -> None:
        owner = {"pipeline": self._pipeline, **({"slot": slot} if slot else {})}
        self._set_comment(_MARK + json.dumps(owner, ensure_ascii=False))

    def _set_comment(self, comment: str) -> None:
        statement = sql.SQL("comment on publication {} is {}")
        self._session.execute(statement.format(sql.Identifier(self._name), sql.Literal(comment)))

    def _share(self) -> None:
        """Another pipeline's: it must not be dropped with that one."""
        try:
            self._set_comment(_SHARED)
        except AccessDenied:
            logger.warning("the publication %s is another pipeline's, and will be dropped with it", self._name)

    def _create(self) -> None:
        tables = self._wanted()
        statement = self._create_statement(tables)
        try:
            self._session.execute(statement)
        except AccessDenied as denied:
            raise Unavailable(
                f"the publication {self._name!r} is missing, and we may not create it ({denied}). Run as a superuser,"
                f" or as the owner of the tables: {self._session.text(statement)}"
            ) from denied
        self._set_mark(None)

    def _create_statement(self, tables: Sequence[Candidate]) -> sql.Composed:
        of = sql.SQL("all tables") if self._takes_all() else sql.SQL("table {}").format(_list(tables))
        # Changes of a partition are those of the table that it is a part of.
        return sql.SQL("create publication {} for {} with (publish_via_partition_root = true)").format(
            sql.Identifier(self._name), of
        )

    def _takes_all(self) -> bool:
        """Every table, also those to come: only a superuser may publish that."""
        row = self._session.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
        return bool(row and row[0]) and self._patterns.mean_all

    def _wanted(self) -> list[Candidate]:
        """What the patterns mean. Raises Unavailable when that is not there yet, or when it would hurt the source."""
        tables = candidates(self._session, self._patterns)
        self._raise_if_missing(tables)
        if not tables and not self._takes_all():
            raise Unavailable(f"no table matches {', '.join(self._patterns.patterns)}: nothing to publish yet")
        blind = [table for table in tables if not table.has_identity]
        if blind:
            fix = "; ".join(
                self._session.text(sql.SQL("alter table {} replica identity full").format(_list([table])))
                for table in blind
            )
            raise Unavailable(
                "once published, these tables would refuse UPDATE and DELETE, because they have no primary key:"
                f" {', '.join(f'{table.schema}.{table.name}' for table in blind)}. Add one, or run: {fix}"
            )
        return tables

    def _raise_if_missing(self, tables: Sequence[Candidate]) -> None:
        there = {(table.schema, table.name) for table in tables}
        missing = [f"{schema}.{name}" for schema, name in self._patterns.exact() if (schema, name) not in there]
        if missing:
            raise Unavailable(f"there is no such table: {', '.join(missing)}")

    def _lacking(self, tables: Sequence[Candidate]) -> list[Candidate]:
        there = published(self._session, self._name, self._patterns)
        has = {(table.schema, table.name) for table in there} | {table.root for table in there}
        return [table for table in tables if (table.schema, table.name) not in has]

    def _add_tables(self) -> None:
        """Those that would be hurt by being published are left out: they came later than the pipeline."""
        lacking = self._lacking([t for t in candidates(self._session, self._patterns) if t.has_identity])
        if lacking:
            try:
                self._session.execute(self._add_statement(lacking))
            except AccessDenied as denied:
                logger.warning("tables were not added to the publication %s: %s", self._name, denied)

    def _check_tables(self) -> None:
        exact = self._patterns.exact()
        lacking = self._lacking([t for t in candidates(self._session, self._patterns) if (t.schema, t.name) in exact])
        if lacking:
            raise Unavailable(
                f"the publication {self._name!r} lacks tables. Run as its owner:"
                f" {self._session.text(self._add_statement(lacking))}"
            )

    def _add_statement(self, tables: Sequence[Candidate]) -> sql.Composed:
        return sql.SQL("alter publication {} add table {}").format(sql.Identifier(self._name), _list(tables))


def _list(tables: Sequence[Candidate]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table.schema, table.name) for table in tables)
