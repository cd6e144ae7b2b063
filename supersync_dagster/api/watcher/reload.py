"""Dagster is told of what it shows when that has changed, once the change is committed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from sqlalchemy import event

from supersync_dagster.api.deps import LauncherDep, SessionDep


async def _reload(session: SessionDep, launcher: LauncherDep) -> Callable[[], None]:
    def after_commit() -> None:
        event.listen(session, "after_commit", lambda _: launcher.reload(), once=True)

    return after_commit


ReloadDep = Annotated[Callable[[], None], Depends(_reload)]
"""`reload()`: once this request is committed, Dagster reads the pipelines again, in the background."""
