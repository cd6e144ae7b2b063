"""Ask twice, be done once: a caller gives its request a key, and asking again with it gets the first answer."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from supersync_core.errors import BadData
from supersync_core.ledger import answers as rows

KEPT = timedelta(hours=24)
"""For so long a key stands for its first request."""


class OneAnswer:
    """The answer to what `caller` asks with `key`; without a key every request is new.

    Use within one transaction: it then holds what was done and what was answered, or neither. Of many at once with one
    key, one does the work and the others wait for its answer; if it fails, the next one tries.
    """

    def __init__(self, session: Session, caller: str, key: str | None, request: Any, *, at: datetime) -> None:
        """`request`: anything that JSON can say, the same for the same request. Raises BadData for another one."""
        self._session, self._caller, self._key = session, caller, key
        self.given: dict[str, Any] | None = None
        if key is None:
            return
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).digest()
        rows.delete_answers(session, before=at - KEPT)
        kept = rows.claim_key(session, caller, key, digest, at=at)
        if kept is not None and kept.request != digest:
            raise BadData("this Idempotency-Key came with another request before: take a new key for a new request")
        self.given = kept.answer if kept is not None else None

    def keep(self, answer: dict[str, Any]) -> None:
        """Give this answer from now on."""
        if self._key is not None:
            rows.keep_answer(self._session, self._caller, self._key, answer)
