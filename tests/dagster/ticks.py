"""Sensors that tick when a test wants it."""

import dagster as dg

from tests.dagster.conftest import Project


class Sensor:
    """A sensor whose cursor is kept between its ticks."""

    def __init__(self, project: Project, name: str, instance: dg.DagsterInstance) -> None:
        self._project, self._instance, self._cursor = project, instance, None
        self._definition = project.build().resolve_sensor_def(name)

    def tick(self) -> str | None:
        """Why it asks for no run."""
        resources = {"supersync": self._project.resource}
        with dg.build_sensor_context(instance=self._instance, cursor=self._cursor, resources=resources) as context:
            data = self._definition.evaluate_tick(context)
        self._cursor = data.cursor
        return data.skip_message
