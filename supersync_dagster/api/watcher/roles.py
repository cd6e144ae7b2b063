"""Who may do what: viewers read, operators report, admins delete."""

from fastapi import Depends

from supersync_core.domain.access import Role
from supersync_dagster.api.auth import require

VIEWER, OPERATOR, ADMIN = ([Depends(require(role))] for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN))
