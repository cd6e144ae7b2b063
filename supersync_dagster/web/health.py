"""What the banner says about everything that supersync depends on."""

from collections.abc import Iterator
from dataclasses import dataclass

from supersync_core.services.connectivity import Finding, Side
from supersync_core.services.wellbeing import Wellbeing
from supersync_dagster.api.context import ApiContext

_SIDES = {Side.SOURCE: "Sources", Side.TARGET: "Targets"}


@dataclass(frozen=True)
class Chip:
    """One thing. `good` None: nobody knows yet."""

    name: str
    good: bool | None
    text: str


UNKNOWN = (Chip("Database", None, "asking"), Chip("Daemon", None, "asking"))
DATABASE_AWAY = (Chip("Database", False, "does not answer; what is shown below may be old"),)


def chips_now(context: ApiContext) -> tuple[Chip, ...] | None:
    """What was found last; None while it is being asked. Never waits."""
    found = context.wellbeing.latest()
    return None if found is None else tuple(_chips(found))


def _chips(found: Wellbeing) -> Iterator[Chip]:
    yield _chip("Database", found.database)
    yield _chip("Daemon", found.daemon)
    for side, connections in found.sides.items():
        if not connections:
            continue
        bad = {name: one.finding.problem for name, one in connections.items() if one.finding.problem}
        good = f"all {len(connections)} answer" if len(connections) > 1 else "answers"
        text = "; ".join(f"{name}: {problem}" for name, problem in bad.items()) or good
        yield Chip(_SIDES[side] if len(connections) > 1 else _SIDES[side][:-1], not bad, text)
    if found.configuration.problem:
        yield Chip("Configuration", False, found.configuration.problem)


def _chip(name: str, finding: Finding) -> Chip:
    return Chip(name, finding.problem is None, finding.problem or "alive")
