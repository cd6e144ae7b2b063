"""Pause and resume. Of a pipeline with a schedule, the engine's switch is the truth, and the ledger follows it.

So one who turns the switch in Dagster's UI and one who asks the API to pause mean the same thing. A pipeline without
a schedule in the engine has no switch: there the ledger alone decides. See docs/decisions/0010-one-switch.md.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from supersync_core.domain.pipeline import DesiredState, dagster_key
from supersync_core.ledger.tables import Pipeline
from supersync_core.services.launcher import Launcher
from supersync_core.services.pipelines import get_pipeline, set_desired_state


def switch_pipeline(session: Session, launcher: Launcher, name: str, state: DesiredState, *, at: datetime) -> Pipeline:
    """Say what is wanted of a pipeline, and turn its schedule's switch.

    A run that goes on is not touched. Raises NotFound, and Unavailable when the switch cannot be turned: then nothing
    has changed. Should the caller's commit fail after this, the ledger follows the switch within seconds.
    """
    pipeline = get_pipeline(session, name)
    # The row is locked from here on, so that a look at the switch that is older than this cannot be written after it.
    session.refresh(pipeline, with_for_update=True)
    set_desired_state(session, pipeline.name, state, at=at)
    pipeline.updated_at = at
    session.flush()
    launcher.set_schedule(dagster_key(pipeline.name), state is DesiredState.RUNNING)
    return pipeline


class Wanted(NamedTuple):
    """What is wanted of the pipeline with a key, since when at the latest."""

    key: str
    state: DesiredState
    updated_at: datetime


def desired_states(session: Session) -> Mapping[int, Wanted]:
    """What is wanted of each pipeline that is not retired, by the pipeline's id."""
    columns = (Pipeline.id, Pipeline.name, Pipeline.desired_state, Pipeline.updated_at)
    found = session.execute(select(*columns).where(Pipeline.retired_at.is_(None)))
    return {id_: Wanted(dagster_key(name), state, updated_at) for id_, name, state, updated_at in found}


def follow_switches(
    session: Session, seen: Mapping[int, Wanted], switches: Mapping[str, bool], *, at: datetime
) -> list[str]:
    """Let the ledger follow switches that somebody has turned elsewhere; the keys of the pipelines that changed.

    `seen`: the `desired_states` from before the look at `switches`. What changed in the ledger since then is newer
    than that look, and stays.
    """
    changed = []
    for id_, before in seen.items():
        state = _follow(before.state, switches.get(before.key))
        if state is before.state:
            continue
        # By its time and not its state: a pipeline that was resumed meanwhile may be wanted as it was before.
        unchanged = update(Pipeline).where(Pipeline.id == id_, Pipeline.updated_at == before.updated_at)
        values = {"desired_state": state, "updated_at": at}
        if session.scalar(unchanged.values(values).returning(Pipeline.id)) is not None:
            changed.append(before.key)
    return changed


def _follow(state: DesiredState, switched_on: bool | None) -> DesiredState:
    """None: there is no switch. A pipeline that is stopped is off in any case."""
    if switched_on is None or switched_on == (state is DesiredState.RUNNING):
        return state
    if switched_on:
        return DesiredState.RUNNING
    return DesiredState.PAUSED if state is DesiredState.RUNNING else state
