"""Who did what: every change and every refusal leaves an entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.domain.access import Identity
from supersync_core.ledger.audit import AuditFilter, insert_entries, select_entries
from supersync_core.ledger.perimeter_tables import AuditEntry

__all__ = ["ANONYMOUS", "AuditEntry", "AuditFilter", "Caller", "Deed", "list_audit", "record", "record_all"]

ANONYMOUS = "anonymous"
"""The actor of a request that did not say, or did not prove, who is asking."""
MAX_TEXT = 300


@dataclass(frozen=True)
class Caller:
    """Who asks, from which address (None: not over a network), by which request."""

    identity: Identity | None
    remote: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Deed:
    """What an entry says.

    `action`: what was asked for, such as `sync.trigger`; `target`: of what, such as a pipeline's name, never a secret;
    `result`: the HTTP status of the answer, None for what came over no HTTP.
    """

    caller: Caller
    action: str
    target: str
    result: int | None


def record(  # noqa: PLR0913  # what an entry says
    session: Session, caller: Caller, action: str, target: str, *, result: int | None, at: datetime
) -> None:
    """Add an entry, in the transaction of what was done where there is one. See `Deed`."""
    record_all(session, [Deed(caller, action, target, result)], at=at)


def record_all(session: Session, deeds: Sequence[Deed], *, at: datetime) -> None:
    """The same for many, in one statement."""
    insert_entries(session, [{"at": at, **_entry(deed)} for deed in deeds])


def _entry(deed: Deed) -> dict[str, Any]:
    identity = deed.caller.identity
    return {
        "actor": _plain(identity.name if identity else ANONYMOUS),
        "role": identity.role.word if identity else None,
        "via": identity.via if identity else "none",
        "action": _plain(deed.action),
        "target": _plain(deed.target),
        "result": deed.result,
        "remote": deed.caller.remote,
        "request_id": deed.caller.request_id,
    }


def list_audit(session: Session, wanted: AuditFilter, limit: int) -> tuple[Sequence[AuditEntry], int | None]:
    """Entries, the newest first, and the `before` with which the next ones are found; None when there are no more."""
    entries = select_entries(session, wanted, limit + 1)
    return entries[:limit], entries[limit - 1].id if len(entries) > limit else None


def _plain(text: str) -> str:
    # A stranger's text: what the database cannot hold, or a terminal would act on, is not kept.
    text = text[:MAX_TEXT]
    return text if text.isprintable() else "".join(one if one.isprintable() else "?" for one in text)
