"""Who calls: a user of Supabase, and the agency that the user belongs to."""

import uuid
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from supersync_core.domain.access import Identity, Role
from supersync_core.services.historical_sync.agencies import agency_of
from supersync_core.services.supabase import InvalidToken, Supabase
from supersync_dagster.api.auth import IDENTITY
from supersync_dagster.api.deps import ContextDep
from supersync_dagster.api.historical_sync.wire import BAD_TOKEN, NO_AGENCY, NO_TOKEN


def _agency(request: Request, context: ContextDep) -> uuid.UUID:
    """The caller's agency. Raises 401 and 403 in the words of the document."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise HTTPException(401, NO_TOKEN)
    supabase: Supabase = request.app.state.supabase
    try:
        user = supabase.user(token.strip())
    except InvalidToken:
        raise HTTPException(401, BAD_TOKEN) from None
    # For the audit.
    request.scope[IDENTITY] = Identity(f"supabase:{user}", Role.OPERATOR, "token")
    with context.ledger.begin() as session:
        agency = agency_of(session, context.configuration(), user)
    if agency is None:
        raise HTTPException(403, NO_AGENCY)
    return agency


AgencyDep = Annotated[uuid.UUID, Depends(_agency)]
