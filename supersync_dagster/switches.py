"""Whether the schedules of pipelines are switched on, as a sensor can see it."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus


@dataclass(frozen=True)
class Switch:
    """The schedule of a pipeline. `default`: on as long as nobody has touched it."""

    schedule: str
    default: bool


def read_switches(context: dg.SensorEvaluationContext, switches: Mapping[str, Switch]) -> dict[str, bool]:
    """Whether each is on, by the pipelines' keys: one question for all."""
    origin, instance = context.code_location_origin, context.instance
    location = origin.location_name if origin else None
    # An instance in memory keeps nothing of schedules.
    stored = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE) if instance.schedule_storage else []
    touched = {
        state.instigator_name: state.status
        for state in stored
        # Another code location may have schedules of the same names.
        if location is None or state.repository_selector.location_name == location
    }
    return {key: _is_on(touched.get(switch.schedule), switch.default) for key, switch in switches.items()}


def _is_on(status: InstigatorStatus | None, default: bool) -> bool:
    return default if status in (None, InstigatorStatus.DECLARED_IN_CODE) else status is InstigatorStatus.RUNNING
