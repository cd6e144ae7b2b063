"""The replication slot: making it, looking whether it still has what we need, dropping it.

A slot is never moved by anything but `ReplicationConnection.send_status`, so what it has confirmed is never beyond what
the engine has confirmed. One that is further than our checkpoint was read by somebody else: what lies between is lost.
"""

import time
from dataclasses import dataclass

from supersync_core.connectors.postgres.connection import Session
from supersync_core.connectors.postgres.places import format_lsn, parse_lsn
from supersync_core.connectors.postgres.replication import ReplicationConnection
from supersync_core.errors import Conflict, PositionLost, Unavailable

PLUGIN = "pgoutput"
DROP_PATIENCE_S = 5.0
"""The server's process ends a moment after our connection; only then can its slot be dropped."""

# The reason for which a slot was invalidated came with PostgreSQL 17.
_SLOT = """
select s.plugin, s.database, s.confirmed_flush_lsn::text, s.wal_status, to_jsonb(s) ->> 'invalidation_reason'
  from pg_replication_slots s where s.slot_name = %s
"""


@dataclass(frozen=True)
class Slot:
    """A logical slot. `confirmed`: what was committed up to there is gone. `lost`: why it is of no use any more."""

    name: str
    confirmed: int
    lost: str | None


def find_slot(session: Session, name: str, database: str) -> Slot | None:
    """The slot, None when there is none. Raises Conflict when it is of another kind or another database's."""
    row = session.execute(_SLOT, (name,)).fetchone()
    if row is None:
        return None
    plugin, of, confirmed, wal_status, reason = row
    if plugin != PLUGIN or of != database:
        kind = f"a slot of {plugin} in database {of}" if plugin else "a physical slot"
        raise Conflict(f"the slot {name!r} is {kind}, not one of {PLUGIN} in {database}: name another one")
    lost = "its log was removed" if wal_status == "lost" else None
    return Slot(name, parse_lsn(confirmed or "0/0"), f"it was invalidated: {reason}" if reason else lost)


def create_slot(replication: ReplicationConnection, name: str, *, temporary: bool = False) -> tuple[int, str]:
    """Make a slot: from where on it has the log, and the name of a snapshot of exactly that moment.

    The snapshot can be taken until the next command on this connection; a temporary slot ends with the connection.
    Waits for transactions that are open now.
    """
    kind = "TEMPORARY LOGICAL" if temporary else "LOGICAL"
    row = replication.command(f"CREATE_REPLICATION_SLOT {replication.quoted(name)} {kind} {PLUGIN}")
    return parse_lsn(row[1]), row[2]


def drop_slot(session: Session, name: str) -> None:
    """Drop the slot if it is there. Raises Unavailable while somebody reads from it."""
    deadline = time.monotonic() + DROP_PATIENCE_S
    while True:
        try:
            session.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", (name,)
            )
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def check_slot(slot: Slot | None, name: str, after: int, end: int) -> Slot:
    """The slot, if it still has everything after `after`. Raises PositionLost. `end`: of the server's log."""
    advice = (
        "Changes may be lost. Compare the targets with the source, or delete the pipeline and create it again with a"
        " snapshot"
    )
    at = format_lsn(after)
    if slot is None:
        raise PositionLost(f"the replication slot {name!r} is gone, and with it the log after {at}. {advice}")
    if slot.lost:
        raise PositionLost(f"the replication slot {name!r} cannot be used: {slot.lost}. {advice}")
    if slot.confirmed > after:
        raise PositionLost(
            f"the replication slot {name!r} begins at {format_lsn(slot.confirmed)}, after our checkpoint {at}: somebody"
            f" else has read from it. {advice}"
        )
    if after > end:
        raise PositionLost(
            f"the server's log ends at {format_lsn(end)}, before our checkpoint {at}: it was restored from an older"
            f" copy. {advice}"
        )
    return slot


def retained_bytes(session: Session, name: str) -> int | None:
    """How much log the server keeps because of the slot; None when there is no slot."""
    row = session.execute(
        "select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint from pg_replication_slots"
        " where slot_name = %s",
        (name,),
    ).fetchone()
    return max(row[0], 0) if row and row[0] is not None else None


def log_end(session: Session) -> int:
    """The end of the log, in the form in which its readers reach it soon.

    The server names the place where the next record goes. At the beginning of a page that is behind the page's header
    (24 bytes, in the first page of a file 40), where no record ends: the last one ends before the header. Readers get
    what is on disk; what is not, such as a commit that did not wait for the disk, is brought there within a moment
    when there is a commit, and else only when the server finds time to.
    """
    row = session.execute(
        "select pg_current_wal_insert_lsn()::text, current_setting('wal_block_size')::int,"
        " pg_size_bytes(current_setting('wal_segment_size')), pg_current_wal_flush_lsn()::text"
    ).fetchone()
    assert row is not None
    end, page, segment, on_disk = parse_lsn(row[0]), row[1], row[2], parse_lsn(row[3])
    header = 40 if end % segment < page else 24
    if end % page == header:
        end -= header
    if on_disk < end:
        # A transaction with a number has a commit, even when it does nothing.
        session.execute("select pg_current_xact_id()")
    return end
